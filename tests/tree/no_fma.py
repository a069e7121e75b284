# SPDX-License-Identifier: Apache-2.0
"""usage: no_fma.py OBJDUMP ARCHIVE
Kernels hold no fused multiply-add instruction, x86 or ARM: it rounds once where the formula says twice, so that CPUs
that have it would write other bytes than CPUs that do not (invariant I2)."""
import re
import subprocess
import sys

import tree

FUSED = re.compile(r"\tv?(?:vfn?m(?:add|sub)\w*|fn?m(?:add|sub)|fml[as]l?2?|fcmla|bfml\w+|bfdot|bfmmla|vdpbf16\w*)(?=\s|$)")

listing = subprocess.run([sys.argv[1], "-d", "--no-show-raw-insn", sys.argv[2]], capture_output=True, text=True, check=True)
faults, function, instructions = [], "", 0
for line in listing.stdout.splitlines():
    if line.endswith(">:"):
        function = line.split("<", 1)[1][:-2]
    elif "\t" in line:
        instructions += 1
        if match := FUSED.search(line):
            faults.append(f"{function}: {match.group().strip()}")
tree.finish(sorted(set(faults)), instructions)
