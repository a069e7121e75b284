#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A state dict of torch tensors in f32, saved in f16: what a training script does at its end.

    save_dict.py ckmerge | save_file SIZE OUT

SIZE bytes of tensors, of a transformer's shapes. `save_file` is safetensors' function, given the dict with .half() called
on each tensor, and then synced, as ckmerge.save does. Prints the seconds and the peak of resident memory above what the
process had with the dict, in bytes.
"""
import json
import os
import sys
import time
from pathlib import Path

import torch

WIDTH, DEEP = 2048, 8192
SHAPES = ((WIDTH, WIDTH), (WIDTH, WIDTH), (DEEP, WIDTH), (WIDTH, DEEP), (WIDTH,))
BYTES = 4


def state_dict(size):
    """Layers until `size` is reached; the last tensor is shorter."""
    torch.manual_seed(1)
    tensors, left = {}, size // BYTES
    while left > 0:
        shape = SHAPES[len(tensors) % len(SHAPES)]
        count = torch.Size(shape).numel()
        shape = shape if count <= left else (left,)
        name = f"layers.{len(tensors) // len(SHAPES)}.{len(tensors) % len(SHAPES)}.weight"
        tensors[name] = torch.empty(shape).uniform_(-1, 1)
        left -= min(count, left)
    return tensors


def status(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}")


def by_ckmerge(tensors, out):
    import ckmerge
    ckmerge.save(tensors, out, dtype="f16")


def by_save_file(tensors, out):
    from safetensors.torch import save_file
    save_file({name: tensor.half() for name, tensor in tensors.items()}, out)
    with open(out, "rb") as file:
        os.fsync(file.fileno())


def main():
    who, size, out = sys.argv[1:]
    save = {"ckmerge": by_ckmerge, "save_file": by_save_file}[who]
    Path(out).unlink(missing_ok=True)
    save({"first": torch.zeros(1)}, out)  # imports, libraries
    tensors = state_dict(int(size))
    os.sync()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = status("VmRSS")
    start = time.perf_counter()
    save(tensors, out)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "extra": status("VmHWM") - before, "size": os.path.getsize(out)}))


main()
