# SPDX-License-Identifier: Apache-2.0
"""The shared library: where it is, its C interface as ctypes has it, and this process's session with it."""
from __future__ import annotations

import ctypes
import json
import os
import threading
from typing import Any, Optional

from .errors import UsageError

INTERFACE = 1  # CKMERGE_INTERFACE of the header that the structures below were written from

Progress = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
Warn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
Read = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p)


ASKED = 1  # CKMERGE_TENSOR_ASKED: `data` is a number by which tensors that are read are told apart


class Tensor(ctypes.Structure):
    """``ckmerge_tensor``; pointers are plain addresses here."""

    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_char_p), ("shape", ctypes.c_void_p),
                ("strides", ctypes.c_void_p), ("rank", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("data", ctypes.c_void_p)]


class Tensors(ctypes.Structure):
    """``ckmerge_tensors``."""

    _fields_ = [("name", ctypes.c_char_p), ("tensors", ctypes.POINTER(Tensor)), ("count", ctypes.c_size_t),
                ("metadata", ctypes.c_char_p), ("read", Read), ("context", ctypes.c_void_p)]


class CallOptions(ctypes.Structure):
    """``ckmerge_call_options``."""

    _fields_ = [("size", ctypes.c_size_t), ("context", ctypes.c_void_p), ("progress", Progress), ("warn", Warn),
                ("stop", ctypes.POINTER(ctypes.c_int)), ("tensors", ctypes.POINTER(Tensors)),
                ("tensors_count", ctypes.c_size_t)]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ckmerge_open": (ctypes.c_void_p, [ctypes.c_char_p]),
    "ckmerge_close": (None, [ctypes.c_void_p]),
    "ckmerge_version": (ctypes.c_char_p, []),
    "ckmerge_interface": (ctypes.c_int, []),
    "ckmerge_last_error": (ctypes.c_char_p, []),
    "ckmerge_describe": (ctypes.c_void_p, [ctypes.c_void_p]),
    "ckmerge_call": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(CallOptions),
                                    ctypes.POINTER(ctypes.c_void_p)]),
    "ckmerge_free": (None, [ctypes.c_void_p]),
}

# What the program looks at (docs/cli.md, "Environment" and "hash-cache"). A program may change them between calls.
_VARIABLES = ("CKMERGE_ISA", "CKMERGE_NOTIFY_AUTH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
_SETTINGS = json.dumps({"environment": True, "sigbus_guard": True}).encode()

_lock = threading.Lock()
_library: Optional[ctypes.CDLL] = None
_sessions: dict[tuple[Optional[str], ...], int] = {}  # by what the environment was when they were opened


def _path() -> str:
    """``CKMERGE_LIBRARY``, else what lies beside this module."""
    return os.environ.get("CKMERGE_LIBRARY") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "libckmerge.so")


def _load() -> ctypes.CDLL:
    path = _path()
    try:
        library = ctypes.CDLL(path)
    except OSError as fault:
        raise ImportError(f"the library of ckmerge cannot be loaded: {fault}; install the ckmerge wheel again, or let "
                          "CKMERGE_LIBRARY name a libckmerge.so", name="ckmerge", path=path) from fault
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name, None)
        if function is None:
            raise ImportError(f"{path} is no library of ckmerge: it has no {name}; let CKMERGE_LIBRARY name a libckmerge.so",
                              name="ckmerge", path=path)
        function.restype, function.argtypes = result, arguments
    found = library.ckmerge_interface()
    if found != INTERFACE:
        raise ImportError(f"{path} has interface {found} and this module was written for {INTERFACE}; the two come from "
                          "different releases of ckmerge", name="ckmerge", path=path)
    return library


def library() -> ctypes.CDLL:
    """The shared library, loaded when it is first needed. Raises ImportError where it is missing or of another release."""
    global _library
    if _library is None:
        with _lock:
            if _library is None:
                _library = _load()
    return _library


def _environment() -> tuple[Optional[str], ...]:
    return tuple(os.environ.get(variable) for variable in _VARIABLES)


def session() -> int:
    """This process's session for the environment as it is now. A child that was forked makes its own."""
    lib, environment = library(), _environment()
    with _lock:
        if environment not in _sessions:
            opened = lib.ckmerge_open(_SETTINGS)
            if not opened:
                raise UsageError(lib.ckmerge_last_error().decode("utf-8", "replace"))
            _sessions[environment] = opened
        return _sessions[environment]


def _after_fork() -> None:
    # The parent's threads are not here, and may have held the lock; what they share with its sessions is the parent's.
    global _lock
    _lock = threading.Lock()
    _sessions.clear()


os.register_at_fork(after_in_child=_after_fork)


def described() -> Any:
    """The document of ``ckmerge_describe``."""
    opened, lib = session(), library()
    text = lib.ckmerge_describe(opened)
    if not text:
        raise MemoryError("memory ran out while ckmerge described itself")
    try:
        return json.loads(ctypes.string_at(text))
    finally:
        lib.ckmerge_free(text)
