# SPDX-License-Identifier: Apache-2.0
"""Tensors that are made when their bytes are wanted: which are alive, and when they are dropped."""
from __future__ import annotations

import ctypes
import os
import threading
from typing import Optional

from ._call import Caller
from ._tensors import Entry, Lazy, entry_of
from .errors import UsageError

# Made and not yet taken whole: more than the engine's threads ask for at once, since what is dropped is made again.
_MOST_MADE = 2 * len(os.sched_getaffinity(0)) + 4
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


class _Made:
    """One lazy tensor of a call."""

    def __init__(self, name: str, lazy: Lazy, caller: Caller) -> None:
        self._name, self._lazy, self._caller = name, lazy, caller
        self._lock = threading.Lock()
        self._entry: Optional[Entry] = None
        self._taken = 0
        self._size = _BYTES.get(lazy.dtype, 1) * Entry(lazy.dtype, lazy.shape).count

    def read(self, offset: int, size: int, to: int) -> None:
        """Writes bytes to an address; the tensor is made first where it is not there."""
        with self._lock:
            entry = self._entry or self._made()
            self._taken += size
            if self._taken >= self._size:
                self.drop()
        if entry.read is not None:
            entry.read(offset, size, to)
        elif entry.address is not None:
            ctypes.memmove(to, entry.address + offset, size)

    def drop(self) -> None:
        """Lets go of what was made."""
        self._entry, self._taken = None, 0

    def _made(self) -> Entry:
        # What is returned is the reader's, whatever the caller's thread drops meanwhile.
        made: list[Entry] = []
        if not self._caller.do(lambda: made.append(self._make())):
            raise RuntimeError(f"'{self._name}' could not be made")
        return made[0]

    def _make(self) -> Entry:  # in the caller's thread
        entry = entry_of(self._name, _in_order(self._lazy.make()), self._caller)
        if (entry.dtype, entry.shape) != (self._lazy.dtype, self._lazy.shape):
            raise UsageError(f"'{self._name}' was said to be {self._lazy.dtype} {list(self._lazy.shape)}, and what was made "
                             f"is {entry.dtype} {list(entry.shape)}", where=self._name)
        made = self._caller.made
        while len(made) >= _MOST_MADE:
            made.popleft().drop()
        made.append(self)
        self._entry = entry
        return entry


def _in_order(value: object) -> object:
    contiguous = getattr(value, "contiguous", None)  # of torch
    if contiguous is not None:
        return contiguous()
    from ._numpy import in_order

    return in_order(value)


def entry_of_lazy(name: str, lazy: Lazy, caller: Caller) -> Entry:
    """The entry of a tensor that is not there yet."""
    return Entry(lazy.dtype, lazy.shape, read=_Made(name, lazy, caller).read)
