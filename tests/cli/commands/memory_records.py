#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: memory_records.py CKMERGE
Files that record inputs which a program had in memory: what `run` says of them, and that it merges them again from
files. The command line has no such inputs, so that what it records is put into a header here."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors


def make(path, value):
    make_inputs.write(path, {"format": "pt"}, [make_inputs.parse(f"w F32 2 {value} 1")], True)


def recorded(path, *options, inputs):
    """A merge of A and B, whose inputs' names and sums are changed."""
    make("A.safetensors", 1)
    make("B.safetensors", 3)
    done = call("merge", "A.safetensors", "B.safetensors", "-o", "merged.safetensors", "-f", *options)
    expect(done.returncode == 0, done.stderr)
    metadata = metadata_of("merged.safetensors")
    recipe = json.loads(metadata["ckmerge.recipe"])
    for row, change in zip(recipe["inputs"], inputs):
        row.update(change)
    make_inputs.write(path, {**metadata, "ckmerge.recipe": json.dumps(recipe, separators=(",", ":"))},
                      [make_inputs.parse("w F32 1 1")], True)


def unbound():
    recorded("R.safetensors", inputs=[{"name": "memory:unet"}])
    told = "A was in memory when it was merged (memory:unet), not in a file; give one that holds it as A=PATH"
    refused(2, told, "run", "R.safetensors", "B=B.safetensors", "-o", "out.safetensors")
    refused(2, told, "run", "R.safetensors", "--models", ".", "-o", "out.safetensors")
    refused(2, "A was memory:unet, in memory", "run", "R.safetensors", "-o", "out.safetensors")
    expect(not os.path.exists("out.safetensors"), "something was written")


def bound():
    recorded("R.safetensors", inputs=[{"name": "memory:unet"}])
    done = call("run", "R.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "out.safetensors")
    expect(done.returncode == 0 and "which was called memory:unet when it was merged" in done.stdout, f"{done}")
    expect(safetensors("out.safetensors")[1] == safetensors("merged.safetensors")[1], "the same tensors")


def hashed():
    recorded("R.safetensors", "--hash", inputs=[{"name": "memory:unet", "sha256": None}])
    done = call("run", "R.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "out.safetensors")
    expect(done.returncode == 0, f"{done}")
    recorded("R.safetensors", "--hash", inputs=[{"name": "A.safetensors", "sha256": None}])
    refused(3, "an input has no sha256", "run", "R.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "x.ckpt")
    recorded("R.safetensors", "--hash", inputs=[])
    refused(2, "which nothing in memory can be compared with; give the file", "run", "R.safetensors", "A=memory:unet",
            "B=B.safetensors", "-o", "x.ckpt")


run_in_folders(unbound, bound, hashed)
