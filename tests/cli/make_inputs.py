#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small safetensors files for the command-line tests, and a dump of what came out. It shares no code with ckmerge.

usage: make_inputs.py FILE [--meta KEY=VALUE]... [--bare] [--as-given] "NAME DTYPE SHAPE VALUE..." ...
       make_inputs.py --dump FILE

SHAPE is 2,3 or - for a scalar. VALUEs are numbers, or one 0x... with the bytes, or the word zeros (a hole in the file,
so gigabytes cost nothing). NAME may hold escapes such as \\x1b or \\u202e. Metadata is {"format":"pt"} unless --meta
(several) or --bare (none). Layout and header are the canonical ones; --as-given keeps the order and pads nothing.
"""
import json
import struct
import sys

RANK = ("BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 "
        "C64 F64 I64 U64").split()
PACK = {"BOOL": "?", "U8": "B", "I8": "b", "F8_E4M3": "B", "F8_E5M2": "B", "F8_E8M0": "B", "I16": "h", "U16": "H",
        "F16": "e", "I32": "i", "U32": "I", "F32": "f", "F64": "d", "I64": "q", "U64": "Q"}
SIZE = {"BF16": 2, "C64": 8}


def parse(spec):
    name, dtype, shape, *values = spec.split()
    shape = [] if shape == "-" else [int(n) for n in shape.split(",")]
    if "\\" in name:
        name = name.encode().decode("unicode_escape")
    size = SIZE.get(dtype) or struct.calcsize(PACK[dtype])
    for n in shape:
        size *= n
    if values == ["zeros"]:
        return name, dtype, shape, size
    if values and values[0].startswith("0x"):
        data = bytes.fromhex(values[0][2:])
    elif dtype == "BF16":
        data = b"".join(struct.pack("<f", float(v))[2:] for v in values)
    else:
        number = float if dtype.startswith("F") and dtype[1:].isdigit() and dtype != "F8" else int
        data = b"".join(struct.pack("<" + PACK[dtype], number(v)) for v in values)
    assert len(data) == size, f"{spec}: {len(data)} bytes instead of {size}"
    return name, dtype, shape, data


def write(path, metadata, tensors, canonical):
    if canonical:
        tensors.sort(key=lambda t: (-RANK.index(t[1]), t[0].encode()))
    header = {} if metadata is None else {"__metadata__": metadata}
    offset = 0
    for name, dtype, shape, data in tensors:
        size = data if isinstance(data, int) else len(data)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    if canonical:
        text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for *_, data in tensors:
            if isinstance(data, int):
                file.seek(data, 1)
            else:
                file.write(data)
        file.truncate(8 + len(text) + offset)


def dump(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    print("metadata", json.dumps(header.pop("__metadata__", None)))
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        print(json.dumps(name), entry["dtype"], entry["shape"], data[8 + length + begin:8 + length + end].hex())


def main(words):
    if words[0] == "--dump":
        return dump(words[1])
    path, metadata, specs, canonical = words.pop(0), {"format": "pt"}, [], True
    own = {}
    while words:
        word = words.pop(0)
        if word == "--meta":
            key, value = words.pop(0).split("=", 1)
            own[key] = value
        elif word == "--bare":
            metadata = None
        elif word == "--as-given":
            canonical = False
        else:
            specs.append(word)
    write(path, own or metadata, [parse(spec) for spec in specs], canonical)


if __name__ == "__main__":
    main(sys.argv[1:])
