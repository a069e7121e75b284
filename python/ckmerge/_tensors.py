# SPDX-License-Identifier: Apache-2.0
"""Checkpoints in memory: a dict of arrays or tensors as the table that the C interface takes.

Nothing is copied: the table holds addresses, and the arrays stay alive with it. What the engine cannot read at an address (a
tensor on a GPU, one that is made when it is asked for) it asks of ``read`` instead.
"""
from __future__ import annotations

import ctypes
import sys
import warnings
from array import array
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _library
from ._call import Caller
from .errors import UsageError
from .errors import Warning as MergeWarning

if TYPE_CHECKING:
    from ._lazy import Room

_NOWHERE = ctypes.create_string_buffer(16)  # where tensors without elements lie
Read = Callable[[int, int, int], None]  # offset, size, address to write to


class Entry:
    """One tensor: its dtype in safetensors' spelling, its shape, and where its elements are."""

    def __init__(self, dtype: str, shape: tuple[int, ...], *, address: Optional[int] = None,
                 strides: Optional[tuple[int, ...]] = None, read: Optional[Read] = None, kept: object = None,
                 copied: str = "", same: Optional[Hashable] = None) -> None:
        self.dtype = dtype
        self.shape = shape
        self.address = address
        self.strides = strides  # in elements; None: they lie in order
        self.read = read  # asked where there is no address
        self.kept = kept  # what must live as long as the address is used
        self.copied = copied  # why the elements are a copy, or empty
        self.same = same  # of what is read: entries of equal keys, dtypes and shapes are one tensor

    @property
    def count(self) -> int:
        """Number of elements."""
        count = 1
        for dimension in self.shape:
            count *= dimension
        return count


class Lazy:
    """A tensor that is made when its bytes are wanted, so that few are in memory: one, or 64 MiB of them where they are smaller.

    ``make`` returns it, as a numpy array or a torch tensor on any device, of ``dtype`` and ``shape``. It is called in the thread that
    called ckmerge, about in the order of the file; what it raises ends the run and is raised there. A result is dropped
    when all its bytes are taken; where a method needs sums of whole tensors first, ``make`` is called again.

    Args:
        dtype: ``"F16"``, ``"bf16"``, ``torch.float16``, a numpy dtype.
        shape: as the tensor's.
        make: takes nothing.
    """

    def __init__(self, dtype: Any, shape: Any, make: Callable[[], Any]) -> None:
        self.dtype = spelling_of_dtype(dtype)
        self.shape = tuple(int(dimension) for dimension in shape)
        if any(not 0 <= dimension < 1 << 63 for dimension in self.shape):
            raise UsageError(f"a tensor has no shape {list(self.shape)}; dimensions are from 0 on", where="shape")
        self.make = make

    def __repr__(self) -> str:
        return f"Lazy({self.dtype!r}, {self.shape})"


# What people call the dtypes of the format, beside the format's own spelling.
_SPELLINGS = {
    "float64": "F64", "double": "F64", "float32": "F32", "float": "F32", "fp32": "F32", "float16": "F16", "half": "F16",
    "fp16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0", "bool": "BOOL",
    "complex64": "C64", "cfloat": "C64", "int64": "I64", "long": "I64", "int32": "I32", "int": "I32", "int16": "I16",
    "short": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8",
}
DTYPES = frozenset(_SPELLINGS.values())


def spelling_of_dtype(dtype: Any) -> str:
    """``dtype`` of torch, numpy, ml_dtypes or in words as safetensors spells it. Raises UsageError."""
    word = str(getattr(dtype, "name", dtype) if not isinstance(dtype, type) else dtype.__name__)
    word = word.rpartition(".")[2]
    found = _SPELLINGS.get(word.lower()) or (word.upper() if word.upper() in DTYPES else None)
    if found is None:
        raise UsageError(f"no dtype of the file's form is called {dtype!r}", where=str(dtype))
    return found


def entry_of(name: str, value: Any) -> Entry:
    """``value`` taken apart. Raises UsageError that names the tensor and says what it is instead."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        from ._torch import entry_of_torch

        return entry_of_torch(name, value)
    if hasattr(value, "__array__"):
        from ._numpy import entry_of_numpy

        return entry_of_numpy(name, value)
    if hasattr(value, "read_into"):
        return Entry(spelling_of_dtype(value.dtype), tuple(int(size) for size in value.shape), read=_filled_by(value), kept=value,
                     same=id(value))
    raise UsageError(f"'{name}' is no tensor but of type {type(value).__name__}; leave it out, or make it an array",
                     where=name)


def _filled_by(value: Any) -> Read:
    def read(offset: int, size: int, to: int) -> None:
        value.read_into(offset, memoryview((ctypes.c_ubyte * size).from_address(to)).cast("B"))

    return read


class Table:
    """A dict of tensors as ``ckmerge_tensors``. ``name`` is what requests call it, after ``memory:``."""

    def __init__(self, name: str, tensors: Mapping[str, Any], caller: Caller) -> None:
        self.name = name
        self._caller = caller
        self._word = _utf8(name)
        self._entries: list[tuple[bytes, Entry]] = []
        self._room: Optional[Room] = None
        for key, value in tensors.items():
            if not isinstance(key, str):
                raise UsageError(f"names of tensors are texts, and {key!r} is of type {type(key).__name__}")
            self._entries.append((_utf8(key), self._entry(key, value)))
        self._say_copies()
        self._kept: list[Any] = []

    def _entry(self, name: str, value: Any) -> Entry:
        if not isinstance(value, Lazy):
            return entry_of(name, value)
        from ._lazy import Room, entry_of_lazy

        self._room = self._room or Room()
        return entry_of_lazy(name, value, self._caller, self._room)

    @property
    def word(self) -> str:
        """What stands for it in a request."""
        return "memory:" + self.name

    def _say_copies(self) -> None:
        copied = [(name.decode(), entry.copied) for name, entry in self._entries if entry.copied]
        if copied:
            name, why = copied[0]
            more = f", and {len(copied) - 1} more" if len(copied) > 1 else ""
            warnings.warn(f"'{name}' is copied before it is read, since {why}{more}", MergeWarning, stacklevel=5)

    def described(self) -> _library.Tensors:
        """The C structure. It, and what it points to, live as long as this table."""
        shapes, strides = array("Q"), array("Q")
        for _, entry in self._entries:
            shapes.extend(entry.shape)
            strides.extend(entry.strides or entry.shape)
        shape_at, strides_at = shapes.buffer_info()[0], strides.buffer_info()[0]
        tensors = (_library.Tensor * len(self._entries))()
        numbers: dict[Hashable, int] = {}
        for tensor, (name, entry) in zip(tensors, self._entries):
            tensor.name, tensor.dtype = name, entry.dtype.encode()
            tensor.rank = len(entry.shape)
            tensor.shape = shape_at or None
            tensor.strides = strides_at if entry.strides is not None else None
            tensor.data = _address_of(entry)
            if entry.count and entry.address is None and entry.same is not None:
                tensor.flags, tensor.data = _library.ASKED, numbers.setdefault(entry.same, len(numbers) + 1)
            shape_at += 8 * tensor.rank
            strides_at += 8 * tensor.rank
        read = _library.Read(_reader_of(self._entries, self._caller))
        self._kept = [shapes, strides, tensors, read]
        return _library.Tensors(name=self._word, tensors=tensors, count=len(self._entries), read=read)


def _address_of(entry: Entry) -> Optional[int]:
    return ctypes.addressof(_NOWHERE) if entry.count == 0 else entry.address


def _utf8(name: str) -> bytes:
    if "\0" in name:
        raise UsageError(f"the name {name!r} has a NUL in it, which names in files have not; rename it", where=repr(name))
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the name {name!r} is not Unicode text, which a file's names are", where=repr(name)) from None


def _reader_of(entries: list[tuple[bytes, Entry]], caller: Caller) -> Callable[[object, int, int, int, int], int]:
    # Called in the engine's threads, several at once; nothing can be raised through C.
    def read(_context: object, tensor: int, offset: int, size: int, to: int) -> int:
        try:
            reader = entries[tensor][1].read
            if reader is None:
                return 1
            reader(offset, size, to)
            return 0
        except BaseException as fault:
            caller.fault = caller.fault or fault
            return 1

    return read
