# SPDX-License-Identifier: Apache-2.0
"""Files as torch.save writes them, made without torch: CPython's own pickler over stand-ins for torch's names, and the
zip archive byte by byte. And a reader of safetensors files, to compare with."""
import collections
import io
import json
import pickle
import struct
import sys
import types
import zlib

SIZES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1, "Bool": 1}
DTYPES = {"Double": "F64", "Float": "F32", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32", "Short": "I16",
          "Char": "I8", "Byte": "U8", "Bool": "BOOL"}


def stand_in(path, kind="class"):
    """A class or function that pickles as `path`."""
    module, name = path.rsplit(".", 1)
    for end in [i for i, c in enumerate(module) if c == "."] + [len(module)]:
        sys.modules.setdefault(module[:end], types.ModuleType(module[:end]))
    made = type(name, (), {}) if kind == "class" else (lambda *a: None)
    made.__module__, made.__qualname__, made.__name__ = module, name, name
    setattr(sys.modules[module], name, made)
    return made


REBUILD = {1: stand_in("torch._utils._rebuild_tensor", "function"), 2: stand_in("torch._utils._rebuild_tensor_v2", "function"),
           3: stand_in("torch._utils._rebuild_tensor_v3", "function")}
PARAMETER = stand_in("torch._utils._rebuild_parameter", "function")
CLASSES = {kind: stand_in(f"torch.{kind}Storage") for kind in SIZES}
UNTYPED = stand_in("torch.storage.UntypedStorage")
TORCH_DTYPES = {name: stand_in(f"torch.{name}") for name in ("float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64", "complex128")}


class Storage:
    """`view`: (key, first element, elements), as torch before 0.4 stored a part of a storage."""

    def __init__(self, kind, data, key=None, location="cpu", count=None, view=None):
        self.kind, self.data, self.key, self.location, self.view = kind, bytes(data), key, location, view
        self.count = count if count is not None else len(self.data) // SIZES.get(kind, 1)


class Tensor:
    def __init__(self, storage, shape, stride=None, offset=0, version=2, dtype=None, parameter=False, metadata=None):
        if stride is None:
            stride, step = [], 1
            for dimension in reversed(shape):
                stride.insert(0, step)
                step *= dimension
        self.storage, self.shape, self.stride, self.offset = storage, tuple(shape), tuple(stride), offset
        self.version, self.dtype, self.parameter, self.metadata = version, dtype, parameter, metadata

    def elements(self):
        """Its bytes in order, gathered one element at a time."""
        size = SIZES.get(self.storage.kind) or {"uint16": 2, "uint32": 4, "uint64": 8}.get(self.dtype, 1)
        offsets = [self.offset]
        for dimension, step in zip(self.shape, self.stride):
            offsets = [o + i * step for o in offsets for i in range(dimension)]
        return b"".join(self.storage.data[o * size:(o + 1) * size] for o in offsets)


class Pickler(pickle._Pickler):
    """Numbers storages that have no key as it meets them."""

    def __init__(self, file, protocol, legacy):
        super().__init__(file, protocol)
        self.legacy, self.storages = legacy, {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        if obj.key is None:
            obj.key = str(len(self.storages))
        self.storages.setdefault(obj.key, obj)
        cls = UNTYPED if obj.kind == "Untyped" else CLASSES[obj.kind]
        return ("storage", cls, obj.key, obj.location, obj.count) + ((obj.view,) if self.legacy else ())

    def reducer_override(self, obj):
        if not isinstance(obj, Tensor):
            return NotImplemented
        parts = (obj.storage, obj.offset, obj.shape, obj.stride)
        if obj.version > 1:
            parts += (False, collections.OrderedDict())
        if obj.version == 3:
            parts += (TORCH_DTYPES[obj.dtype],)
        if obj.metadata is not None:
            parts += (obj.metadata,)
        if obj.parameter:
            obj.parameter = False  # once; then as the tensor in it
            return PARAMETER, (Tensor(obj.storage, obj.shape, obj.stride, obj.offset, obj.version, obj.dtype), True, collections.OrderedDict())
        return REBUILD[obj.version], parts


def pickled(obj, protocol=2, legacy=False):
    out = io.BytesIO()
    pickler = Pickler(out, protocol, legacy)
    pickler.dump(obj)
    return out.getvalue(), list(pickler.storages.values())


def zip_bytes(entries, align=True, bit3=True, patch=None):
    """A stored archive as torch writes it: sizes behind the payloads, payloads at multiples of 64, a zip64 end always.
    `patch` may change a record's fields: patch(name, "local" | "central", fields) -> fields."""
    out, central = bytearray(), bytearray()
    change = patch or (lambda name, where, fields: fields)
    for name, data in entries:
        raw, offset, crc = name.encode() if isinstance(name, str) else name, len(out), zlib.crc32(data)
        pad = (-(len(out) + 30 + len(raw) + 4)) % 64 if align else 0
        extra = b"FB" + struct.pack("<H", pad) + b"Z" * pad if align else b""
        flags = 0x0808 if bit3 else 0
        fields = dict(flags=flags, method=0, crc=0 if bit3 else crc, csize=0 if bit3 else len(data), size=0 if bit3 else len(data), name=raw)
        f = change(name, "local", fields)
        out += struct.pack("<IHHHHHIIIHH", 0x04034b50, 0, f["flags"], f["method"], 0, 0, f["crc"], f["csize"], f["size"], len(f["name"]), len(extra))
        out += f["name"] + extra + data
        if bit3:
            out += struct.pack("<IIII", 0x08074b50, crc, len(data), len(data))
        fields = dict(flags=flags, method=0, crc=crc, csize=len(data), size=len(data), name=raw, offset=offset, extra=b"")
        f = change(name, "central", fields)
        central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 0, 0, f["flags"], f["method"], 0, 0, f["crc"], f["csize"], f["size"],
                               len(f["name"]), len(f["extra"]), 0, 0, 0, 0, f["offset"]) + f["name"] + f["extra"]
    begin, count = len(out), len(entries)
    out += central
    end64 = len(out)
    out += struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 0, 0, 0, 0, count, count, len(central), begin)
    out += struct.pack("<IIQI", 0x07064b50, 0, end64, 1)
    out += struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, min(count, 0xffff), min(count, 0xffff), min(len(central), 0xffffffff), min(begin, 0xffffffff), 0)
    return bytes(out)


def torch_zip(obj, protocol=2, era="newest", root="archive", **options):
    data, storages = pickled(obj, protocol)
    records = [(f"{root}/data/{s.key}", s.data) for s in storages]
    if era == "newest":
        front = [(f"{root}/.format_version", b"1"), (f"{root}/.storage_alignment", b"64"), (f"{root}/byteorder", b"little")]
    else:
        front = [(f"{root}/byteorder", b"little")] if era == "2.1" else []
        records.sort()
    back = [(f"{root}/version", b"3\n")] + ([(f"{root}/.data/serialization_id", b"0" * 40)] if era != "1.6" else [])
    return zip_bytes([(f"{root}/data.pkl", data)] + front + records + back, **options)


MAGIC = 0x1950a86a20f9469cfc6c


def torch_stream(obj, protocol=2, little=True):
    data, storages = pickled(obj, protocol, legacy=True)
    info = dict(protocol_version=1001, little_endian=little, type_sizes=dict(short=2, int=4, long=4))
    out = b"".join(pickle.dumps(part, protocol) for part in (MAGIC, 1001, info)) + data
    storages.sort(key=lambda s: s.key)
    out += pickle.dumps([s.key for s in storages], protocol)
    return out + b"".join(struct.pack("<q", s.count) + s.data for s in storages)


def safetensors(tensors):
    """tensors: name -> (dtype, shape, bytes)"""
    header, data = {}, bytearray()
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def read_safetensors(path):
    """name -> (dtype, shape, bytes)"""
    with open(path, "rb") as file:
        raw = file.read()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    return {n: (e["dtype"], e["shape"], raw[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]]) for n, e in header.items()}
