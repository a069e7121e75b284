#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same weighted sum on a GPU with torch: the yardstick of the GPU rows in bench/README.md.

    torch_cuda.py A B ALPHA [--rounds N]

Tensor by tensor: both are mapped, go over the bus, are mixed in f32 and rounded once on the device, and come back; the
result is thrown away. Sets of buffers in pinned memory are used in turn, and the host waits for the device only where a
set's tensor before the last is not back yet. Before the rounds one merge is compared with torch's own on the CPU, in
f32 and rounded once, bit for bit. Prints the median seconds of N rounds after one that does not count. Needs torch with
CUDA and nothing else; exits 77 without.
"""
import argparse
import json
import mmap
import statistics
import sys
import time

try:
    import torch
except ImportError:
    print("NOT RUN: the torch-CUDA script (no torch)")
    sys.exit(77)
if not torch.cuda.is_available():
    print("NOT RUN: the torch-CUDA script (torch sees no CUDA device)")
    sys.exit(77)

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def tensors(path):
    """name -> a flat tensor over the mapped file, for the dtypes that are merged."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] in DTYPES and end > begin:
            dtype = DTYPES[entry["dtype"]]
            found[name] = torch.frombuffer(data, dtype=dtype, count=(end - begin) // dtype.itemsize, offset=8 + size + begin)
    return found


def mix(x, y, alpha):
    return ((1 - alpha) * x.float() + alpha * y.float()).to(x.dtype)


class Staging:
    """Pinned memory for one tensor on its way: both inputs and the result."""

    def __init__(self, size):
        self.buffers = [torch.empty(size, dtype=torch.uint8, pin_memory=True) for _ in range(3)]
        self.done = torch.cuda.Event()


def merge(a, b, alpha, sets, take=lambda name, result: None):
    """take(name, result) gets every result, in pinned memory that is used again after it returns."""
    on_the_way = []

    def finish():
        name, staging, result = on_the_way.pop(0)
        staging.done.synchronize()
        take(name, result)

    for turn, (name, x) in enumerate(a.items()):
        if len(on_the_way) == len(sets):
            finish()
        staging = sets[turn % len(sets)]
        size = x.numel() * x.element_size()
        on_device = []
        for k, tensor in enumerate((x, b[name])):
            pinned = staging.buffers[k][:size].view(tensor.dtype)
            pinned.copy_(tensor)
            on_device.append(pinned.to("cuda", non_blocking=True))
        result = staging.buffers[2][:size].view(x.dtype)
        result.copy_(mix(*on_device, alpha), non_blocking=True)
        staging.done.record()
        on_the_way.append((name, staging, result))
    while on_the_way:
        finish()


different = []


def compare(name, result):
    expected = mix(A[name], B[name], given.alpha)
    if not torch.equal(result.view(torch.uint8), expected.view(torch.uint8)):
        different.append(name)


arguments = argparse.ArgumentParser()
arguments.add_argument("a")
arguments.add_argument("b")
arguments.add_argument("alpha", type=float)
arguments.add_argument("--rounds", type=int, default=5)
given = arguments.parse_args()
A, B = tensors(given.a), tensors(given.b)
largest = max(t.numel() * t.element_size() for t in A.values())
SETS = [Staging(largest) for _ in range(3)]
merge(A, B, given.alpha, SETS, compare)
print(f"torch on the device and on the CPU: {len(A)} tensors, {len(different)} different")
seconds = []
for turn in range(given.rounds + 1):
    began = time.perf_counter()
    merge(A, B, given.alpha, SETS)
    if turn:
        seconds.append(time.perf_counter() - began)
print(f"| torch {torch.__version__}, the same to nowhere | | {statistics.median(seconds):.3f} | | | | |")
