# SPDX-License-Identifier: Apache-2.0
"""usage: adapters.py BUILD_FOLDER CKMERGE
PEFT, LyCORIS and diffusers themselves: what tests/adapters/recorded says is what they make of adapters, and they read what ckmerge
writes. scripts/test.sh peers runs it."""
import os
import pathlib
import subprocess
import sys

from environment import adapters_environment

ADAPTERS = pathlib.Path(__file__).resolve().parents[1] / "adapters"


def main():
    folder, ckmerge = pathlib.Path(sys.argv[1]).resolve(), os.path.abspath(sys.argv[2])
    python, _ = adapters_environment(folder)
    surroundings = dict(os.environ, HF_HUB_OFFLINE="1", TQDM_DISABLE="1", OMP_NUM_THREADS="1")
    failed = 0
    for words in ([ADAPTERS / "record.py", "--check"], [ADAPTERS / "live.py", ckmerge]):
        failed += subprocess.run([str(python), "-B", *map(str, words)], env=surroundings).returncode != 0
    sys.exit(1 if failed else 0)


main()
