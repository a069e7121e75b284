# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tree share: which files there are, and how faults are reported."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOT_OURS = {".git", "build", ".venv", "__pycache__"}


def files():
    """Every file of the project, as a path relative to its root: tracked and new ones, not what git ignores."""
    listing = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True)
    if listing.returncode == 0:
        paths = [pathlib.Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        paths = [path for path in paths if not NOT_OURS & set(path.parts)]
    return sorted(path for path in set(paths) if (ROOT / path).is_file())


def sources(*folders):
    """C++ files below these folders, or everywhere."""
    found = [path for path in files() if path.suffix in {".h", ".cpp", ".inl"}]
    return [path for path in found if not folders or path.parts[0] in folders]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def includes(path):
    """(line number, '<' or '"', name) of every #include of a file."""
    for number, line in enumerate(text(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def finish(faults, looked_at):
    """Ends the test. Having looked at nothing is a fault too: a rule that no file can break is not checked."""
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults, {looked_at} looked at")
    sys.exit(1 if faults or not looked_at else 0)
