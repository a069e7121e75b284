# SPDX-License-Identifier: Apache-2.0
"""ckmerge merges checkpoints of any size in constant memory, with the same bytes on every machine.

    import ckmerge

    ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=0.3, progress=True)

Everything that the program ``ckmerge`` can do is a function here, under the program's names: docs/python.md.
"""
from __future__ import annotations

from ._inputs import Input, Inputs, StateDict
from ._registry import Registry, scan
from ._tensors import Lazy
from .checkpoint import Checkpoint, TensorInfo
from .errors import (DifferenceError, Error, InputError, Interrupted, MismatchError, ResourceError, RunError, UsageError,
                     Warning)
from .looking import describe, doctor, hash, inspect, methods, open
from .merging import call, merge, plan, run
from .operations import average, bake, compose, convert, save
from .progress import Event
from .report import Plan, Report

__version__ = "0.1.0"

registry = Registry()
"""The user's registry: ``ckmerge.registry.list("sdxl")``."""

__all__ = [
    "Checkpoint", "DifferenceError", "Error", "Event", "Input", "InputError", "Inputs", "Interrupted", "Lazy", "MismatchError",
    "Plan", "Registry", "Report", "ResourceError", "RunError", "StateDict", "TensorInfo", "UsageError", "Warning", "average", "bake",
    "call", "compose", "convert", "describe", "doctor", "hash", "inspect", "merge", "methods", "open", "plan", "registry", "run",
    "save", "scan",
]
