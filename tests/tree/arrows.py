# SPDX-License-Identifier: Apache-2.0
"""Includes point one way: cli | bench | tests | examples -> core -> io -> kernels. Tests may also see what they test."""
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

faults = []
checked = tree.sources(*MAY_INCLUDE)
for path in checked:
    for line, bracket, name in tree.includes(path):
        folder = name.split("/")[0]
        ours = bracket == '"' or folder in set(MAY_INCLUDE) | {"ckmerge"}
        if ours and ("/" not in name or folder not in MAY_INCLUDE[path.parts[0]]):
            faults.append(f"{path}:{line}: {path.parts[0]}/ may not include {name}")
tree.finish(faults, len(checked))
