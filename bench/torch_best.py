#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The best weighted sum of two checkpoints that torch and Python allow: the yardstick of bench/README.md.

    torch_best.py A B OUT ALPHA [--direct]

Two threads, each with three buffers of 64 MiB that are reused; bytes go straight from pread into the memory that torch
computes on, in the tensors' own dtype; neighbours of one dtype are one long tensor; the output is reserved before and
fsynced after. What it may assume makes it faster than a general tool: both headers are the same bytes, so every tensor
lies at the same offset in all three files. --direct writes past the page cache. Prints the seconds from the first open
to the fsync, without the interpreter's start and torch's import.
"""
import json
import mmap
import os
import sys
import threading
import time

import torch

CHUNK = 64 << 20
DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def runs_of(fd):
    """[begin, end, dtype] of the file, neighbours of one dtype joined; dtype None means bytes to copy."""
    size = int.from_bytes(os.pread(fd, 8, 0), "little")
    header = json.loads(os.pread(fd, size, 8))
    header.pop("__metadata__", None)
    runs = [[0, 8 + size, None]]
    for tensor in sorted(header.values(), key=lambda t: t["data_offsets"]):
        begin, end = (8 + size + offset for offset in tensor["data_offsets"])
        dtype = DTYPES.get(tensor["dtype"])
        if runs[-1][2] is dtype and runs[-1][1] == begin:
            runs[-1][1] = end
        else:
            runs.append([begin, end, dtype])
    return runs


def read_chunk(fd, buffer, offset, size):
    view, done = memoryview(buffer), 0
    while done < size:
        done += os.preadv(fd, [view[done:size]], offset + done)


def mix_chunk(runs, a, b, out, offset, size, alpha):
    for begin, end, dtype in runs:
        low, high = max(begin, offset) - offset, min(end, offset + size) - offset
        if low >= high:
            continue
        x, y, z = (torch.frombuffer(m, dtype=torch.uint8)[low:high] for m in (a, b, out))
        if dtype is None:
            z.copy_(x)
        else:
            torch.lerp(x.view(dtype), y.view(dtype), alpha, out=z.view(dtype))


def write_chunk(fd, buffer, offset, size, direct):
    if direct:
        size = -(-size // 4096) * 4096  # the file is cut to its size at the end
    view, done = memoryview(buffer), 0
    while done < size:
        done += os.pwrite(fd, view[done:size], offset + done)


def merge(a_path, b_path, out_path, alpha, direct):
    torch.set_num_threads(1)  # per Python thread: two of them compute at once
    a, b = os.open(a_path, os.O_RDONLY), os.open(b_path, os.O_RDONLY)
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | (os.O_DIRECT if direct else 0)
    out, total, runs = os.open(out_path, flags, 0o666), os.fstat(a).st_size, runs_of(a)
    if runs != runs_of(b):
        sys.exit("the two checkpoints differ in their layout")
    os.posix_fallocate(out, 0, total)
    offsets = iter(range(0, total, CHUNK))
    lock = threading.Lock()

    def work():
        buffers = [mmap.mmap(-1, CHUNK) for _ in range(3)]  # page-aligned, as direct writes want it
        while True:
            with lock:
                offset = next(offsets, None)
            if offset is None:
                return
            size = min(CHUNK, total - offset)
            read_chunk(a, buffers[0], offset, size)
            read_chunk(b, buffers[1], offset, size)
            mix_chunk(runs, *buffers, offset, size, alpha)
            write_chunk(out, buffers[2], offset, size, direct)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.ftruncate(out, total)
    os.fsync(out)


if __name__ == "__main__":
    start = time.perf_counter()
    merge(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), "--direct" in sys.argv)
    print(time.perf_counter() - start)
