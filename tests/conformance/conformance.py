# SPDX-License-Identifier: Apache-2.0
"""Compares the reader and the layout with the reference library.

conformance.py BUILD_FOLDER DRIVER [CKMERGE]: makes a virtual environment with the library under BUILD_FOLDER, once,
and runs the comparisons in it. Exits 77 where the library cannot be had.
"""
import pathlib
import subprocess
import sys

LIBRARY = "safetensors==0.8.0"  # verdicts and bytes are a release's: docs/format.md speaks of this one
HERE = pathlib.Path(__file__).resolve().parent


def not_run(reason):
    print(f"NOT RUN: conformance with the safetensors library ({reason})")
    sys.exit(77)


def environment(folder):
    """The Python of an environment that has the library."""
    venv = folder / "venv"
    python = venv / "bin" / "python"
    ready = venv / "ready"
    if ready.exists() and ready.read_text() == LIBRARY:
        return python
    if subprocess.run([sys.executable, "-m", "venv", "--clear", venv], stdout=subprocess.DEVNULL).returncode:
        not_run("python3 has no venv module: install python3-venv")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
               "--timeout", "15", LIBRARY]
    if subprocess.run(install).returncode:
        not_run("PyPI not reachable")
    ready.write_text(LIBRARY)
    return python


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    python = environment(folder)
    status = 0
    for script in ("verdicts.py", "layouts.py"):
        status |= subprocess.run([python, "-B", HERE / script, folder, *sys.argv[2:]]).returncode
    sys.exit(status)


main()
