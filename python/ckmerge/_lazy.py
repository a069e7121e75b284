# SPDX-License-Identifier: Apache-2.0
"""Tensors that are made when their bytes are wanted: which are in memory, and when they are dropped."""
from __future__ import annotations

import ctypes
import threading
import time
from typing import Optional

from ._call import Caller
from ._tensors import Entry, Lazy, entry_of
from .errors import UsageError

_MOST_BYTES = 64 << 20  # of what is made and not yet taken whole; one tensor is made however large it is
_PATIENCE = 1.0  # seconds without a read after which such a one gives way to others, and is made again when it is wanted
_STEP = 0.1  # seconds between looks at whether the caller still makes any
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


class _Held:
    """A tensor that has room: made, or being made."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entry: Optional[Entry] = None
        self.read_at = time.monotonic()


class Room:
    """What is made of one checkpoint's lazy tensors. Each checkpoint of a call has one of its own: a merge reads tensors of the
    same name from all of them at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[str, _Held] = {}  # the oldest first
        self._bytes = 0

    def entry(self, name: str) -> Optional[Entry]:
        """What is made of this tensor, which is whoever's asks, whatever is dropped meanwhile."""
        with self._changed:
            held = self._held.get(name)
            return held.entry if held else None

    def reserve(self, name: str, size: int, caller: Caller) -> None:
        """Waits until a tensor of so many bytes may be made, or the caller makes none any more."""
        with self._changed:
            while self._held and self._bytes + size > _MOST_BYTES and not caller.refuses:
                self._make_room()
            self._held[name] = _Held(size)
            self._bytes += size

    def _make_room(self) -> None:
        made = next((name for name, held in self._held.items() if held.entry is not None), None)
        left = _PATIENCE if made is None else self._held[made].read_at + _PATIENCE - time.monotonic()
        if left > 0:
            self._changed.wait(min(left, _STEP))
        elif made is not None:
            self.drop(made)

    def put(self, name: str, entry: Entry) -> None:
        """It is made."""
        with self._changed:
            self._held[name].entry = entry
            self._held[name].read_at = time.monotonic()
            self._changed.notify_all()

    def was_read(self, name: str) -> None:
        """A part of it has been taken."""
        with self._changed:
            if name in self._held:
                self._held[name].read_at = time.monotonic()

    def drop(self, name: str) -> None:
        """Lets go of it, where it is there."""
        with self._changed:
            held = self._held.pop(name, None)
            self._bytes -= held.size if held else 0
            self._changed.notify_all()


class _Made:
    """One lazy tensor of a call."""

    def __init__(self, name: str, lazy: Lazy, caller: Caller, room: Room) -> None:
        self._name, self._lazy, self._caller, self._room = name, lazy, caller, room
        self._making, self._counting = threading.Lock(), threading.Lock()
        self._taken = 0  # bytes, since it was last taken whole
        self._size = _BYTES.get(lazy.dtype, 1) * Entry(lazy.dtype, lazy.shape).count

    def read(self, offset: int, size: int, to: int) -> None:
        """Writes bytes to an address; the tensor is made first where it is not there."""
        with self._making:
            entry = self._room.entry(self._name) or self._made()
        if entry.read is not None:
            entry.read(offset, size, to)
        elif entry.address is not None:
            ctypes.memmove(to, entry.address + offset, size)
        del entry  # before others are told that it is dropped
        self._count(size)

    def _count(self, size: int) -> None:
        with self._counting:
            self._taken += size
            whole = self._taken >= self._size
            if whole:
                self._taken = 0
        if whole:
            self._room.drop(self._name)
        else:
            self._room.was_read(self._name)

    def _made(self) -> Entry:
        # What is returned is the reader's, whatever is dropped meanwhile.
        self._room.reserve(self._name, self._size, self._caller)
        made: list[Entry] = []
        if not self._caller.do(lambda: made.append(self._make())):
            self._room.drop(self._name)
            raise RuntimeError(f"'{self._name}' could not be made")
        self._room.put(self._name, made[0])
        return made[0]

    def _make(self) -> Entry:  # in the caller's thread
        entry = entry_of(self._name, _in_order(self._lazy.make()))
        if (entry.dtype, entry.shape) != (self._lazy.dtype, self._lazy.shape):
            raise UsageError(f"'{self._name}' was said to be {self._lazy.dtype} {list(self._lazy.shape)}, and what was made "
                             f"is {entry.dtype} {list(entry.shape)}", where=self._name)
        return entry


def _in_order(value: object) -> object:
    contiguous = getattr(value, "contiguous", None)  # of torch
    if contiguous is not None:
        return contiguous()
    from ._numpy import in_order

    return in_order(value)


def entry_of_lazy(name: str, lazy: Lazy, caller: Caller, room: Room) -> Entry:
    """The entry of a tensor that is not there yet."""
    return Entry(lazy.dtype, lazy.shape, read=_Made(name, lazy, caller, room).read, same=id(lazy))
