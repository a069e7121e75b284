# SPDX-License-Identifier: Apache-2.0
"""Includes point one way: cli | bench | tests | examples -> core -> io -> kernels, and between the neighbourhoods of a
top folder as ARCHITECTURE.md's table says, which has no circle. Tests may also see what they test."""
import re

import tree

LIBRARY = {"kernels", "io", "core"}
MAY_INCLUDE = {
    "kernels": {"kernels"},
    "io": {"io", "kernels"},
    "core": LIBRARY,
    "cli": LIBRARY | {"cli"},
    "bench": LIBRARY | {"bench"},
    "tests": LIBRARY | {"cli", "bench", "tests"},
    "examples": {"ckmerge"},  # the installed spelling only: an example is somebody else's program
}
MOST_ROOMS = 25
PARTED = ("core", "io", "cli")  # into neighbourhoods


def neighbourhoods():
    """{folder: the folders that its files may include besides their own}, from the table. "All of these" are the rows
    of the same top folder above."""
    rows = {}
    table = re.search(r"^\| neighbourhood \|.*?\n\n", tree.text("ARCHITECTURE.md"), re.MULTILINE | re.DOTALL)
    for line in (table[0] if table else "").splitlines():
        match = re.fullmatch(r"\| `((?:core|io|cli)/[\w/]*)`(?: itself)? \|.*\|([^|]*)\|", line)
        if not match:
            continue
        folder = match[1].rstrip("/")
        top = folder.split("/")[0]
        named = set(re.findall(r"`([\w/]+)`", match[2]))
        if match[2].strip() == "all of these":
            named = {row for row in rows if row.split("/")[0] == top}
        rows[folder] = named
    return rows


def circle(rows):
    """The folders of a circle of arrows, or nothing."""
    def walk(folder, trail):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        return next(filter(None, (walk(named, trail + [folder]) for named in rows.get(folder, ()))), None)
    return next(filter(None, (walk(folder, []) for folder in rows)), None)


faults = []
rows = neighbourhoods()
if not rows:
    faults.append("ARCHITECTURE.md: no table of neighbourhoods")
if found := circle(rows):
    faults.append("ARCHITECTURE.md: a circle of neighbourhoods: " + " -> ".join(found))
rooms = {}
checked = tree.sources(*MAY_INCLUDE)
for path in checked:
    top, folder = path.parts[0], path.parent.as_posix()
    if top in PARTED:
        rooms.setdefault(folder, set()).add(path.name.split(".")[0])
        if folder not in rows:
            faults.append(f"{path}: {folder} has no row in ARCHITECTURE.md's table of neighbourhoods")
    for line, bracket, name in tree.includes(path):
        other = name.split("/")[0]
        ours = bracket == '"' or other in set(MAY_INCLUDE) | {"ckmerge"}
        if ours and ("/" not in name or other not in MAY_INCLUDE[top]):
            faults.append(f"{path}:{line}: {top}/ may not include {name}")
        elif ours and other == top and top in PARTED and name.rpartition("/")[0] not in rows.get(folder, set()) | {folder}:
            faults.append(f"{path}:{line}: {folder} may not include {name}")
for folder, inside in sorted(rooms.items()):
    if len(inside) > MOST_ROOMS:
        faults.append(f"{folder}: {len(inside)} rooms, more than {MOST_ROOMS}")
tree.finish(faults, len(checked))
