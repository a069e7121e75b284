#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: twins.py CKMERGE
Real PyTorch files, opened and compared tensor for tensor with what torch made of them: the .safetensors beside them."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from torch_files import read_safetensors

ckmerge = os.path.abspath(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[2]
data = pathlib.Path(os.environ.get("CKMERGE_TEST_DATA") or root.parent / "shared" / "data")
if not data.is_dir():
    print("NOT RUN: pickles.twins (no ../shared/data, CKMERGE_TEST_DATA not set)")
    sys.exit(77)
# The mnist pair are two trainings of one net (3752 and 7504 batches): names, dtypes and shapes are equal, values are not.
OTHER_VALUES = {"mnist"}

files = sorted(data.rglob("*.pth")) + sorted(data.rglob("*.pt"))
assert len(files) >= 10, f"too few real files: {files}"
twins = 0
with tempfile.TemporaryDirectory(prefix="ckmerge-twins-") as folder:
    for path in files:
        out = os.path.join(folder, "out.safetensors")
        subprocess.run([ckmerge, "merge", path, "-m", "copy", "-o", out, "-f", "-q", "--no-fsync"], check=True)
        seen = json.loads(subprocess.run([ckmerge, "inspect", "--json", path], check=True, capture_output=True).stdout)
        found = read_safetensors(out)
        assert {t["name"] for t in seen["files"][0]["tensors"]} == set(found), path
        twin = path.with_suffix(".safetensors")
        if not twin.exists():
            continue
        wanted = read_safetensors(twin)
        twins += 1
        assert set(found) == set(wanted), f"{path}: names differ: {set(found) ^ set(wanted)}"
        for name in wanted:
            assert found[name][:2] == wanted[name][:2], f"{path}: {name}: {found[name][:2]}, twin {wanted[name][:2]}"
            if path.stem not in OTHER_VALUES:
                assert found[name][2] == wanted[name][2], f"{path}: {name}: other bytes than its twin"
assert twins >= 5, f"only {twins} twins"
print(f"{len(files)} real files opened, {twins} equal to their twins")
