# SPDX-License-Identifier: Apache-2.0
"""The library prints nothing, ends no process, reads no environment and takes no signal (invariant I7)."""
import re

import tree

CALLS = re.compile(r"\b(v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|_?exit|_Exit|quick_exit|abort|terminate|"
                   r"(?:secure_)?getenv|setenv|putenv|signal|sigaction|raise|system|popen|syslog)\s*\(")
STREAMS = re.compile(r"\b(std::(?:w?cout|w?cerr|w?clog|cin)|stdout|stderr|stdin)\b")
ALLOWED = {"io/file/input_windows.posix.cpp": {"sigaction"}}  # install_sigbus_guard(), which is called by name or not at all

# Comments and literals, of which only the newlines are kept.
SILENT_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def code(path):
    return SILENT_TEXT.sub(lambda match: "\n" * match.group().count("\n"), tree.text(path))


faults = []
checked = tree.sources("kernels", "io", "core")
for path in checked:
    for number, line in enumerate(code(path).splitlines(), 1):
        for match in [*CALLS.finditer(line), *STREAMS.finditer(line)]:
            if match.group(1) not in ALLOWED.get(path.as_posix(), set()):
                faults.append(f"{path}:{number}: {match.group(1)} in the library")
tree.finish(faults, len(checked))
