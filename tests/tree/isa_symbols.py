# SPDX-License-Identifier: Apache-2.0
"""usage: isa_symbols.py NM ARCHIVE
The objects compiled for one ISA define no symbol that the linker may merge with another object's: what isa_includes.py
asks of the sources, seen in what the compiler made of them."""
import re
import subprocess
import sys

import tree

ISA_OBJECTS = {path.name + ".o" for path in tree.sources("kernels")
               if path.parts[1] == "cpu" and path.suffix == ".cpp" and path.name != "cpu.cpp"}

listing = subprocess.run([sys.argv[1], "-C", "--defined-only", sys.argv[2]], capture_output=True, text=True, check=True)
faults, member, symbols = [], "", 0
for line in listing.stdout.splitlines():
    if line.endswith(".o:"):
        member = line[:-1]
    elif member in ISA_OBJECTS and (match := re.match(r"[0-9a-f]+ (\w) (.+)", line)):
        symbols += 1
        if match.group(1) in "WVu":
            faults.append(f"{member}: defines {match.group(2)}, which other objects may end up with")
tree.finish(faults, symbols)
