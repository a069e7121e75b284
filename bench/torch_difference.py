#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far two merged checkpoints lie apart: `torch_difference.py X Y` prints one line.

Differences are counted in steps between neighbouring values of the dtype (1 = rounded the other way) and, because such
a step means little next to zero, in parts of the tensor's largest value."""
import sys

import torch
from safetensors import safe_open

INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def steps(tensor):
    """Bit patterns as integers that count representable values: the negative half is mirrored."""
    bits = tensor.view(INTEGERS[tensor.element_size()]).long()
    return torch.where(bits < 0, -(bits - (-1 << (8 * tensor.element_size() - 1))), bits)


def main(x_path, y_path):
    elements = differing = furthest = 0
    share = 0.0
    with safe_open(x_path, "pt") as x_file, safe_open(y_path, "pt") as y_file:
        if sorted(x_file.keys()) != sorted(y_file.keys()):
            sys.exit("the names differ")
        for name in x_file.keys():
            for x, y in zip(*(f.get_tensor(name).flatten().split(1 << 24) for f in (x_file, y_file))):
                apart = (steps(x) - steps(y)).abs()
                elements, differing = elements + x.numel(), differing + int((apart > 0).sum())
                furthest = max(furthest, int(apart.max()))
                x, y = x.double(), y.double()
                share = max(share, float((x - y).abs().max() / x.abs().max().clamp(min=1e-30)))
    print(f"{differing / elements:.3%} of the elements differ, by at most {share:.2e} of the largest ({furthest} steps)"
          if differing else "the same values")


if __name__ == "__main__":
    main(*sys.argv[1:3])
