# SPDX-License-Identifier: Apache-2.0
"""The program ``ckmerge``, which lies in the package: ``python -m ckmerge`` and the console script become it."""
from __future__ import annotations

import os
import sys


def main() -> None:
    """Replaces this process by the program, with the same arguments."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "ckmerge")
    try:
        os.execv(program, ["ckmerge", *sys.argv[1:]])
    except OSError as fault:
        sys.exit(f"ckmerge: {program} cannot be run: {fault.strerror}; install the ckmerge wheel again")


if __name__ == "__main__":
    main()
