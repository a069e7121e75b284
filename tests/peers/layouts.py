# SPDX-License-Identifier: Apache-2.0
"""usage: layouts.py BUILD_FOLDER CKMERGE
diffusers itself: what tests/layouts/recorded says is what its converters do, and its loaders read what ckmerge converted.
scripts/test.sh peers runs it."""
import os
import pathlib
import subprocess
import sys

from environment import diffusers_environment

LAYOUTS = pathlib.Path(__file__).resolve().parents[1] / "layouts"


def main():
    folder, ckmerge = pathlib.Path(sys.argv[1]).resolve(), os.path.abspath(sys.argv[2])
    python, comfy = diffusers_environment(folder)
    surroundings = dict(os.environ, HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
    failed = 0
    for words in ([LAYOUTS / "record.py", "--check", "--comfyui", comfy], [LAYOUTS / "loaders.py", ckmerge],
                  [LAYOUTS / "spelled.py", ckmerge], [LAYOUTS / "configs.py", ckmerge],
                  [LAYOUTS / "merged_pipelines.py", ckmerge]):
        failed += subprocess.run([str(python), "-B", *map(str, words)], env=surroundings).returncode != 0
    sys.exit(1 if failed else 0)


main()
