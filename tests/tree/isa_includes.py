# SPDX-License-Identifier: Apache-2.0
"""A file compiled for one ISA sees no shared inline code, however deep. The linker keeps one copy of an inline function
for the whole program: were it the AVX-512 copy of a std:: function, older CPUs would crash far from any kernel."""
import re

import tree

# C headers that define no function a linker could merge; intrinsics are always inlined.
ALLOWED = {"float.h", "stddef.h", "stdint.h", "string.h", "immintrin.h", "arm_neon.h"}
NOT_PER_ISA = {"cpu.cpp"}  # picks the table; compiled like everything else

faults = []
seen = set()


def named_by_macro(path):
    """#define CKMERGE_HALF_INL "kernels/cpu/half_neon.inl": what an #include of that macro stands for."""
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if match := re.match(r'\s*#\s*define\s+\w+\s+"([^"]+\.(?:h|inl))"', line):
            yield number, '"', match.group(1)


def visit(path, chain):
    if path in seen:
        return
    seen.add(path)
    for line, bracket, name in [*tree.includes(path), *named_by_macro(path)]:
        if bracket == '"' and (tree.ROOT / name).is_file():
            visit(tree.ROOT.joinpath(name).relative_to(tree.ROOT), chain + [str(path)])
        elif name not in ALLOWED:
            faults.append(f"{path}:{line}: includes {name}, which ISA files may not see ({' -> '.join(chain + [str(path)])})")


for path in tree.sources("kernels"):
    if path.parts[1] == "cpu" and path.suffix == ".cpp" and path.name not in NOT_PER_ISA:
        visit(path, [])
tree.finish(faults, len(seen))
