# SPDX-License-Identifier: Apache-2.0
"""Every source names its licence in one line at its top."""
import tree

SUFFIXES = {".h", ".cpp", ".inl", ".py", ".sh", ".cmake", ".in"}
NAMES = {"CMakeLists.txt", "run"}
LINE = "SPDX-License-Identifier: Apache-2.0"

faults = []
checked = [path for path in tree.files() if path.suffix in SUFFIXES or path.name in NAMES]
for path in checked:
    if not any(LINE in line for line in tree.text(path).splitlines()[:2]):
        faults.append(f"{path}: no '{LINE}' in the first two lines")
tree.finish(faults, len(checked))
