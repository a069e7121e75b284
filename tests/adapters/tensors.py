# SPDX-License-Identifier: Apache-2.0
"""Tensors of tests: values that names give, the same on every machine, and safetensors files of them. Nothing but Python's own
library, so that comparisons run everywhere.

Values are floats of a scale of 0.5 that use all bits of F32; what has to be positive lies about 1."""
import base64
import json
import math
import pathlib
import random
import re
import struct

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
CODES = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U8": "B", "BOOL": "?"}
ABOUT_ONE = re.compile(r"magnitude|dora_scale|ia3_l|boft_s|rescale|road_alpha|norm.*weight$|delora_lambda|s_values|vector_[ab]$")


def packed(dtype, values):
    if dtype == "BF16":  # cut, so that no rounding of ours matters
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{CODES[dtype]}", *values)


def numbers(dtype, raw):
    if dtype == "BF16":
        return struct.unpack(f"<{len(raw) // 2}f", b"".join(b"\0\0" + raw[at:at + 2] for at in range(0, len(raw), 2)))
    return struct.unpack(f"<{len(raw) // SIZES[dtype]}{CODES[dtype]}", raw)


def made(seed, name, dtype, shape):
    """(dtype, shape, bytes) of the tensor called so."""
    rolled = random.Random(f"ckmerge adapters {seed} {name}")
    values = [rolled.random() - 0.5 for _ in range(math.prod(shape))]
    if ABOUT_ONE.search(name):
        values = [1 + value / 2 for value in values]
    return dtype, list(shape), packed(dtype, values)


def write(path, named, metadata=None):
    """{name: (dtype, shape, bytes)} as a safetensors file; files may hold tensors in any order, this one in that of the table."""
    header, offset = {"__metadata__": {"format": "pt"} if metadata is None else metadata}, 0
    for name, (dtype, shape, raw) in named.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(entry[2] for entry in named.values()))


def read(path):
    """{name: (dtype, shape, bytes)} of a file."""
    return read_all(path)[0]


def read_all(path):
    """The same, and its metadata."""
    raw = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    metadata = header.pop("__metadata__", {})
    return {name: (entry["dtype"], entry["shape"], raw[8 + length:][slice(*entry["data_offsets"])]) for name, entry in header.items()}, metadata


def text_of(raw):
    return base64.b64encode(raw).decode()


def bytes_of(text):
    return base64.b64decode(text)


def step(value, dtype):
    """What lies between two neighbours of that dtype where `value` is."""
    digits, least = {"F32": (24, 2.0**-149), "F16": (11, 2.0**-24), "BF16": (8, 2.0**-133)}[dtype]
    return max(2.0**(math.frexp(value)[1] - digits), least)
