# SPDX-License-Identifier: Apache-2.0
"""The licence texts that scripts/wheel.sh puts into the wheel, beside the libraries that they are of."""
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

NOT_RUN = "NOT RUN: licences of the wheel (no Debian packages to take them from)"


def test_licences(tmp_path):
    found = sorted(pathlib.Path("/usr/lib").glob("*/libre2.so.*.*.*"))
    if not found or not shutil.which("dpkg-query") or not pathlib.Path("/usr/share/doc/libcli11-dev/copyright").exists():
        pytest.skip(NOT_RUN)
    inside = "ckmerge.libs/" + found[0].name.replace(".so", "-0123abcd.so", 1)
    wheel = tmp_path / "ckmerge-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(inside, b"library")
        archive.writestr("ckmerge-0.dist-info/RECORD", f"{inside},,\nckmerge-0.dist-info/RECORD,,\n")
    for _ in range(2):  # again changes nothing
        done = subprocess.run([sys.executable, str(ROOT / "scripts" / "wheel_licences.py"), str(wheel)], capture_output=True, text=True)
        if done.returncode and "no package has" in done.stderr:
            pytest.skip(NOT_RUN)
        assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        texts = [name for name in names if name.startswith("ckmerge-0.dist-info/licenses/")]
        assert len(texts) == 2 and len(set(names)) == len(names)
        assert any("Redistribution and use" in archive.read(name).decode() for name in texts)
        record = archive.read("ckmerge-0.dist-info/RECORD").decode()
    assert all(name in record for name in names) and record.count("\n") == len(names)
