# SPDX-License-Identifier: Apache-2.0
"""No file names a folder of one person's machine: neither somebody's home nor where this checkout happens to lie."""
import re

import tree

HOMES = re.compile(r"(?<![\w.~$}])/(?:home|Users|root|mnt|media|work|workspace)/[\w.]+|\b[A-Z]:\\\\?Users\\")
HERE = str(tree.ROOT.parent) + "/"

faults = []
checked = tree.files()
for path in checked:
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        match = HOMES.search(line)
        if match or (len(HERE) > 6 and HERE in line):  # a checkout below / or /tmp proves nothing
            faults.append(f"{path}:{number}: names a path of one machine: {match.group() if match else HERE}")
tree.finish(faults, len(checked))
