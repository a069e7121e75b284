# SPDX-License-Identifier: Apache-2.0
"""A checkpoint as a mapping of names to arrays, which are mapped and not read until they are used."""
from __future__ import annotations

import importlib.util
import mmap
import os
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Optional

from ._words import in_python
from .errors import InputError, UsageError

_FRAMEWORKS = ("numpy", "torch", "memoryview")
_NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Linux': a private map of more than there is memory is taken


class TensorInfo(NamedTuple):
    """What a file says of a tensor. ``offset`` and ``size`` are in bytes, ``strides`` in elements and empty where the elements
    lie in order."""

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    size: int


class Checkpoint(Mapping[str, Any]):
    """What ``ckmerge.open`` returns: names to tensors, in the order of the file.

    Tensors are made when they are asked for, over a map of the file: nothing is copied, and what is not looked at is not
    read. numpy's arrays are read-only. torch's tensors can be written to, which changes neither the file nor what is merged.
    They stay valid after ``close()``; the file must not be cut short meanwhile.

    Attributes:
        path: the file, in full.
        metadata: a dict of texts, empty where the file has none.
        framework: ``"numpy"``, ``"torch"`` or ``"memoryview"``.
        document: all that ``ckmerge inspect --json`` says of the file.
    """

    _close_file = staticmethod(os.close)  # os may be gone before the last of these is, when Python ends

    def __init__(self, document: dict[str, Any], framework: str) -> None:
        self.document = document
        self.path: str = os.path.abspath(document["path"])
        self.metadata: dict[str, str] = dict(document.get("metadata") or {})
        self.framework = framework
        self._tensors = {tensor["name"]: tensor for tensor in document["tensors"]}
        self._map: Optional[mmap.mmap] = None
        self._file: Optional[int] = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._identity = _identity_of(os.fstat(self._file))
        if self._identity[2] != document["size"]:
            self.close()
            raise InputError(f"{self.path} was changed while it was opened", where=self.path)
        if not self._tensors and document["form"].startswith("torch") and document.get("notes"):
            self.close()
            first, *more = (in_python(note) for note in document["notes"])
            raise InputError(f"{self.path} has no tensors to open: {first}", where=self.path, details=more)

    def check_unchanged(self) -> None:
        """Whether ``path`` is still the file that was opened, as it was then. Raises InputError."""
        try:
            found = _identity_of(os.stat(self.path))
        except OSError as fault:
            raise InputError(f"{self.path} was opened and is gone: {fault.strerror}", where=self.path) from None
        if found != self._identity:
            raise InputError(f"{self.path} was changed or replaced since it was opened; open it again", where=self.path)

    def is_file(self, path: str) -> bool:
        """Whether ``path`` is the file that was opened."""
        try:
            return _identity_of(os.stat(path)) == self._identity
        except OSError:
            return False

    def stored(self) -> dict[str, Any]:
        """Names to tensors as the file has them, for a writer that may replace it."""
        return {name: self[name] if self.info(name).strides else _Stored(self, self.info(name)) for name in self}

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fills ``view`` with bytes of the file. Raises InputError where it was cut short."""
        while view:
            if self._file is None:
                raise ValueError(f"{self.path} is closed")
            size = os.preadv(self._file, [view], offset)
            if not size:
                raise InputError(f"{self.path} was cut short while it was read", where=self.path)
            view, offset = view[size:], offset + size

    def __reduce__(self) -> Any:
        """Copies, those of other processes too, open the file again."""
        if self._file is None:
            raise ValueError(f"{self.path} is closed, and cannot be copied")
        return _opened_again, ({**self.document, "path": self.path}, self.framework, self._identity)

    def info(self, name: str) -> TensorInfo:
        """What the file says of a tensor, whose elements are not looked at. Raises KeyError."""
        tensor = self._tensors[name]
        return TensorInfo(tensor["dtype"], tuple(tensor["shape"]), tuple(tensor.get("strides", ())), tensor["offset"],
                          tensor["size"])

    def __getitem__(self, name: str) -> Any:
        info = self.info(name)
        module = importlib.import_module({"numpy": "._numpy", "torch": "._torch"}.get(self.framework, "._buffers"),
                                         __package__)
        buffer = self._mapped() if info.size else b""
        return module.view_of(buffer, info.dtype, info.shape, info.strides, info.offset, info.size)

    def _mapped(self) -> mmap.mmap:
        if self._file is None:
            raise ValueError(f"{self.path} is closed")
        if self._map is None:
            # torch has no read-only tensors: what is written into them goes to pages of this process alone.
            writable = self.framework == "torch"
            flags = mmap.MAP_PRIVATE | _NO_RESERVE if writable else mmap.MAP_SHARED
            access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
            self._map = mmap.mmap(self._file, 0, flags=flags, prot=access)
        return self._map

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def close(self) -> None:
        """Takes no more tensors out of the file. Those that were taken stay; the map goes with the last of them."""
        self._map = None
        if self._file is not None:
            file, self._file = self._file, None
            self._close_file(file)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()

    def __eq__(self, other: object) -> bool:
        return self is other  # comparing arrays is not what == is asked for

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        state = "" if self._file is not None else ", closed"
        return f"<Checkpoint {self.path!r}, {len(self)} tensors, {self.document['form']}{state}>"


class _Stored:
    """A tensor that is read from its file when it is written."""

    def __init__(self, checkpoint: Checkpoint, info: TensorInfo) -> None:
        self.dtype, self.shape = info.dtype, info.shape
        self._checkpoint, self._offset = checkpoint, info.offset

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fills ``view`` with the tensor's bytes from ``offset`` on."""
        self._checkpoint.read_into(view, self._offset + offset)


def _identity_of(file: os.stat_result) -> tuple[int, int, int, int]:
    return file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns


def _opened_again(document: dict[str, Any], framework: str, identity: tuple[int, int, int, int]) -> Checkpoint:
    found = Checkpoint(document, framework)
    if found._identity != identity:
        found.close()
        raise InputError(f"{found.path} was changed or replaced since it was opened; open it again", where=found.path)
    return found


def framework_for(asked: Optional[str]) -> str:
    """``asked``, or torch where the program has imported it, else numpy where it is installed, else memoryviews."""
    if asked is not None:
        if asked not in _FRAMEWORKS:
            raise UsageError(f"framework is numpy, torch or memoryview, not {asked!r}", where="framework")
        return asked
    if "torch" in sys.modules:
        return "torch"
    return "numpy" if importlib.util.find_spec("numpy") is not None else "memoryview"
