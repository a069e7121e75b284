# SPDX-License-Identifier: Apache-2.0
"""ComfyUI's lists of files: what a node offers, which file was chosen, and where a result goes so that a list has it."""
from __future__ import annotations

import os
from typing import Any, Sequence

import folder_paths

from .node import NodeError

CHECKPOINTS = "checkpoints"
LISTS = (CHECKPOINTS, "diffusion_models", "text_encoders", "vae")
NONE = "(none)"


class Name(str):
    """A name as a loader's list has it, which remembers the list: another node of ckmerge need not guess."""

    list_name: str

    def __new__(cls, name: str, list_name: str) -> Name:
        made = super().__new__(cls, name)
        made.list_name = list_name
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # the server copies what it keeps of a run
        return str(self), self.list_name


def names(lists: Sequence[str] = LISTS, optional: bool = False) -> list[str]:
    """The files of these lists: those of the first by their names, others behind the name of their list."""
    first = [NONE] if optional else []
    return first + [name if listed == lists[0] else f"{listed}: {name}" for listed in lists for name in folder_paths.get_filename_list(listed)]


def split(name: str, lists: Sequence[str]) -> tuple[str, str]:
    """The list and the name in it."""
    if isinstance(name, Name):
        return name.list_name, str(name)
    listed, colon, rest = name.partition(": ")
    if colon and listed in lists:
        return listed, rest
    found = [listed for listed in lists if folder_paths.get_full_path(listed, name)]
    if not found:
        raise NodeError(f"{name} is in none of the lists {', '.join(lists)}; refresh the page, or check where the file lies")
    return found[0], name


def resolve(name: Any, lists: Sequence[str] = LISTS) -> tuple[str, str]:
    """The list that has the file, and its path."""
    if not isinstance(name, str):
        raise NodeError(f"a file's name is wanted here, not {type(name).__name__}: link the output `name` of a node")
    listed, rest = split(name, lists)
    path = folder_paths.get_full_path(listed, rest)
    if path is None:
        raise NodeError(f"{rest} is not in the list {listed}; refresh the page, or check where the file lies")
    return listed, path


def target_folder(list_name: str) -> str:
    """The folder of this list below ComfyUI's output folder, where it has one (as its own Save nodes write), else its first."""
    output = os.path.abspath(folder_paths.get_output_directory())
    folders = folder_paths.get_folder_paths(list_name)
    below = [folder for folder in folders if os.path.abspath(folder).startswith(output + os.sep)]
    return (below or folders)[0]


def name_of(path: str, list_name: str) -> Name:
    """The name under which the list has this file."""
    for folder in folder_paths.get_folder_paths(list_name):
        relative = os.path.relpath(path, folder)
        if not relative.startswith(os.pardir):
            return Name(relative, list_name)
    raise NodeError(f"{path} lies in no folder of the list {list_name}")
