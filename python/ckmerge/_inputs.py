# SPDX-License-Identifier: Apache-2.0
"""Inputs as requests have them: paths, the ``@NAME`` of a registered checkpoint, or ``memory:NAME`` for what the caller holds."""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Union, cast

from ._call import Caller
from ._tensors import Lazy, Table
from .checkpoint import Checkpoint
from .errors import UsageError

StateDict = Mapping[str, Any]
"""Names to numpy arrays, torch tensors, ``Lazy`` or whatever has ``dtype``, ``shape`` and ``read_into``."""
Path = Union[str, bytes, os.PathLike[str], os.PathLike[bytes]]
Input = Union[str, bytes, os.PathLike[str], os.PathLike[bytes], StateDict, Checkpoint]
Inputs = Union[Input, Iterable[Input], Mapping[str, Input]]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def path_text(path: Path) -> str:
    """A path as text that no command takes for anything else. Raises UsageError where it is none, or not Unicode text."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise UsageError(f"a path is a text or a pathlib.Path, not {type(path).__name__}", where=repr(path))
    text = os.fsdecode(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"the path {text!r} is not UTF-8; call it by a link that is", where=repr(text)) from None
    if "\0" in text:
        raise UsageError(f"the path {text!r} has a NUL in it", where=repr(text))
    # A word is a NAME=FILE, an @NAME or memory:NAME where it can be; a path in full is none of them.
    if not os.path.isabs(text) and (text.startswith(("@", "memory:")) or "=" in text):
        return os.path.join(os.curdir, text)
    return text


def is_array(value: Any) -> bool:
    """Whether it is a tensor, of whatever library."""
    return isinstance(value, Lazy) or hasattr(value, "__array__") or (hasattr(value, "dtype") and hasattr(value, "shape"))


def is_state_dict(value: Any) -> bool:
    """Whether it is a checkpoint in memory, and not names with inputs."""
    return isinstance(value, Mapping) and (not value or any(is_array(tensor) for tensor in value.values()))


def is_one(inputs: Any) -> bool:
    """Whether it is one input, and not several."""
    return isinstance(inputs, (str, bytes, os.PathLike, Checkpoint)) or hasattr(inputs, "state_dict") or is_state_dict(inputs)


class Operands:
    """The inputs of one call: the words of its request, and the tables that stand behind ``memory:NAME``."""

    def __init__(self) -> None:
        self.caller = Caller()
        self.tables: list[Table] = []

    def word(self, given: Input, name: str) -> str:
        """What stands for an input. ``name`` is what messages call it where it has none."""
        if isinstance(given, Checkpoint):
            given.check_unchanged()
            return path_text(given.path)
        if isinstance(given, str):
            return given if given.startswith("@") else path_text(given)
        if isinstance(given, (bytes, os.PathLike)):
            return path_text(given)
        tensors = given.state_dict() if hasattr(given, "state_dict") else given
        if not isinstance(tensors, Mapping):
            raise UsageError(f"an input is a path, an @NAME, a dict of tensors or a Checkpoint, not {type(given).__name__}",
                             where=name)
        table = Table(self._free(name), tensors, self.caller)
        self.tables.append(table)
        return table.word

    def _free(self, name: str) -> str:
        names = {table.name for table in self.tables}
        return name if name not in names else next(f"{name}{k}" for k in range(2, len(names) + 3) if f"{name}{k}" not in names)

    def words(self, inputs: Inputs) -> list[str]:
        """Those of one input, of several in order, or of names with inputs (``NAME=FILE``)."""
        if inputs is None:
            return []
        if is_one(inputs):
            return [self.word(cast(Input, inputs), "A")]
        if isinstance(inputs, Mapping):
            return [f"{name}={self.word(given, str(name))}" for name, given in inputs.items()]
        if not isinstance(inputs, Iterable):
            raise UsageError(f"inputs are a list of paths, @NAMEs and dicts of tensors, not {type(inputs).__name__}")
        return [self.word(given, _LETTERS[k] if k < len(_LETTERS) else str(k + 1)) for k, given in enumerate(cast(Iterable[Input], inputs))]

