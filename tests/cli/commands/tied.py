#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tied.py CKMERGE
Tensors of a PyTorch file that are one under two names: written once to a .ckpt, twice to a .safetensors, and told."""
import collections
import json
import pathlib
import pickle
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import torch_save
from checks import call, expect, run_in_folders, safetensors
from torch_save import Tensor

VALUES = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


class Storages(pickle.Unpickler):
    """Tensors as (key of the storage, shape)."""

    def persistent_load(self, identity):
        return identity[2]

    def find_class(self, module, name):
        if name == "OrderedDict":
            return collections.OrderedDict
        return lambda *parts: (parts[0], parts[2])


def storages(path):
    with zipfile.ZipFile(path) as archive:
        expect(archive.testzip() is None, f"{path}: a sum is wrong")
        names = [name for name in archive.namelist() if "/data/" in name]
        return Storages(archive.open("archive/data.pkl")).load(), names


def make(path, values, tied=True):
    embedding = Tensor("F32", [2, 3], values)
    head = embedding if tied else Tensor("F32", [2, 3], values)
    torch_save.save(path, {"embed": embedding, "head": head, "norm": Tensor("F32", [2], values[:2])})


def of_one_file():
    make("A.ckpt", VALUES)
    done = call("convert", "A.ckpt", "out.ckpt", "--dtype", "f16", "--verify")
    expect(done.returncode == 0 and "1  of these tied to others, and written once with them" in done.stdout, done)
    tensors, names = storages("out.ckpt")
    expect(len(names) == 2, f"storages {names}")
    expect(tensors["embed"] == tensors["head"] == ("0", (2, 3)) and tensors["norm"] == ("1", (2,)), f"{tensors}")
    call("convert", "A.ckpt", "out.safetensors", "--dtype", "f16")
    written = safetensors("out.safetensors")[1]
    expect(written["embed"] == written["head"], "twice the same")
    again = call("convert", "out.ckpt", "again.safetensors")
    expect(again.returncode == 0 and safetensors("again.safetensors")[1] == written, f"read again: {again.stderr}")


def of_two_files():
    make("A.ckpt", VALUES)
    make("B.ckpt", VALUES[::-1])
    make("C.ckpt", VALUES[::-1], tied=False)
    for other, count in ("B.ckpt", 2), ("C.ckpt", 3):
        done = call("merge", "A.ckpt", other, "-o", "out.ckpt", "-f", "--hash", "--alpha", "0.25")
        expect(done.returncode == 0, done.stderr)
        expect(len(storages("out.ckpt")[1]) == count, f"{other}: {storages('out.ckpt')}")
        call("merge", "A.ckpt", other, "-o", "out.safetensors", "-f", "--alpha", "0.25")
        call("convert", "out.ckpt", "again.safetensors", "-f")
        expect(safetensors("again.safetensors")[1] == safetensors("out.safetensors")[1], f"{other}: values")
    # Of one of the two only something is asked.
    done = call("merge", "A.ckpt", "B.ckpt", "-o", "out.ckpt", "-f", "--exclude", "^head$")
    expect(len(storages("out.ckpt")[1]) == 3, f"head is A's: {storages('out.ckpt')}")


def planned():
    make("A.ckpt", VALUES)
    plan = json.loads(call("convert", "A.ckpt", "out.ckpt", "--dry-run", "--json").stdout)
    tied = {row["name"]: row.get("tied_to") for row in plan["tensors"]}
    expect(tied == {"embed": None, "head": "embed", "norm": None}, f"{tied}")
    expect([row["size"] for row in plan["tensors"]] == [24, 0, 8], f"{plan['tensors']}")
    expect(plan["bytes_to_read"] == 32, f"{plan['bytes_to_read']}")


run_in_folders(of_one_file, of_two_files, planned)
