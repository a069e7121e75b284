# SPDX-License-Identifier: Apache-2.0
"""The one door to ckmerge: a call with the node's progress bar, which the Interrupt button ends, and whose errors are a sentence."""
from __future__ import annotations

import warnings
from typing import Any, Sequence

import ckmerge
from comfy.model_management import InterruptProcessingException, throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar

from .node import NodeError


MOST_DETAILS = 3  # of those in an error, each of which is a sentence already

warnings.filterwarnings("ignore", category=ckmerge.Warning)  # they are in the documents, and shown in the node


class Shown:
    """The node's bar. ckmerge calls it in the thread of the node: an exception that is thrown elsewhere would end nothing."""

    def __init__(self) -> None:
        self._bar = ProgressBar(1)

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "finish":
            return  # the file is there: too late for an interrupt
        throw_exception_if_processing_interrupted()
        if event["event"] == "progress" and event["total"]:
            self._bar.update_absolute(event["done"], event["total"])


def sentence(error: ckmerge.Error) -> str:
    more = len(error.details) - MOST_DETAILS
    told = [error.message, *(line.strip() for line in error.details[:MOST_DETAILS]), *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(told).replace("\n", " ")


def call(command: str, inputs: Sequence[Any] = (), **options: Any) -> dict[str, Any]:
    """The document that `ckmerge COMMAND --json` prints. Options are those of the command line, with _ for -."""
    throw_exception_if_processing_interrupted()
    try:
        return ckmerge.call(command, inputs, progress=Shown(), **options).to_dict()
    except ckmerge.Interrupted:
        raise InterruptProcessingException() from None
    except ckmerge.Error as error:
        raise NodeError(sentence(error), error.where or "") from None


def save(tensors: dict[str, Any], path: str, **options: Any) -> None:
    throw_exception_if_processing_interrupted()
    try:
        ckmerge.save(tensors, path, progress=Shown(), **options)
    except ckmerge.Interrupted:
        raise InterruptProcessingException() from None
    except ckmerge.Error as error:
        raise NodeError(sentence(error), error.where or "") from None


def tables() -> dict[str, Any]:
    """Commands, options, methods, dtypes and architectures of this ckmerge."""
    if not _tables:
        _tables.update(ckmerge.describe().to_dict())
    return _tables


_tables: dict[str, Any] = {}
