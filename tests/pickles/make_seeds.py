#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: make_seeds.py CORPUS
Writes the first inputs of fuzz_zip, fuzz_pickle and fuzz_legacy into CORPUS/<fuzzer>/: small files of every form and feature."""
import collections
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pickle_words import ABSENT, NAME, REFUSED
from torch_files import Storage, Tensor, pickled, stand_in, torch_stream, torch_zip, zip_bytes


def state(kind="Float"):
    store, other = Storage(kind, bytes(range(16)), key="0", location="cuda:0"), Storage("Half", bytes(range(64)), key="1")
    return {"whole": Tensor(store, (2, 2)), "turned": Tensor(store, (2, 2), (1, 2)), "expanded": Tensor(other, (3, 4, 2), (0, 2, 1), offset=5),
            "none": Tensor(Storage("Float", b"", key="2"), (0,)), "scalar": Tensor(other, (), (), offset=31), "oldest": Tensor(store, (4,), version=1),
            "parameter": Tensor(store, (4,), parameter=True)}


def v3():
    store = Storage("Untyped", bytes(16), key="0", count=16)
    return {"fp8": Tensor(store, (4, 4), (1, 4), version=3, dtype="float8_e4m3fn"), "u16": Tensor(store, (8,), version=3, dtype="uint16")}


def described():
    described = collections.OrderedDict(state())
    described._metadata = collections.OrderedDict({"": {"version": 1}})
    setattr(described, "__metadata__", {"format": "pt", "title": "x", "\u00e9": ""})
    return described


unknown = stand_in(f"{ABSENT}.Thing")()
unknown.x = [1, 2.5, None, True, 1 << 70, (), "text", b"bytes", {1, 2}]
objects = {"flat": state(), "wrapped": {"state_dict": state(), "epoch": 1, "other": unknown}, "v3": v3(),
           "refused": {"state_dict": state(), "x": stand_in(REFUSED)}}
files = {}
for name, obj in objects.items():
    for protocol in (2, 4):
        if name != "v3":
            files["fuzz_legacy", f"{name}_{protocol}"] = torch_stream(obj, protocol)
        files["fuzz_pickle", f"{name}_{protocol}"] = pickled(obj, protocol)[0]
    files["fuzz_zip", name] = torch_zip(obj)
files["fuzz_pickle", "metadata"] = pickled(described())[0]
files["fuzz_zip", "era_1_6"] = torch_zip(objects["flat"], era="1.6", bit3=False, align=False)
files["fuzz_zip", "zip64"] = zip_bytes([("a/data.pkl", b"\x80\2}."), ("a/data/0", b"x" * 16)], patch=lambda n, w, f: {
    **f, "size": 0xffffffff, "csize": 0xffffffff, "extra": struct.pack("<HHQQ", 1, 16, 16, 16)} if w == "central" and n == "a/data/0" else f)
files["fuzz_pickle", "calls"] = b"\x80\4\x8c%c%b\x8c%c%b\x93)R." % (len(ABSENT), ABSENT.encode(), len(NAME), NAME.encode())
for (fuzzer, name), data in files.items():
    folder = pathlib.Path(sys.argv[1], fuzzer)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
