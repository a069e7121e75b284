#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one command-line case: the shell lines of CASE/cmd in an empty folder, compared with CASE/stdout, CASE/stderr
(absent = empty) and CASE/exit (absent = 0). `run_case.py --rewrite CKMERGE CASE...` stores what was found instead: read the
diff before committing it.

cmd sees $CKMERGE (the program), $MAKE and $DUMP (make_inputs.py), $ROOT (the project). Exit status 77 = not run.
What varies is replaced before comparing, and nothing else is:
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FILTERS = [
    (rb"^[\d.]+ (?:ms|s|min [\d.]+ s), read ", rb"TIME, read "),
    (rb"together [\d.]+ GB/s", rb"together RATE"),
    (rb"peak memory [\d.]+ [KMGT]?i?B", rb"peak memory SIZE"),
    (rb"plan [\d.]+ [KMGT]?i?B;", rb"plan SIZE;"),
    (rb'("(?:seconds|peak_memory|plan_memory|threads|tiles_in_flight|tile_size)": )[\d.e-]+', rb"\1NUMBER"),
    (rb'("(?:isa|how)": )"[^"]*"', rb'\1"TEXT"'),
    (rb'("drops_cache": )(?:true|false)', rb"\1FLAG"),
    (rb'("(?:seconds|rate)":)[\d.e+-]+', rb"\1NUMBER"),  # --progress json
    (rb"this program and CPU have [a-z0-9, ]+", rb"this program and CPU have LIST"),
    (rb"[\w.]+: line \d+: +\d+ ", rb"sh: "),
]
__doc__ += "\n".join(f"  {pattern.decode()}  ->  {new.decode()}" for pattern, new in FILTERS)


def normalised(text, folder):
    text = text.replace(os.fsencode(folder), b"$PWD")
    for pattern, new in FILTERS:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text


def environment(ckmerge):
    maker = f"{shlex.quote(sys.executable)} -B {shlex.quote(str(HERE / 'make_inputs.py'))}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CKMERGE_") and k not in ("NO_COLOR", "TERM")}
    return kept | {"CKMERGE": str(ckmerge), "MAKE": maker, "DUMP": maker + " --dump", "ROOT": str(HERE.parents[1]),
                   "LC_ALL": "C.UTF-8", "TERM": "dumb", "XDG_DATA_HOME": "/nonexistent"}


def run(ckmerge, case):
    with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as folder:
        done = subprocess.run(["bash", str(case / "cmd")], cwd=folder, env=environment(ckmerge), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=120)
        folder = os.path.realpath(folder)
        return {"stdout": normalised(done.stdout, folder), "stderr": normalised(done.stderr, folder),
                "exit": b"%d\n" % done.returncode}


def expected(case, part):
    path = case / part
    return path.read_bytes() if path.exists() else (b"0\n" if part == "exit" else b"")


def rewrite(case, found):
    for part, text in found.items():
        (case / part).unlink(missing_ok=True)
        if text != expected(case, part):
            (case / part).write_bytes(text)


def check(case, found):
    wrong = [part for part in found if found[part] != expected(case, part)]
    for part in wrong:
        print(f"{case.name}: {part} differs\n--- expected\n{expected(case, part).decode(errors='backslashreplace')}"
              f"--- found\n{found[part].decode(errors='backslashreplace')}---")
    if "stdout" not in wrong and "stderr" in wrong or "exit" in wrong:
        print("stderr was:", found["stderr"].decode(errors="backslashreplace"))
    return not wrong


def main(words):
    rewriting = "--rewrite" in words
    ckmerge, *cases = [word for word in words if word != "--rewrite"]
    good = True
    for word in cases:
        case = pathlib.Path(word).resolve()
        found = run(pathlib.Path(ckmerge).resolve(), case)
        if found["exit"] == b"77\n":
            print(f"NOT RUN: cli.{case.name} ({found['stdout'].decode().strip()})")
            return 77
        if rewriting:
            rewrite(case, found)
        else:
            good &= check(case, found)
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
