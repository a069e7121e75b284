#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: forms.py CKMERGE
The same tensors as safetensors, in each zip era of torch and as its stream, whole and as views of shared storages: a
merge gives the same bytes whatever forms its inputs have, in tiles as small as they come."""
import itertools
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from torch_files import DTYPES, SIZES, Storage, Tensor, read_safetensors, safetensors, torch_stream, torch_zip

ckmerge = os.path.abspath(sys.argv[1])


def numbers(rng, kind, count):
    """Bits of moderate, finite values: the exponent's second bit is 0."""
    size = SIZES[kind]
    raw = bytearray(rng.randbytes(count * size))
    if kind in ("Double", "Float", "Half", "BFloat16"):
        for i in range(size - 1, len(raw), size):
            raw[i] &= 0xbf
    if kind == "Bool":
        raw = bytearray(b & 1 for b in raw)
    return bytes(raw)


def views(seed):
    """Every kind of view that torch makes, over storages that several tensors share."""
    rng = random.Random(seed)
    state = {}
    for kind in SIZES:
        store = Storage(kind, numbers(rng, kind, 5000))
        state[f"{kind}.whole"] = Tensor(store, (50, 100))
        state[f"{kind}.transposed"] = Tensor(store, (100, 50), (1, 100))
        state[f"{kind}.part"] = Tensor(store, (7, 11), (11, 1), offset=1234)
        state[f"{kind}.steps"] = Tensor(store, (20, 25), (200, 3), offset=5)
        state[f"{kind}.expanded"] = Tensor(store, (3, 40, 2), (0, 1, 0), offset=9)
        state[f"{kind}.channels_last"] = Tensor(store, (4, 5, 6, 7), (210, 1, 35, 5))
        state[f"{kind}.windows"] = Tensor(store, (30, 30), (1, 1), offset=100)
        state[f"{kind}.ones"] = Tensor(store, (1, 9, 1, 3), (77, 3, 5, 1), offset=60)
        state[f"{kind}.scalar"] = Tensor(store, (), (), offset=4999)
        state[f"{kind}.empty"] = Tensor(store, (0, 3), (3, 1), offset=5000)
        state[f"{kind}.parameter"] = Tensor(Storage(kind, numbers(rng, kind, 6)), (2, 3), parameter=True)
    large = Storage("Half", numbers(rng, "Half", 900 * 1100))
    state["large.transposed"] = Tensor(large, (1100, 900), (1, 1100))
    state["large.permuted"] = Tensor(large, (100, 11, 900), (11, 1, 1100))
    return state


def as_safetensors(state):
    return safetensors({n: (DTYPES[t.storage.kind], t.shape, t.elements()) for n, t in state.items()})


FORMS = {
    "safetensors": lambda state: as_safetensors(state),
    "newest.pth": lambda state: torch_zip(state),
    "2.1.ckpt": lambda state: torch_zip({"state_dict": state, "epoch": 3}, era="2.1", protocol=3),
    "1.6.pt": lambda state: torch_zip({"model": {"state_dict": state}, "note": "x"}, era="1.6", protocol=5),
    "stream.bin": lambda state: torch_stream(state),
    "stream4.bin": lambda state: torch_stream({"params_ema": state, "params": {"w": 1}}, protocol=4),
}


def merge(folder, inputs, *options):
    out = os.path.join(folder, "out")
    subprocess.run([ckmerge, "merge", *inputs, "-o", out, "-f", "-q", "--no-fsync", "--metadata", "none", *options], check=True)
    return pathlib.Path(out).read_bytes()


with tempfile.TemporaryDirectory(prefix="ckmerge-forms-") as folder:
    paths = {}
    for letter, seed in (("A", 1), ("B", 2)):
        for form, write in FORMS.items():
            paths[letter, form] = os.path.join(folder, f"{letter}.{form}")
            pathlib.Path(paths[letter, form]).write_bytes(write(views(seed)))
    copied = os.path.join(folder, "copied")
    for (letter, form), path in paths.items():
        subprocess.run([ckmerge, "merge", path, "-m", "copy", "-o", copied, "-f", "-q", "--no-fsync"], check=True)
        wanted = {n: (DTYPES[t.storage.kind], list(t.shape), t.elements()) for n, t in views("AB".index(letter) + 1).items()}
        found = read_safetensors(copied)
        assert found == wanted, f"{path}: {[n for n in wanted if found.get(n) != wanted[n]]}"
    runs = 0
    for options in (["--alpha", "0.3"], ["--alpha", "0.3", "--memory", "1M", "--threads", "1"], ["-m", "slerp", "--alpha", "0.4"],
                    ["--alpha", "0.7", "--dtype", "f32"], ["--alpha", "0.5", "--hash", "--hash-cache", "none"]):
        wanted = merge(folder, [paths["A", "safetensors"], paths["B", "safetensors"]], *options)
        for a, b in itertools.product(FORMS, FORMS):
            if a != b and "safetensors" not in (a, b) and options[1] != "0.3":
                continue
            assert merge(folder, [paths["A", a], paths["B", b]], *options) == wanted, f"{a} and {b} with {options}"
            runs += 1
print(f"{runs} merges across {len(FORMS)} forms gave the bytes of safetensors alone")
