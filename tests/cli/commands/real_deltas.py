#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: real_deltas.py CKMERGE
Merges over a real training run, a face detector at its first epoch and trained at two sizes, against the definitions in Python, tensor
by tensor: averages, task arithmetic, ties and dare of the two. What is computed in F32 is rounded after each operation here as well."""
import math
import os
import pathlib
import sys
from array import array

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, run_in_folders, safetensors

root = pathlib.Path(__file__).resolve().parents[3]
data = pathlib.Path(os.environ.get("CKMERGE_TEST_DATA") or root.parent / "shared" / "data") / "rfb"
FILES = [data / f"RFB-{name}.safetensors" for name in ("epoch-0", "320", "640")]
missing = [path.name for path in FILES if not path.exists()]
if missing:
    print(f"NOT RUN: cli.real_deltas (no {', '.join(missing)}; CKMERGE_TEST_DATA names their folder)")
    sys.exit(77)
TENSORS = [{name: array("f", raw) for name, (dtype, _, raw) in safetensors(path)[1].items() if dtype == "F32"} for path in FILES]


def merge(method, *words):
    done = call("merge", *FILES, "-m", method, *words, "-o", "out.safetensors", "-f", "-q", "--nan", "warn")
    expect(done.returncode == 0, f"{method} {words}: {done.returncode} {done.stderr}")
    return {name: array("f", raw) for name, (dtype, _, raw) in safetensors("out.safetensors")[1].items() if dtype == "F32"}


def each(fn, *columns):
    return array("f", map(fn, *columns))


def scaled(weight, column):
    weight = array("f", [weight])[0]
    return each(lambda x: weight * x, column)


def added(x, y):
    return each(float.__add__, x, y)


def delta(name, k):
    return each(float.__sub__, TENSORS[k][name], TENSORS[0][name])


def check(what, got, right, units=0):
    """To the bit (0 is either), or so many units of 2^-24 of the tensor's largest value apart."""
    faults = []
    for name in TENSORS[0]:
        wanted = right(name)
        # Elements that all share stay as they are.
        wanted = [b if b == x == y else value for value, b, x, y in zip(wanted, *(tensors[name] for tensors in TENSORS))]
        far = max((abs(x - y) for x, y in zip(got[name], wanted)), default=0)
        largest = max((abs(value) for tensors in TENSORS for value in tensors[name]), default=0)
        if len(wanted) != len(got[name]) or not far <= units * 2.0**-24 * largest:
            faults.append(f"{name}: {far}")
    expect(len(TENSORS[0]) > 100 and not faults, f"{what}: {len(faults)} of {len(TENSORS[0])} tensors: {faults[:3]}")


def test_averages():
    check("linear", merge("linear", "--weights", "1,2,3"),
          lambda name: [(a + 2 * b + 3 * c) / 6 for a, b, c in zip(*(tensors[name] for tensors in TENSORS))], 4)
    check("n_average", merge("n_average"), lambda name: [(a + b + c) / 3 for a, b, c in zip(*(tensors[name] for tensors in TENSORS))], 4)


def test_task_arithmetic():
    check("task_arithmetic", merge("task_arithmetic", "--weights", "1,0.7,0.4", "--alpha", "0.8"),
          lambda name: added(TENSORS[0][name], scaled(0.8, added(scaled(0.7, delta(name, 1)), scaled(0.4, delta(name, 2))))))


def largest(column, density):
    kept = max(1, int(density * len(column)))
    chosen = set(sorted(range(len(column)), key=lambda i: (-abs(column[i]), i))[:kept])
    return array("f", [value if i in chosen else 0 for i, value in enumerate(column)])


def ties(name, weights, density, alpha):
    terms = [scaled(weight, largest(delta(name, k + 1), density)) for k, weight in enumerate(weights)]
    weights = array("f", weights)
    out = array("f")
    for b, x, y, vote in zip(TENSORS[0][name], *terms, added(*terms)):
        agree = [(term, weight) for term, weight in ((x, weights[0]), (y, weights[1])) if (term > 0 if vote >= 0 else term < 0)]
        total, divisor = (array("f", [sum(pair)])[0] for pair in (zip(*agree) if agree else ((0.0,), (1.0,))))
        out.append(b + array("f", [array("f", [alpha])[0] * array("f", [total / divisor])[0]])[0])
    return out


def test_ties():
    check("ties", merge("ties", "--weights", "1,0.7,0.4", "--density", "0.2", "--alpha", "0.9"), lambda name: ties(name, (0.7, 0.4), 0.2, 0.9))
    check("ties of a half", merge("ties", "--density", "0.5"), lambda name: ties(name, (1, 1), 0.5, 1))


def test_dare():
    density, both = 0.4, merge("dare_linear", "--density", "0.4", "--seed", "5")
    alone = [merge("dare_linear", "--density", "0.4", "--seed", "5", "--weights", weights) for weights in ("1,1,0", "1,0,1")]
    for k, result in enumerate(alone, 1):
        changed = kept = 0
        for name, base in TENSORS[0].items():
            change = delta(name, k)
            stays = [x != b for x, b in zip(result[name], base)]
            sums = math.fsum(map(abs, change)), math.fsum(abs(d) for d, kept_here in zip(change, stays) if kept_here)
            # Where roundings hide small changes, what is kept is not known to the last digit.
            factor = sums[0] / sums[1] if min(sums) >= 1e-7 else 1
            far = max((abs(b + factor * d - x) for b, d, x, here in zip(base, change, result[name], stays) if here), default=0)
            expect(far <= 2.0**-18 * max(map(abs, [*base, *result[name]]), default=0), f"dare of {k}: {name}: {far}")
            large = [here for d, here, b in zip(change, stays, base) if abs(d) > 1e-5 * abs(b)]
            changed, kept = changed + len(large), kept + sum(large)
        expect(changed > 250_000 and abs(kept / changed - density) < 4 * math.sqrt(density * (1 - density) / changed),
               f"dare of {k} keeps {kept} of {changed}")
    check("dare of the two", both, lambda name: [x + y - b for b, x, y in zip(TENSORS[0][name], alone[0][name], alone[1][name])], 16)


run_in_folders(test_averages, test_task_arithmetic, test_ties, test_dare)
