# SPDX-License-Identifier: Apache-2.0
"""Every file that documents (in backticks or code blocks) and comments name by its path from the root is there."""
import re

import tree

FOLDERS = "core|io|kernels|cli|bench|tests|scripts|cmake|docs|examples|python"
PATH = re.compile(rf"(?<![\w./-])(?:{FOLDERS})(?:/[\w.-]*\w)+(?![\w<*{{])/?")
EXAMPLE = re.compile("NAME|extrapolate")  # what a reader is to add
QUOTED = re.compile(r"`([^`\n]+)`")
ENDINGS = ("", ".h", ".cpp", ".posix.cpp", ".py", ".inl")  # rooms are named without
COMMENTS = {".h": "//", ".cpp": "//", ".inl": "//", ".cu": "//", ".py": "#", ".sh": "#", ".txt": "#", ".cmake": "#"}
HISTORY = "CHANGELOG.md"  # names what was there

existing = set()
for path in tree.files():
    existing.add(str(path))
    existing.update(str(folder) for folder in path.parents)


def is_there(name):
    return any(name.rstrip("/") + ending in existing for ending in ENDINGS)


def places(path):
    """(line number, text) of whatever of a file may name others."""
    in_block = False
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if path.suffix != ".md":
            yield number, line.partition(COMMENTS[path.suffix])[2]
        elif line.lstrip().startswith("```"):
            in_block = not in_block
        else:
            yield number, line if in_block else " ".join(QUOTED.findall(line))


faults = []
looked_at = 0
for path in tree.files():
    if str(path) == HISTORY or (path.suffix != ".md" and path.suffix not in COMMENTS):
        continue
    for number, text in places(path):
        for name in PATH.findall(text):
            looked_at += 1
            if not EXAMPLE.search(name) and not is_there(name):
                faults.append(f"{path}:{number}: names {name}, which is not there")
tree.finish(faults, looked_at)
