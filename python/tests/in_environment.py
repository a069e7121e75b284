# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of the Python package: in_environment.py BUILD_FOLDER LIBRARY PROGRAM [OTHER_ENVIRONMENT].

Makes a virtual environment with pytest, numpy, ml_dtypes, mypy and tqdm under BUILD_FOLDER, once. What another environment has
(torch) comes behind it on the path; nothing is installed there. Exits 77 where PyPI cannot be reached.
"""
import os
import pathlib
import subprocess
import sys

PACKAGES = ["pytest", "numpy", "ml_dtypes", "mypy", "tqdm"]
HERE = pathlib.Path(__file__).resolve().parent


def not_run(reason):
    print(f"NOT RUN: the tests of the Python package ({reason})")
    sys.exit(77)


def environment(folder):
    """The Python of an environment that has the packages."""
    venv = folder / "venv"
    python, ready = venv / "bin" / "python", venv / "ready"
    if ready.exists() and ready.read_text() == " ".join(PACKAGES):
        return python
    if subprocess.run([sys.executable, "-m", "venv", "--clear", venv], stdout=subprocess.DEVNULL).returncode:
        not_run("python3 has no venv module: install python3-venv")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "15"]
    if subprocess.run([*install, *PACKAGES]).returncode:
        not_run("PyPI not reachable")
    ready.write_text(" ".join(PACKAGES))
    return python


def packages_of(other):
    """The folder of another environment's packages."""
    found = sorted(pathlib.Path(other).glob("lib/python3*/site-packages"))
    if not found:
        not_run(f"{other} is no environment; scripts/test.sh peers makes it")
    return str(found[0])


def main():
    folder, library, program = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    python = environment(folder)
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    surroundings.update(CKMERGE_LIBRARY=str(library), CKMERGE_PROGRAM=str(program), PYTHONDONTWRITEBYTECODE="1")
    only = []
    if len(sys.argv) > 4:
        surroundings["PYTHONPATH"] = packages_of(sys.argv[4])  # before our own: its numpy is the one that torch is used with
        only = [str(HERE / "test_torch.py")]
    command = [python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--durations=5", *(only or [str(HERE)])]
    done = subprocess.run(command, env=surroundings, cwd=folder, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    for line in done.stdout.splitlines():  # of pytest's list of what was skipped
        if "NOT RUN: " in line:
            print("NOT RUN: " + line.partition("NOT RUN: ")[2])
    sys.exit(done.returncode)


main()
