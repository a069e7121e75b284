#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: every_method.py CKMERGE
Every method that the program names, over as few checkpoints as it takes: planned, merged, told by the report, recorded,
repeated from the record with the same bytes, and found by each of its other names. Equal checkpoints give themselves."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, metadata_of, run_in_folders, safetensors

METHODS = json.loads(call("methods", "--json").stdout)["methods"]
LETTERS = "ABCD"
# By their definition another multiple of what is the same in all inputs.
SCALED = {"sigmoid", "perpendicular_component"}


def make_all():
    for seed, letter in enumerate(LETTERS, 1):
        numbers = [((seed * 7 + k * 5) % 23 - 11) / 16 for k in range(36)]
        tensors = [f"model.{dtype} {dtype} 6,6 {' '.join(map(str, numbers))}" for dtype in ("F32", "F16", "BF16", "F64")]
        codes = [(seed * 13 + k * 7) % 64 + k % 2 * 128 for k in range(36)]
        tensors.append(f"model.F8 F8_E4M3 6,6 {' '.join(map(str, codes))}")
        make_inputs.write(f"{letter}.safetensors", {"format": "pt"}, [make_inputs.parse(one) for one in tensors], True)


def inputs_of(method, same=False):
    count = max(method["min_inputs"], 2 if method["max_inputs"] is None else 1)
    return [f"{'A' if same else LETTERS[k]}.safetensors" for k in range(count)]


def merge(method, name, inputs, target):
    done = call("merge", *inputs, "-m", name, "-o", target, "-f")
    expect(done.returncode == 0, f"{name} merges: {done.stderr}")
    return pathlib.Path(target).read_bytes() if done.returncode == 0 else done.stderr


def test_each():
    make_all()
    for method in METHODS:
        name, inputs = method["name"], inputs_of(method)
        plan = call("plan", *inputs, "-m", name, "-o", "planned.safetensors")
        expect(plan.returncode == 0 and name in plan.stdout, f"{name} is planned: {plan.stderr}")
        merged = merge(method, name, inputs, "out.safetensors")
        expect(json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])["method"] == name, f"{name} is recorded")
        expect(call("inspect", "out.safetensors").returncode == 0, f"{name}'s result is read")
        bindings = [f"{letter}={path}" for letter, path in zip(LETTERS, inputs)]
        again = call("run", "out.safetensors", *bindings, "-o", "again.safetensors", "-q", "-f")
        expect(again.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == merged,
               f"{name} repeated has the same bytes: {again.stderr}")
        for alias in [*method["aliases"], name.replace("_", " ").title(), name.replace("_", "-")]:
            expect(merge(method, alias, inputs, "alias.safetensors") == merged, f"{alias} is {name}")
        expect(call("methods", name.upper()).stdout.startswith(f"{name}: "), f"{name} is told by another spelling")


def test_equal_inputs():
    make_all()
    wanted = safetensors("A.safetensors")[1]
    for method in METHODS:
        if method["name"] in SCALED:
            continue
        merge(method, method["name"], inputs_of(method, same=True), "out.safetensors")
        expect(safetensors("out.safetensors")[1] == wanted, f"{method['name']} of A alone is A")


def test_peers_words():
    make_all()
    three = [f"{letter}.safetensors" for letter in "ABC"]
    for words, told in {"-m geometric --alpha 1.5": "between 0 and 1", "-m nearswap --alpha=-1": "below 0",
                        "-m weighted_subtraction --alpha 1 --beta 1": "nothing of A"}.items():
        done = call("merge", *three[:2], *words.split(" "), "-o", "out.safetensors")
        expect(done.returncode == 2 and told in done.stderr, f"{words}: {done.returncode} {done.stderr}")
    done = call("merge", *three, "-m", "clamp", "--stiffness", "2", "-o", "out.safetensors")
    expect(done.returncode == 2 and "stiffness" in done.stderr, f"stiffness: {done.returncode} {done.stderr}")
    far = call("merge", *three, "-m", "train_difference", "--alpha", "5", "-o", "out.safetensors")
    expect(far.returncode == 0 and "extrapolated" in far.stderr + far.stdout, f"alpha 5 is warned of: {far.stderr}")


run_in_folders(test_each, test_equal_inputs, test_peers_words)
