# SPDX-License-Identifier: Apache-2.0
"""Tests by their names, each in an empty folder of its own: what the files of this folder have in common that are run as
`FILE CKMERGE [NAME ...]`."""
import os
import sys
import tempfile


def run(tests, what, prepare=None, error=RuntimeError):
    """Calls those of `tests`, {name: function of the program's path}, that are named, or all; ends the process with 1 where any has
    faults. A test returns a fault or a list of them, or raises `error`; `prepare` makes files before each. `what` the tests are of."""
    ckmerge, failed, wanted = os.path.abspath(sys.argv[1]), 0, sys.argv[2:] or list(tests)
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="ckmerge-adapters-") as scratch:
            os.chdir(scratch)
            try:
                if prepare:
                    prepare()
                told = tests[name](ckmerge) or []
                faults = [told] if isinstance(told, str) else list(told)
            except error as fault:
                faults = [str(fault)]
            os.chdir("/")
        for text in faults:
            print(f"FAILED: {name}: {text}")
        failed += bool(faults)
    print(f"{len(wanted)} {what}, {failed} are wrong")
    sys.exit(1 if failed or not wanted else 0)
