#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A weighted sum as scripts do it: whole checkpoints in memory, whole tensors in f32.

    torch_naive.py A B OUT ALPHA

Such scripts do not sync; the fsync at the end is added here, because every contender's output is durable. Prints the
seconds without the interpreter's start and the imports.
"""
import os
import sys
import time

from safetensors.torch import load_file, save_file


def merge(a_path, b_path, out_path, alpha):
    a, b = load_file(a_path), load_file(b_path)
    merged = {}
    for name, tensor in a.items():
        if tensor.is_floating_point() and name in b:
            merged[name] = ((1 - alpha) * tensor.float() + alpha * b[name].float()).to(tensor.dtype)
        else:
            merged[name] = tensor
    save_file(merged, out_path, metadata={"format": "pt"})


if __name__ == "__main__":
    start = time.perf_counter()
    merge(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
    with open(sys.argv[3], "rb") as written:
        os.fsync(written.fileno())
    print(time.perf_counter() - start)
