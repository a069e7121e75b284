# SPDX-License-Identifier: Apache-2.0
"""ckmerge merges checkpoints of any size in constant memory, with the same bytes on every machine.

    import ckmerge

    ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=0.3, progress=True)

Everything that the program ``ckmerge`` can do is a function here, under the program's names: docs/python.md. What is behind a
name is imported when it is first used, so that importing ckmerge costs a program nothing that it does not use.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._inputs import Input, Inputs, StateDict
    from ._registry import Registry, registry, scan
    from ._tensors import Lazy
    from .checkpoint import Checkpoint, TensorInfo
    from .errors import (DifferenceError, Error, InputError, Interrupted, MismatchError, ResourceError, RunError, UsageError,
                         Warning)
    from .looking import describe, doctor, hash, inspect, methods, open
    from .merging import call, merge, mergekit, plan, run
    from .operations import average, bake, compose, convert, lora, save
    from .progress import Event
    from .report import Plan, Report

__version__ = "0.1.0"

__all__ = [
    "Checkpoint", "DifferenceError", "Error", "Event", "Input", "InputError", "Inputs", "Interrupted", "Lazy", "MismatchError",
    "Plan", "Registry", "Report", "ResourceError", "RunError", "StateDict", "TensorInfo", "UsageError", "Warning", "average", "bake",
    "call", "compose", "convert", "describe", "doctor", "hash", "inspect", "lora", "merge", "mergekit", "methods", "open", "plan", "registry",
    "run", "save", "scan",
]

_ROOMS = {  # where each name is
    "_inputs": ("Input", "Inputs", "StateDict"),
    "_registry": ("Registry", "registry", "scan"),
    "_tensors": ("Lazy",),
    "checkpoint": ("Checkpoint", "TensorInfo"),
    "errors": ("DifferenceError", "Error", "InputError", "Interrupted", "MismatchError", "ResourceError", "RunError", "UsageError",
               "Warning"),
    "looking": ("describe", "doctor", "hash", "inspect", "methods", "open"),
    "merging": ("call", "merge", "mergekit", "plan", "run"),
    "operations": ("average", "bake", "compose", "convert", "lora", "save"),
    "progress": ("Event",),
    "report": ("Plan", "Report"),
}


def __getattr__(name: str) -> object:
    import importlib

    for room, names in _ROOMS.items():
        if name in names:
            value: object = getattr(importlib.import_module("." + room, __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'ckmerge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
