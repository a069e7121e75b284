# SPDX-License-Identifier: Apache-2.0
"""torch.save without torch: pickles of anything, with tensors in it, in torch's zip form."""
import collections
import io
import pickle
import struct
import sys
import types
import zipfile

import make_inputs
from torch_archive import STORAGE, strides


def stand_in(module, name):
    """A class or function that a pickle names and nothing here needs."""
    parts = module.split(".")
    for k in range(len(parts)):
        sys.modules.setdefault(".".join(parts[:k + 1]), types.ModuleType(".".join(parts[:k + 1])))
    made = type(name, (), {"__module__": module, "__qualname__": name})
    setattr(sys.modules[module], name, made)
    return made


REBUILD = stand_in("torch._utils", "_rebuild_tensor_v2")
SIZE = stand_in("torch", "Size")
STORAGES = {dtype: stand_in("torch", name + "Storage") for dtype, name in STORAGE.items()}


class Call:
    """function(*arguments), and a state that is given to it."""

    def __init__(self, function, *arguments, state=None):
        self.made = (function, arguments) if state is None else (function, arguments, state)


class Tensor:
    def __init__(self, dtype, shape, values):
        self.dtype, self.shape = dtype, shape
        self.data = make_inputs.parse(f"x {dtype} {','.join(map(str, shape)) or '-'} {' '.join(map(repr, values))}")[3]


class Storage:
    def __init__(self, tensor):
        self.tensor = tensor


class Pickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages.append(value.tensor.data)
        count = 1
        for n in value.tensor.shape:
            count *= n
        return "storage", STORAGES[value.tensor.dtype], str(len(self.storages) - 1), "cpu", count

    def reducer_override(self, value):
        if isinstance(value, Call):
            return value.made
        if isinstance(value, Tensor):
            shape = tuple(value.shape)
            return REBUILD, (Storage(value), 0, shape, tuple(strides(shape)), False, collections.OrderedDict())
        return NotImplemented


def save(path, value, unwritten=()):
    """Storages whose numbers are in `unwritten` are zeros whose sum is 0."""
    out = io.BytesIO()
    pickler = Pickler(out)
    pickler.dump(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", out.getvalue())
        for k, data in enumerate(pickler.storages):
            archive.writestr(f"a/data/{k}", bytes(len(data)) if k in unwritten else data)
        archive.writestr("a/version", "3\n")
        entries = [entry for entry in archive.infolist() if entry.filename in {f"a/data/{k}" for k in unwritten}]
    with open(path, "r+b") as file:
        raw = file.read()
        for entry in entries:
            at = raw.index(b"PK\1\2")
            while raw[at + 46:at + 46 + len(entry.filename)] != entry.filename.encode():
                at = raw.index(b"PK\1\2", at + 4)
            for place in (entry.header_offset + 14, at + 16):
                file.seek(place)
                file.write(struct.pack("<I", 0))
