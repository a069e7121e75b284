# SPDX-License-Identifier: Apache-2.0
"""usage: exports.py NM LIBRARY
libckmerge.so shows the functions of cli/capi/ckmerge.h, all of them and nothing else."""
import re
import subprocess
import sys

import tree

nm, library = sys.argv[1:]
HEADER = "cli/capi/ckmerge.h"

declared = set(re.findall(r"^CKMERGE_API [^;(]*?(\w+)\(", tree.text(HEADER), re.MULTILINE))
listing = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
shown = {line.split()[-1].split("@")[0] for line in listing.splitlines()}
faults = [f"{library}: shows {name}, which {HEADER} does not declare" for name in sorted(shown - declared)]
faults += [f"{HEADER}: declares {name}, which {library} does not show" for name in sorted(declared - shown)]
tree.finish(faults, len(declared))
