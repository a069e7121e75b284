#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: check_merge.py weighted_sum|add_difference ALPHA OUT A B [C] [--sample N]
Recomputes a merge of F32, F16 and BF16 tensors without ckmerge's code, one element after another, and compares bytes:
every element, or with --sample the first and last of every tensor and runs of N elements in between. Checks as well that
OUT has A's tensors, no others, without gaps."""
import argparse
import json
import math
import random
import re
import struct
import sys

SIZE = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
        "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}
FLOATS = {"F32", "F16", "BF16"}
BUFFERS = re.compile(r"(^|\.)position_ids$|alphas_cumprod|^betas$|^posterior_|^model_ema\.decay$")  # SD 1.5's, copied from A


def f32(value):
    """To the nearest F32. After one +, - or * of two F32 in a double this is the same as rounding once: 53 >= 2*24 + 2."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def load(dtype, data):
    if dtype == "BF16":
        bits = struct.unpack(f"<{len(data) // 2}H", data)
        return struct.unpack(f"<{len(bits)}f", struct.pack(f"<{len(bits)}I", *(b << 16 for b in bits)))
    return struct.unpack(f"<{len(data) // SIZE[dtype]}{'f' if dtype == 'F32' else 'e'}", data)


def store(dtype, values):
    if dtype != "BF16":
        return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)
    bits = struct.unpack(f"<{len(values)}I", struct.pack(f"<{len(values)}f", *values))
    return struct.pack(f"<{len(bits)}H", *((b + 0x7FFF + (b >> 16 & 1)) >> 16 for b in bits))  # ties to even


def weighted_sum(alpha, a, b):
    c0, c1 = f32(1 - alpha), f32(alpha)
    return [f32(f32(c0 * x) + f32(c1 * y)) for x, y in zip(a, b)]


def add_difference(alpha, a, b, c):
    k = f32(alpha)
    return [f32(x + f32(k * f32(y - z))) for x, y, z in zip(a, b, c)]


class Checkpoint:
    def __init__(self, path):
        self.path, self.file = path, open(path, "rb")
        size = struct.unpack("<Q", self.file.read(8))[0]
        self.tensors = json.loads(self.file.read(size))
        self.tensors.pop("__metadata__", None)
        self.begin = 8 + size
        self.size = self.file.seek(0, 2)

    def read(self, name, first, count):
        tensor = self.tensors[name]
        size = SIZE[tensor["dtype"]]
        self.file.seek(self.begin + tensor["data_offsets"][0] + first * size)
        return self.file.read(count * size)


def check_layout(out, a):
    shapes = [{name: tensor["shape"] for name, tensor in side.tensors.items()} for side in (out, a)]
    assert shapes[0] == shapes[1], "the result's names and shapes are not A's"
    end = 0
    for begin, after in sorted(tensor["data_offsets"] for tensor in out.tensors.values()):
        assert begin == end, f"a gap at {begin}"
        end = after
    assert out.begin + end == out.size, "the file does not end with its last tensor"


def runs(name, count, sample):
    """(first, count) of the elements to look at; seeded by the name, so that a fault is found again."""
    if not sample or count <= 4 * sample:
        return [(0, count)]
    choice = random.Random(name)
    return [(first, sample) for first in (0, count - sample, *(choice.randrange(count - sample) for _ in range(2)))]


def check_tensor(out, inputs, name, method, alpha, sample):
    dtype = out.tensors[name]["dtype"]
    merged = dtype in FLOATS and not BUFFERS.search(name)
    checked = 0
    for first, count in runs(name, math.prod(out.tensors[name]["shape"]), sample):
        if merged:
            operands = [load(side.tensors[name]["dtype"], side.read(name, first, count)) for side in inputs]
            expected = store(dtype, method(alpha, *operands))
        else:
            expected = inputs[0].read(name, first, count)
        found = out.read(name, first, count)
        assert found == expected, f"{name}: elements {first} to {first + count} are not what the formula gives"
        checked += count
    return checked


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("method", choices=["weighted_sum", "add_difference"])
    arguments.add_argument("alpha", type=float)
    arguments.add_argument("out")
    arguments.add_argument("inputs", nargs="+")
    arguments.add_argument("--sample", type=int, default=0)
    given = arguments.parse_args()

    out, inputs = Checkpoint(given.out), [Checkpoint(path) for path in given.inputs]
    try:
        check_layout(out, inputs[0])
        checked = sum(check_tensor(out, inputs, name, globals()[given.method], given.alpha, given.sample)
                      for name in out.tensors)
    except AssertionError as fault:
        sys.exit(f"{given.out}: {fault}")
    every = "every element" if not given.sample else "a sample of every tensor"
    print(f"verified: {len(out.tensors)} tensors, {every}, {checked} elements recomputed in Python: equal to the last bit")


if __name__ == "__main__":
    main()
