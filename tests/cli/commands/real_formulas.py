#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: real_formulas.py CKMERGE
Formulas over real checkpoints, one face detector at five points of its training, against the merges that do the same step
by step with F32 files in between: the same bytes. Where an input is F16 or BF16, what lies between stays F32."""
import os
import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, run_in_folders, safetensors

root = pathlib.Path(__file__).resolve().parents[3]
data = pathlib.Path(os.environ.get("CKMERGE_TEST_DATA") or root.parent / "shared" / "data") / "rfb"
FILES = {"A": "RFB-320.safetensors", "B": "RFB-640.safetensors", "C": "RFB-epoch-0.safetensors", "D": "RFB-epoch-480.pth",
         "E": "RFB-epoch-499.pth"}
missing = [name for name in FILES.values() if not (data / name).exists()]
if missing:
    print(f"NOT RUN: cli.real_formulas (no {', '.join(missing)}; CKMERGE_TEST_DATA names their folder)")
    sys.exit(77)
INPUTS = {letter: data / name for letter, name in FILES.items()}

# A formula, and the steps that lead there: the file that each writes (the last `out`), its method with options, its inputs.
STEPS = [
    ("A + 0.7*(B - C)", [("out", "add_difference --alpha 0.7", "A B C")]),
    ("0.7*A + 0.3*B", [("out", "weighted_sum --alpha 0.3", "A B")]),
    ("(A + B + C)/3", [("out", "linear", "A B C")]),
    ("0.5*A + 0.3*B + 0.2*C", [("out", "linear --weights 0.5,0.3,0.2", "A B C")]),
    ("A + 0.7*(0.5*B + 0.5*C - D)", [("x", "weighted_sum --alpha 0.5", "B C"), ("out", "add_difference --alpha 0.7", "A x D")]),
    ("A + 0.7*((B + C)/2 - D)", [("x", "weighted_sum --alpha 0.5", "B C"), ("out", "add_difference --alpha 0.7", "A x D")]),
    ("(A + B)/2 + 0.25*(D - E)", [("x", "weighted_sum --alpha 0.5", "A B"), ("out", "add_difference --alpha 0.25", "x D E")]),
    ("0.6*(A + 0.7*(B - C)) + 0.4*(D + 0.3*(E - C))",
     [("x", "add_difference --alpha 0.7", "A B C"), ("y", "add_difference --alpha 0.3", "D E C"), ("out", "weighted_sum --alpha 0.4", "x y")]),
    ("0.75*(0.7*(0.5*A + 0.5*B) + 0.3*C) + 0.25*D",
     [("x", "weighted_sum --alpha 0.5", "A B"), ("y", "weighted_sum --alpha 0.3", "x C"), ("out", "weighted_sum --alpha 0.25", "y D")]),
    ("A + 0.7*(slerp(B, C, t=0.3) - D)", [("x", "slerp --param t=0.3", "B C"), ("out", "add_difference --alpha 0.7", "A x D")]),
    ("slerp((A + B)/2, C + 0.5*(D - E), t=0.4)",
     [("x", "weighted_sum --alpha 0.5", "A B"), ("y", "add_difference --alpha 0.5", "C D E"), ("out", "slerp --param t=0.4", "x y")]),
    ("clamp(A + 1.5*(B - C), A, B)", [("x", "add_difference --alpha 1.5", "A B C"), ("out", "clamp", "x A B")]),
    ("max(min(A, B), (C + D)/2)", [("x", "min", "A B"), ("y", "weighted_sum --alpha 0.5", "C D"), ("out", "max", "x y")]),
    ("train_difference(A, magmax(C, D, E), C, alpha=0.9)", [("x", "magmax", "C D E"), ("out", "train_difference --alpha 0.9", "A x C")]),
    ("geometric(nearswap(A, B, t=0.01), sum_twice(C, D, E, alpha=0.3, beta=0.6), alpha=0.25)",
     [("x", "nearswap --param t=0.01", "A B"), ("y", "sum_twice --alpha 0.3 --beta 0.6", "C D E"), ("out", "geometric --alpha 0.25", "x y")]),
    ("sigmoid(similarity_add_difference(A, B, C), multiply_difference(A, B, D), alpha=0.4)",
     [("x", "similarity_add_difference", "A B C"), ("y", "multiply_difference", "A B D"), ("out", "sigmoid --alpha 0.4", "x y")]),
    ("linear(A, B + (C - D), E, weights=[1, 2, 3])", [("x", "add_difference --alpha 1", "B C D"), ("out", "linear --weights 1,2,3", "A x E")]),
]


def merge(out, *words):
    # Sums of differences take variances of this net below zero, which a merge tells as an error unless asked.
    done = call("merge", *words, "-o", out, "-f", "-q", "--nan", "warn")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return safetensors(out)[1] if done.returncode == 0 else None


def by_formula(formula, inputs, *more):
    """Under names that are no single letters, since a letter is always the input in its place."""
    used = list(dict.fromkeys(re.findall(r"\b[A-E]\b", formula)))
    text = re.sub(r"\b([A-E])\b", r"in_\1", formula)
    return merge("once.safetensors", "--formula", text, *(f"in_{letter}={inputs[letter]}" for letter in used), *more)


def by_steps(steps, inputs, *more):
    files = dict(inputs)
    for out, words, operands in steps:
        method, *options = words.split()
        last = out == "out"
        merged = merge(f"{out}.safetensors", *(files[letter] for letter in operands.split()), "-m", method, *options,
                       *(more if last else ("--dtype", "f32")))
        files[out] = f"{out}.safetensors"
    return merged


def zeros_apart(formula, once, stepwise, inputs, name):
    """Whether two tensors differ in the sign of zeros only, where all inputs hold the same one. Coefficients of slerp and
    sigmoid do not add up to one, so a formula with them keeps no equal elements, while its last step by itself may: -0.0 of
    all comes out as -0.0 + 0.7*(-0.0 - -0.0) = 0.0 of the one and as -0.0 of the other."""
    if not re.search("slerp|sigmoid", formula) or once[0] != "F16":
        return False
    values = [struct.unpack(f"<{len(entry[2]) // 2}H", entry[2]) for entry in
              (once, stepwise, *(safetensors(path)[1][name] for path in inputs.values()))]
    return all(mine == theirs or {mine, theirs, *rest} <= {0, 0x8000} and len(set(rest)) == 1 for mine, theirs, *rest in zip(*values))


def compare(inputs, what, *more):
    for formula, steps in STEPS:
        once, stepwise = by_formula(formula, inputs, *more), by_steps(steps, inputs, *more)
        if once is None or stepwise is None:
            continue
        expect(list(once) == list(stepwise), f"{what}: {formula}: other names")
        differing = [name for name in once if once[name] != stepwise[name] and not zeros_apart(formula, once[name], stepwise[name], inputs, name)]
        expect(not differing, f"{what}: {formula}: {len(differing)} of {len(once)} tensors differ, {differing[:2]}")


def test_f32():
    compare(INPUTS, "F32")


def test_narrow():
    for dtype in ("f16", "bf16"):
        narrow = {letter: f"{letter}-{dtype}.safetensors" for letter in INPUTS}
        for letter, path in INPUTS.items():
            done = call("convert", path, narrow[letter], "--dtype", dtype, "-f", "-q")
            expect(done.returncode == 0, done.stderr)
        compare(narrow, dtype, "--dtype", dtype)


def test_recipe_file():
    """The same in YAML, with names for parts, and on one thread in little memory."""
    formula, steps = STEPS[7]
    pathlib.Path("recipe.yaml").write_text(f"""ckmerge: 1
checkpoints: {{A: '{INPUTS['A']}', B: '{INPUTS['B']}', C: '{INPUTS['C']}', D: '{INPUTS['D']}', E: '{INPUTS['E']}'}}
let:
  trained: A + 0.7*(B - C)
  late: D + 0.3*(E - C)
merge: 0.6*trained + 0.4*late
options: {{nan: warn}}
""", encoding="utf-8")
    stepwise = by_steps(steps, INPUTS)
    for more in ([], ["--threads", "1", "--memory", "1M"]):
        done = call("run", "recipe.yaml", "-o", "ran.safetensors", "-f", "-q", *more)
        expect(done.returncode == 0, done.stderr)
        expect(safetensors("ran.safetensors")[1] == stepwise, f"{formula} from a file, {more}")


run_in_folders(test_f32, test_narrow, test_recipe_file)
