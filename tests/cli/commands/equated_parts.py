#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_parts.py CKMERGE
A file that lacks blocks, being pruned or partly trained, merged with the whole model in its other naming: each tensor is
what the merge of one naming gives, byte for byte, whatever the two namings count their blocks by."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import read


def merge(a, b):
    done = call("merge", a, b, "-o", "out.safetensors", "--alpha", "0.3", "-f")
    expect(done.returncode == 0, f"{a} {b}: {done.stderr[:1000]}")
    return read("out.safetensors") if done.returncode == 0 else {}


def lacking(name, pattern):
    model = recorded_models.Recorded(name)
    source = {name: entry[1] for name, entry in model.right.items()}
    dropped = set(model.left_out())
    for side in ("left", "right"):
        whole = make_models.tensors(model, side, "F16", 1)
        part = make_models.tensors(model, side, "F16", 2)
        meant = (lambda key: key) if side == "left" else source.get
        make_models.write(f"{side}.safetensors", {k: v for k, v in whole.items() if k not in dropped}, "F16")
        make_models.write(f"{side}-part.safetensors",
                          {k: v for k, v in part.items() if k not in dropped and not re.search(pattern, meant(k))}, "F16")
    for own, theirs in (("left", "right"), ("right", "left")):
        expected = merge(f"{own}.safetensors", f"{own}-part.safetensors")
        found = merge(f"{own}.safetensors", f"{theirs}-part.safetensors")
        wrong = [key for key in expected if found.get(key) != expected[key]]
        expect(set(found) == set(expected) and not wrong, f"{name} without {pattern}, A {own}: {wrong[:3]}")


def blocks_counted_from_the_other_end():
    for pattern in (r"decoder\.up\.3", r"decoder\.up\.0"):
        lacking("autoencoder-kl", pattern)


def several_numbers_a_block():
    lacking("sd1", r"input_blocks\.[123]\.")
    lacking("sd1", r"input_blocks\.2\.")
    lacking("wan-vae", r"decoder\.upsamples\.[0123]\.")


def a_last_block_that_is_otherwise():
    lacking("mochi", r"blocks\.1\.")


run_in_folders(blocks_counted_from_the_other_end, several_numbers_a_block, a_last_block_that_is_otherwise)
