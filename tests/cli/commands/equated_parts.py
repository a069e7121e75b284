#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_parts.py CKMERGE
Forms of one component that lack something of today's, or have it otherwise. A file that lacks blocks, being pruned or partly trained, merged with the whole model in its other naming: each tensor is
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
    for pattern in (r"decoder\.up\.3", r"decoder\.up\.0", r"decoder\.up\.1"):
        lacking("autoencoder-kl", pattern)
    lacking("flux2-vae", r"decoder\.up\.1")


def several_numbers_a_block():
    lacking("sd1", r"input_blocks\.[123]\.")
    lacking("sd1", r"input_blocks\.2\.")
    lacking("wan-vae", r"decoder\.upsamples\.[0123]\.")


def a_last_block_that_is_otherwise():
    lacking("mochi", r"blocks\.1\.")


def of_old(name):
    for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")):
        name = name.replace(f"attentions.0.{new}.", f"attentions.0.{old}.")
    return name


def old_forms_of_a_vae():
    """Attention by its names in old folders, and its matrices in three dimensions in old files, against today's."""
    model = recorded_models.Recorded("autoencoder-kl")
    forms = {
        "today": lambda seed: make_models.tensors(model, "right", "F16", seed),
        "old": lambda seed: {of_old(n): e for n, e in make_models.tensors(model, "right", "F16", seed).items()},
        "original": lambda seed: make_models.tensors(model, "left", "F16", seed),
        "flat": lambda seed: {n: (e[0][:3] if "attn_1" in n and len(e[0]) == 4 else e[0], e[1])
                              for n, e in make_models.tensors(model, "left", "F16", seed).items()},
    }
    for form, tensors in forms.items():
        for seed in (1, 2):
            make_models.write(f"{form}{seed}.safetensors", tensors(seed), "F16")
    for own in forms:
        expected = merge(f"{own}1.safetensors", f"{own}2.safetensors")
        for theirs in forms:
            found = merge(f"{own}1.safetensors", f"{theirs}2.safetensors")
            wrong = [key for key in expected if found.get(key) != expected[key]]
            expect(set(found) == set(expected) and not wrong, f"VAE {own}, {theirs}: {wrong[:3]}")
    make_models.write("whole.safetensors", {"first_stage_model." + n: e for n, e in forms["original"](1).items()} |
                      {"model.diffusion_model.out.0.bias": ([2], forms["original"](1)["decoder.conv_in.bias"][1][:2])}, "F16")
    baked = []
    for form in forms:
        done = call("bake", "whole.safetensors", "--vae", f"{form}2.safetensors", "-o", "baked.safetensors", "-f")
        expect(done.returncode == 0, f"bake {form}: {done.stderr}")
        baked.append(read("baked.safetensors"))
    expect(all(one == baked[0] for one in baked), "bake")


def factors_left_beside_weights():
    """What no rule can cut is told with the way to leave it out."""
    model = recorded_models.Recorded("flux-dev")
    make_models.write("a.safetensors", make_models.tensors(model, "left", "F16", 1), "F16")
    named = make_models.tensors(model, "right", "F16", 2)
    make_models.write("clean.safetensors", named, "F16")
    named["transformer_blocks.0.attn.to_q.lora_A.weight"] = ([2], named["norm_out.linear.bias"][1][:2])
    make_models.write("b.safetensors", named, "F16")
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expect(done.returncode == 4 and "leave them out (--discard REGEX)" in done.stderr, f"factors: {done.stderr}")
    done = call("convert", "b.safetensors", "cleaned.safetensors", "--discard", "lora_")
    expect(done.returncode == 0, f"convert: {done.stderr}")
    expect(merge("a.safetensors", "cleaned.safetensors") == merge("a.safetensors", "clean.safetensors"), "cleaned")


run_in_folders(factors_left_beside_weights, old_forms_of_a_vae, blocks_counted_from_the_other_end, several_numbers_a_block, a_last_block_that_is_otherwise)
