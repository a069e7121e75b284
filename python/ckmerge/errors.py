# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, as exceptions: one class for each exit code of the program."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from ._words import in_python, keyword_of

_LISTED = 20  # lines of details in a message, as the program prints them; `details` has all


class Error(Exception):
    """A call of ckmerge that failed.

    ``str(error)`` is one sentence that says what, where and how to mend it, and below it a line for each fault.

    Attributes:
        message: the sentence.
        code: what kind of failure it is, in one word, as ``--json`` has it: ``"usage"``, ``"mismatch"``, ...
        exit: the exit code that the program would have, 1 to 6 or 130.
        where: the path, tensor or option that is meant, or an empty string.
        details: a line for each fault, where there are several.

    >>> raise MismatchError("the checkpoints do not fit together", where="b.safetensors")
    Traceback (most recent call last):
    ckmerge.errors.MismatchError: the checkpoints do not fit together
    """

    code = "internal"
    exit = 1

    def __init__(self, message: str, *, code: Optional[str] = None, where: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.where = where
        self.details = tuple(details)

    def __str__(self) -> str:
        lines = [self.message, *("  " + line for line in self.details[:_LISTED])]
        if len(self.details) > _LISTED:
            lines.append(f"  and {len(self.details) - _LISTED} more")
        return "\n".join(lines)

    def __reduce__(self) -> Any:  # errors cross from worker processes
        return _again, (type(self), self.message, self.code, self.where, self.details)


class RunError(Error):
    """Exit code 1: input or output failed, a file is missing, a target is locked, or ckmerge has a fault of its own."""

    code = "io"
    exit = 1


class UsageError(Error):
    """Exit code 2: a bad option or parameter, a target that exists, an output that is an input."""

    code = "usage"
    exit = 2


class InputError(Error):
    """Exit code 3: an input is malformed, unsafe, truncated, or changed during the run."""

    code = "malformed"
    exit = 3


class MismatchError(Error):
    """Exit code 4: the checkpoints do not fit together, or their merge has NaN or Inf that none of them has."""

    code = "mismatch"
    exit = 4


class ResourceError(Error):
    """Exit code 5: not enough disk or memory, or a GPU that was asked for cannot be had."""

    code = "resources"
    exit = 5


class DifferenceError(Error):
    """Exit code 6: a verification or a comparison found a difference."""

    code = "difference"
    exit = 6


class Interrupted(Error):
    """Exit code 130: the run was stopped. After Ctrl-C it is a ``KeyboardInterrupt`` instead."""

    code = "interrupted"
    exit = 130


class Warning(UserWarning):  # noqa: A001 - ckmerge.Warning, as users write it
    """What a merge warns of. ``warnings.simplefilter("ignore", ckmerge.Warning)`` silences it."""


_CLASSES = {kind.exit: kind for kind in (RunError, UsageError, InputError, MismatchError, ResourceError, DifferenceError,
                                         Interrupted)}


def _again(kind: type[Error], message: str, code: str, where: str, details: tuple[str, ...]) -> Error:
    return kind(message, code=code, where=where, details=details)


def error_of(exit_code: int, document: Any) -> Error:
    """The exception for a call that ended with ``exit_code``, whose answer was ``document``."""
    told = document.get("error", {}) if isinstance(document, dict) else {}
    kind = _CLASSES.get(exit_code, RunError)
    message = told.get("message") or f"ckmerge ended with exit code {exit_code}"
    where = told.get("where", "")
    if message.startswith("unknown option "):  # there is no keyword of this name, and no path is meant
        where = where.lstrip("-")
    return kind(in_python(message, where), code=told.get("code"), where=keyword_of(where),
                details=map(in_python, told.get("details", ())))
