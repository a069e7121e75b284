#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: numbered_names.py CKMERGE
Twelve merges at once with one --filename-prefix: each gets a number of its own, none is lost, none overwrites another."""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs

ckmerge, COUNT = os.path.abspath(sys.argv[1]), 12

with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
    folder = pathlib.Path(name)
    # Each has an input of its own, so that its file is known by its bytes.
    for i in range(COUNT):
        make_inputs.write(folder / f"{i}.safetensors", None, [("w", "I64", [1], i.to_bytes(8, "little"))], True)
    runs = [subprocess.Popen([ckmerge, "merge", f"{i}.safetensors", "-m", "copy", "--filename-prefix", "out/x", "-q", "-f",
                              "--metadata", "none"], cwd=folder, stderr=subprocess.PIPE, text=True) for i in range(COUNT)]
    faults = [f"exit {run.returncode}: {err}" for run in runs if (err := run.communicate()[1]) or run.returncode]
    names = sorted(os.listdir(folder / "out"))
    if names != [f"x_{i:05}_.safetensors" for i in range(1, COUNT + 1)]:
        faults.append(f"the names are {names}")
    found = sorted(int.from_bytes((folder / "out" / name).read_bytes()[-8:], "little") for name in names)
    if found != list(range(COUNT)):
        faults.append(f"the files hold {found}")
for fault in faults:
    print("FAILED:", fault)
print(f"{COUNT} merges at once, {len(faults)} faults")
sys.exit(1 if faults else 0)
