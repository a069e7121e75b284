# SPDX-License-Identifier: Apache-2.0
"""usage: device_ptx.py NVCC OPTIONS...
Device code, compiled with the build's own options, rounds as the CPU does: nothing fused, no subnormal flushed to zero,
nothing approximate, and every sum and product says .rn, since what does not may still be fused by the assembler
(invariant I2). The same holds on every architecture, because all are made from this form."""
import pathlib
import re
import subprocess
import sys
import tempfile

import tree

ARITHMETIC = re.compile(r"^\s*(?:@!?%\w+ )?((?:add|sub|mul|div|sqrt|rcp|fma|mad|ex2|lg2|sin|cos|tanh|cvt|abs|neg|min|max)\.[\w.]*f(?:16|32|64)[\w.]*)\s", re.M)
ROUNDED = re.compile(r"(?:add|sub|mul|div|sqrt)\.rn\.")
# A whole number in f64 is an integer exactly (is_placed() in kernels/block_kernels.h).
EXACT = re.compile(r"(?:abs|neg|min|max)\.|cvt\.(?:f32\.f16|f64\.f32|rn\.|rzi\.u64\.f64)")


def fault_of(instruction):
    if ".ftz" in instruction or ".approx" in instruction or not (ROUNDED.match(instruction) or EXACT.match(instruction)):
        return instruction
    return None


with tempfile.TemporaryDirectory(prefix="ckmerge-ptx-") as folder:
    ptx = pathlib.Path(folder) / "runtime.ptx"
    done = subprocess.run([*sys.argv[1:], "-I", tree.ROOT, "-ptx", "-o", ptx, tree.ROOT / "kernels/cuda/runtime.cu"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout)
    instructions = ARITHMETIC.findall(ptx.read_text())
assert len(instructions) > 100, instructions
tree.finish(sorted({fault for one in instructions if (fault := fault_of(one))}), len(instructions))
