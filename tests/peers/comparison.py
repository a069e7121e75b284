# SPDX-License-Identifier: Apache-2.0
"""ckmerge's output held against a peer's: how far they lie apart, in the units of cases.py."""
import json
import math
import os
import pathlib
import re
import struct
import subprocess

import inputs

DIGITS = {"F32": 24, "F16": 11, "BF16": 8}
LEAST = {"F32": 2.0**-149, "F16": 2.0**-24, "BF16": 2.0**-133}


def read(path):
    """{name: (dtype, shape, bytes)}"""
    raw = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], raw[8 + length:][slice(*entry["data_offsets"])]) for name, entry in header.items()}


def merge(ckmerge, case, paths, dtype, out):
    """The tensors that ckmerge makes of it, and what it says where it does not."""
    words = case.words.split()
    files = [str(paths[letter]) for letter in case.inputs]
    done = subprocess.run([ckmerge, "merge", *words, *files, "-o", out, "-f", "-q", "--nan", "warn", "--dtype", dtype.lower()],
                          capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return (read(out), "") if done.returncode == 0 else (None, f"{' '.join(words)}: {done.returncode} {done.stderr}")


def step(value, dtype):
    """What lies between two neighbours where `value` is."""
    return max(2.0**(math.frexp(value)[1] - DIGITS[dtype]), LEAST[dtype])


def distance(case, dtype, operands, ours, theirs):
    """(largest distance beyond one rounding, in units; elements that are not the same bits; elements; elements that all
    inputs share and that are not theirs here)"""
    mine, other = inputs.numbers(dtype, ours), inputs.numbers(dtype, theirs)
    columns = [inputs.numbers(*operand) for operand in operands]
    largest = max((abs(v) for column in [*columns, other] for v in column), default=0.0)
    worst = differing = lost = 0
    for k, (x, y) in enumerate(zip(mine, other)):
        here = [column[k] for column in columns]
        if all(value == here[0] for value in here) and len(here) > 1:
            if case.keeps_equal:  # whatever the peer makes of it
                lost += x != here[0]
                continue
        if x == y:
            continue
        differing += 1
        magnitude = largest if case.of_tensor else max(map(abs, here))
        # Two values on the two sides of a point between two neighbours become those.
        rounding = step(max(abs(x), abs(y)), dtype) if dtype != "F32" else 0
        worst = max(worst, max(abs(x - y) - rounding, 0) / (magnitude * 2.0**-24 or LEAST["F32"]))
    return worst, differing, len(mine), lost


def compare(case, dtype, tables, ours, theirs):
    """(faults, a line of figures). `tables` are the inputs' tensors, in the order of the case."""
    faults, worst, differing, count = [], 0, 0, 0
    for name, (_, shape, raw) in theirs.items():
        if case.skip and re.search(case.skip, name):
            continue
        if name not in ours or ours[name][0] != dtype or ours[name][1] != shape:
            faults.append(f"{name} is {ours.get(name, ['not there'])[:2]}, there {dtype} {shape}")
            continue
        operands = [(table[name][0], table[name][2]) for table in tables]
        far, apart, elements, lost = distance(case, dtype, operands, ours[name][2], raw)
        worst, differing, count = max(worst, far), differing + apart, count + elements
        if far > case.units or (apart and case.units == 0):
            faults.append(f"{name} lies {far:.2f} units apart, {apart} of {elements} elements differ, {case.units} units allowed ({case.why})")
        if lost:
            faults.append(f"{name}: {lost} elements that all inputs share are not theirs")
    if not count:
        faults.append("nothing was compared")
    return faults, f"{differing} of {count} elements differ, at most {worst:.2f} units, {case.units} allowed"
