# SPDX-License-Identifier: Apache-2.0
"""What a node is, apart from ComfyUI's two ways of declaring one."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

ANY = "*"  # the one type of an output that a loader's list of names accepts


@dataclass(frozen=True)
class Widget:
    """An input. `kind` is COMBO, FLOAT, INT, BOOLEAN or STRING, which show a widget, or the type of what is linked to it."""

    name: str
    kind: str
    default: Any = None
    choices: Sequence[str] = ()
    tooltip: str = ""
    optional: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)  # min, max, step, round, multiline, placeholder


@dataclass(frozen=True)
class Output:
    kind: str
    name: str
    tooltip: str = ""


@dataclass(frozen=True)
class Hidden:
    """What ComfyUI knows of the run beside the inputs."""

    prompt: Any = None
    extra_pnginfo: Any = None


@dataclass(frozen=True)
class Result:
    outputs: tuple = ()
    text: str = ""  # shown in the node


@dataclass(frozen=True)
class Node:
    id: str
    title: str
    category: str
    description: str
    widgets: Callable[[], list[Widget]]  # asked again for every prompt: lists of files change
    outputs: Sequence[Output]
    run: Callable[[dict[str, Any], Hidden], Result]
    is_output: bool = False
    fingerprint: Callable[[dict[str, Any]], Any] | None = None  # what beside the inputs' values makes a result another one


class NodeError(Exception):
    """A sentence for the user: what, where, how to mend it. `where` is the option or the file that is wrong, or empty."""

    def __init__(self, sentence: str, where: str = "") -> None:
        super().__init__(sentence)
        self.where = where
