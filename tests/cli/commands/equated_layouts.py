#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_layouts.py CKMERGE
Every recorded model merged with one that is in its other naming, both ways: each tensor is what the merge of one naming
gives, byte for byte; the same behind another prefix. Of tensors that the other naming lacks A's are kept."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import read


def write(path, named, prefix=""):
    make_models.write(path, {prefix + name: entry for name, entry in named.items()}, "F16")


def merge(a, b):
    done = call("merge", a, b, "-o", "out.safetensors", "--alpha", "0.3", "-f")
    expect(done.returncode == 0, f"{a} {b}: {done.stderr[:1000]}")
    return (read("out.safetensors") if done.returncode == 0 else {}), done


def both_ways(model):
    for seed in (1, 2):
        for naming in ("left", "right"):
            write(f"{naming}{seed}.safetensors", make_models.tensors(model, naming, "F16", seed))
    write("whole2.safetensors", make_models.tensors(model, "right", "F16", 2), "model.diffusion_model.")
    for own, theirs in (("left", "right2"), ("right", "left2"), ("left", "whole2")):
        if theirs == "whole2" and "vae" in model.name or "open-clip" in model.name and theirs == "whole2":
            continue
        expected, _ = merge(f"{own}1.safetensors", f"{own}2.safetensors")
        found, done = merge(f"{own}1.safetensors", f"{theirs}.safetensors")
        if own == "left":
            first = read("left1.safetensors")
            expected.update({name: first[name] for name in model.left_out()})
        expect(set(found) == set(expected), f"{model.name}: {set(found) ^ set(expected)}")
        wrong = [name for name in expected if found.get(name) != expected[name]]
        expect(not wrong, f"{model.name}, {own} and {theirs}: {len(wrong)} of {len(expected)} differ: {wrong[:3]}")
        expect("brought to A's names" in done.stdout or "read with" in done.stdout, f"{model.name}: {done.stdout}")


def every_model():
    for name in recorded_models.names():
        both_ways(recorded_models.Recorded(name))


run_in_folders(every_model)
