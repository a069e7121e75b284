# SPDX-License-Identifier: Apache-2.0
"""ComfyUI's lists of files: what a node offers, which file was chosen, and where a result goes so that a list has it."""
from __future__ import annotations

import os
import re
import time
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


def is_inside(path: str, folder: str) -> bool:
    """Where links lead counts."""
    folder = os.path.realpath(folder)
    return os.path.commonpath([folder, os.path.realpath(path)]) == folder


def with_fields(prefix: str) -> str:
    """%year% and its kin as numbers, as ComfyUI's Save nodes write them."""
    now = time.localtime()
    fields = {"width": "0", "height": "0", "year": str(now.tm_year), "month": f"{now.tm_mon:02}", "day": f"{now.tm_mday:02}",
              "hour": f"{now.tm_hour:02}", "minute": f"{now.tm_min:02}", "second": f"{now.tm_sec:02}"}
    for field, text in fields.items():
        prefix = prefix.replace(f"%{field}%", text)
    return prefix


def highest(folder: str, base: str) -> int:
    """The highest number N of the names BASE_N_... in a folder; 0 where there is none."""
    try:
        found = [re.match(r"_(\d{1,18})(?:_|$)", name[len(base):]) for name in os.listdir(folder) if name.startswith(base)]
    except OSError:  # a folder that is not there has no names
        return 0
    return max((int(number[1]) for number in found if number), default=0)


def next_number(list_name: str, prefix: str) -> int:
    """One more than any folder of the list has: of files of one name a loader opens the one whose folder comes first."""
    return 1 + max(highest(*os.path.split(os.path.join(folder, prefix))) for folder in folder_paths.get_folder_paths(list_name))


def target(list_name: str, prefix: str) -> dict[str, str]:
    """Where a new file goes, as options of ckmerge: PREFIX_00001_.safetensors, the next number that is free in all folders of the list."""
    folder, path = target_folder(list_name), os.path.normpath(prefix)
    os.makedirs(folder, exist_ok=True)
    parent, base = os.path.split(os.path.join(folder, path))
    if base not in ("", os.curdir, os.pardir) and is_inside(parent, folder):  # what else a prefix may not be, ckmerge says
        number = next_number(list_name, path)
        if number > 1 + highest(parent, base):  # the one that ckmerge would take is another file's in the list
            os.makedirs(parent, exist_ok=True)
            return {"output": os.path.join(parent, f"{base}_{number:05}_.safetensors")}
    return {"output": folder, "filename_prefix": prefix}


def name_of(path: str, list_name: str) -> Name:
    """The name by which loaders open this very file. Raises NodeError where a file of that name comes before it."""
    hidden = None
    for folder in folder_paths.get_folder_paths(list_name):
        relative = os.path.relpath(path, folder)
        if relative.startswith(os.pardir):
            continue
        opened = folder_paths.get_full_path(list_name, relative)
        if opened is not None and os.path.samefile(opened, path):
            return Name(relative, list_name)
        hidden = hidden or (relative, opened)
    if hidden:
        raise NodeError(f"{path} cannot be loaded: by {hidden[0]} the list {list_name} means {hidden[1] or 'no file'}; rename one of the two")
    raise NodeError(f"{path} lies in no folder of the list {list_name}")


def is_hidden(path: str, list_name: str) -> bool:
    """Whether no name of the list opens this file."""
    try:
        name_of(path, list_name)
    except NodeError:
        return True
    return False
