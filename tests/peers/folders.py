# SPDX-License-Identifier: Apache-2.0
"""usage: folders.py BUILD_FOLDER CKMERGE
transformers (5, and 4 as a reader), huggingface_hub and mergekit themselves: what tests/mergekit/recorded says is what they do, they read the folders
that ckmerge merged, and mergekit's results are ckmerge's. scripts/test.sh peers runs it."""
import os
import pathlib
import subprocess
import sys

from environment import environment, older_packages

MERGEKIT = pathlib.Path(__file__).resolve().parents[1] / "mergekit"


def main():
    folder, ckmerge = pathlib.Path(sys.argv[1]).resolve(), os.path.abspath(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    python, _ = environment(folder)
    surroundings = dict(os.environ, HF_HUB_OFFLINE="1", TQDM_DISABLE="1", PYTHONHASHSEED="0")
    failed = 0
    for words in ([MERGEKIT / "record_models.py", "--check"], *([MERGEKIT / "live.py", ckmerge, kind] for kind in ("models", "forms", "architectures"))):
        failed += subprocess.run([str(python), "-B", *map(str, words)], env=surroundings).returncode != 0
    older = older_packages(folder, python)
    if older:
        failed += subprocess.run([str(python), "-B", str(MERGEKIT / "older.py"), ckmerge], env=surroundings | {"PYTHONPATH": str(older)}).returncode != 0
    sys.exit(1 if failed else 0)


main()
