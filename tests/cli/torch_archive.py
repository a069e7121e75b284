# SPDX-License-Identifier: Apache-2.0
"""A .ckpt as ckmerge writes it, pickle and zip archive byte by byte (docs/format.md)."""
import struct
import zlib

import make_inputs

STORAGE = {"F64": "Double", "F32": "Float", "F16": "Half", "BF16": "BFloat16", "I64": "Long", "I32": "Int", "I16": "Short",
           "I8": "Char", "U8": "Byte", "BOOL": "Bool", "C64": "ComplexFloat"}


def text(string):
    data = string.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if value < 1 << 8:
        return b"K" + struct.pack("<B", value)
    if value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x05" + struct.pack("<q", value)[:5]


def numbers(values):
    body = b"".join(map(number, values))
    return b"(" + body + b"t" if len(values) > 3 else body + (b")", b"\x85", b"\x86", b"\x87")[len(values)]


def strides(shape):
    out, stride = [], 1
    for n in reversed(shape):
        out.insert(0, stride)
        stride *= max(n, 1)
    return out


def expected_pickle(tensors, metadata):
    memo = {}

    def once(key, number, data):
        if key in memo:
            return b"h" + bytes([number])
        memo[key] = number
        return data + b"q" + bytes([number])

    def ordered_dict():
        return once("dict", 1, b"ccollections\nOrderedDict\n") + b")R"

    out = b"\x80\x02" + ordered_dict()
    for k, (name, (dtype, shape, _)) in enumerate(tensors.items()):
        count = 1
        for n in shape:
            count *= n
        if k % 1000 == 0:
            out += b"(" if k == 0 else b"u("
        out += text(name) + once("rebuild", 0, b"ctorch._utils\n_rebuild_tensor_v2\n") + b"(("
        out += once("storage", 2, text("storage"))
        out += once(dtype, 4 + make_inputs.RANK.index(dtype), b"ctorch\n" + STORAGE[dtype].encode() + b"Storage\n")
        out += text(str(k)) + once("cpu", 3, text("cpu")) + number(count) + b"tQ"
        out += number(0) + numbers(shape) + numbers(strides(shape)) + b"\x89" + ordered_dict() + b"tR"
    out += b"u" if tensors else b""
    if metadata:
        fields = b"".join(text(key) + text(metadata[key]) for key in sorted(metadata, key=str.encode))
        out += b"}" + text("__metadata__") + b"}(" + fields + b"usb"
    return out + b"."


def expected_file(tensors, metadata):
    entries = [("data.pkl", expected_pickle(tensors, metadata))]
    entries += [(f"data/{k}", data) for k, (_, _, data) in enumerate(tensors.values())] + [("version", b"3\n")]
    out, directory = b"", b""
    for name, data in entries:
        name = ("archive/" + name).encode()
        head = len(out) + 30 + len(name) + 4
        padding = -head % 64
        fields = struct.pack("<HHHHIII", 0x800, 0, 0, 0x21, zlib.crc32(data), len(data), len(data))
        directory += b"PK\1\2" + struct.pack("<HH", 45, 20) + fields
        directory += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + struct.pack("<H", 20) + fields + struct.pack("<HH", len(name), 4 + padding) + name
        out += b"FB" + struct.pack("<H", padding) + b"Z" * padding + data
    count, at = len(entries), len(out)
    end = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), at)
    end += b"PK\6\7" + struct.pack("<IQI", 0, at + len(directory), 1)
    end += b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), at, 0)
    return out + directory + end
