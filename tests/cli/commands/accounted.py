#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: accounted.py CKMERGE [ROUNDS] [SEED]
That nothing is silently skipped: random small checkpoints, merged with random options. Every name of every input is in the
output, or in one list of the report that says why not; the counts add up; what fails leaves no file and says so in JSON."""
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, run_in_folders, safetensors

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 20261128
STEMS = ("model.diffusion_model.out", "model.diffusion_model.in", "first_stage_model.conv", "cond_stage_model.proj", "blocks.0.attn",
         "blocks.1.attn", "optimizer.state", "\u00e9\u4e2d", "a b", "x.", ".y", "UPPER", "w", "weird:\"name\"", "tab\t")
SHAPES = ((2,), (2, 3), (), (0, 2), (1, 4, 1, 1), (1, 9, 1, 1))
LISTS = {"keep": "kept", "zero": "zeroed", "add": "added", "expand": "expanded"}


def draw_tensor(draw, name, dtype, shape):
    count = 1
    for n in shape:
        count *= n
    values = [draw.choice((0, 1, 2, 3)) for _ in range(count)]
    shown = ",".join(map(str, shape)) or "-"
    parsed = make_inputs.parse(f"n {dtype} {shown} " + " ".join(map(str, values)))
    return (name, *parsed[1:])


def draw_checkpoint(draw, path, base):
    """`base`: name to (dtype, shape) of the whole family, of which a checkpoint has most, and some of its own."""
    tensors = []
    for name, (dtype, shape) in base.items():
        if draw.random() < 0.15:
            continue
        if draw.random() < 0.1:
            dtype = draw.choice(("F16", "BF16", "F32"))
        if draw.random() < 0.02:
            shape = draw.choice(SHAPES)
        tensors.append(draw_tensor(draw, name, dtype, shape))
    for _ in range(draw.randrange(3)):
        tensors.append(draw_tensor(draw, f"only.{path[0]}.{draw.randrange(9)}.{len(tensors)}", "F32", (2,)))
    make_inputs.write(path, {"format": "pt"}, tensors, draw.random() < 0.5)


def draw_options(draw, command):
    words = []
    patterns = ("model", "^blocks", "attn", "w$", "only", "\u00e9", "nothing.matches.this", "^$", ".")
    for option, chance in (("--discard", 0.4), ("--only", 0.3), ("--exclude", 0.3)):
        if draw.random() < chance and (command == "merge" or option == "--discard"):
            words += [option, draw.choice(patterns[:-1] if draw.random() < 0.9 else patterns)]
    if command == "convert":
        words += draw.choice(([], ["--prune"], ["--part", "unet"], ["--part", "te,vae"], ["--ema", "drop"]))
    else:
        words += draw.choice(([], ["--missing", "zero"], ["--missing", "drop"], ["--missing", "error"]))
        words += draw.choice(([], ["--extra", "add"], ["--extra", "error"]))
    words += draw.choice(([], ["--dtype", "f16"], ["--dtype", "bf16"], ["--half"]))
    return words


def names(entries):
    return [entry["name"] for entry in entries]


def check_report(what, plan, inputs):
    union = set().union(*inputs)
    written = names(plan["tensors"])
    lists = {key: names(plan[key]) for key in ("dropped", "left_out", "discarded", "unused")}
    lists["written"] = written
    told = sorted(name for found in lists.values() for name in found)
    expect(told == sorted(union), f"{what}: {sorted(union ^ set(told))} or twice, of {lists}")
    expect(sum(plan["counts"].values()) == len(written) == plan["output"]["tensors"], f"{what}: {plan['counts']} of {len(written)}")
    for action, key in LISTS.items():
        done = sorted(t["name"] for t in plan["tensors"] if t["action"] == action)
        expect(sorted(names(plan[key])) == done and plan["counts"][action] == len(done), f"{what}: {key} {plan[key]}")
    expect(set(lists["left_out"]) <= inputs[0] and not set(lists["dropped"]) & inputs[0], f"{what}: {lists}")


def check_round(draw, number):
    base = {f"{stem}.{i}": (draw.choice(("F32", "F16", "BF16", "I64", "U8")), draw.choice(SHAPES[:4]))
            for stem in draw.sample(STEMS, draw.randrange(1, 6)) for i in range(draw.randrange(1, 4))}
    command = draw.choice(("merge", "merge", "merge", "convert"))
    method, count = draw.choice((("weighted_sum", 2), ("slerp", 2), ("linear", 3), ("linear", 4), ("add_difference", 3)))
    paths = [f"{letter}.safetensors" for letter in "ABCD"[:count if command == "merge" else 1]]
    for path in paths:
        draw_checkpoint(draw, path, base)
    inputs = [set(safetensors(path)[1]) for path in paths]
    words = paths + draw_options(draw, command) + (["-m", method] if command == "merge" else []) + ["-o", "out.safetensors", "--json"]
    what = f"round {number}: {command} {' '.join(words)}"
    planned, done = call(command, *words, "--dry-run"), call(command, *words)
    document = json.loads(done.stdout)
    if done.returncode:
        expect(document["error"]["exit"] == done.returncode in (2, 4), f"{what}: {done.returncode} {document}")
        expect(not [name for name in os.listdir() if name not in paths and name != "cache"], f"{what}: {os.listdir()}")
        return False
    expect(planned.returncode == 0, f"{what}: planned {planned.stdout}")
    plan = json.loads(planned.stdout)
    check_report(what, plan, inputs)
    expect(set(safetensors("out.safetensors")[1]) == set(names(plan["tensors"])), f"{what}: names of the file")
    expect(document["counts"] == plan["counts"], f"{what}: counts {document['counts']}, planned {plan['counts']}")
    for key in ("kept", "zeroed", "left_out", "dropped", "added", "discarded"):
        expect(document[key] == plan[key], f"{what}: {key}")
    os.remove("out.safetensors")
    return True


def main():
    draw, written = random.Random(SEED), 0
    for number in range(ROUNDS):
        written += check_round(draw, number)
        for path in pathlib.Path().glob("*.safetensors"):
            path.unlink()
    expect(written >= ROUNDS // 4, f"{written} of {ROUNDS} merges were done")
    print(f"{written} of {ROUNDS} merges were done, the others refused")


run_in_folders(main)
