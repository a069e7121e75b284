#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# torch 2.15.0, ml_dtypes 0.6.0 and numpy 2.4.6 (PyPI, CPU): F64 values converted to narrower floats.
#
# Expected: one rounding to the nearest, so that 1 + 2^-11 + 2^-40, which lies above the middle between two neighbours of
# F16, becomes the upper one, 1 + 2^-10, in all three libraries.
# Seen: numpy's F16 does that. torch goes through F32 for F16, BF16 and both F8: the first rounding takes 2^-40 away and
# leaves the very middle, the second takes the even neighbour below. ml_dtypes, with which numpy has BF16 and F8, does so too.
# The error is just above half a unit instead of half a unit, so a tolerance of one unit hides it, a comparison of bytes
# does not: an F64 checkpoint narrowed by numpy and by torch are two files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 ml_dtypes==0.6.0

cat > convert.py <<'END'
import ml_dtypes
import numpy
import torch

KINDS = (("F16", 10, torch.float16, numpy.float16), ("BF16", 7, torch.bfloat16, ml_dtypes.bfloat16),
         ("F8_E4M3", 3, torch.float8_e4m3fn, ml_dtypes.float8_e4m3fn), ("F8_E5M2", 2, torch.float8_e5m2, ml_dtypes.float8_e5m2))
for name, bits, of_torch, of_numpy in KINDS:
    value, unit = 1 + 2.0**-(bits + 1) + 2.0**-40, 2.0**-bits
    by_torch = torch.tensor([value], dtype=torch.float64).to(of_torch).to(torch.float64).item()
    by_numpy = float(numpy.array([value]).astype(of_numpy)[0])
    print(name, *("up" if result == 1 + unit else "down" if result == 1 else "?" for result in (by_torch, by_numpy)))
END
venv/bin/python convert.py | tee seen

diff - seen <<'END'
F16 down up
BF16 down down
F8_E4M3 down down
F8_E5M2 down down
END
echo "as described"
