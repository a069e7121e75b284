# SPDX-License-Identifier: Apache-2.0
"""What `--layout` writes, as ComfyUI's loaders tell it: in a process of its own, since that asks for no server."""
import pathlib
import subprocess

from bench import check


def layouts_are_detected(bench):
    script = pathlib.Path(__file__).with_name("detected.py")
    done = subprocess.run([str(word) for word in (bench.python, "-B", script, bench.ckmerge, bench.source)], capture_output=True, text=True)
    check(done.returncode == 0, f"{done.stdout}{done.stderr[-2000:]}")


CASES = [layouts_are_detected]
