#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: compare_builds.py OLD NEW [--only REGEX] [--ignore REGEX]...

Gives two builds of ckmerge the same command lines, those of scripts/compared and tests/cli/cases, and compares
all that comes of them: exit status, stdout, stderr and the bytes of every file. Times, rates and sizes of memory are
replaced before, as tests/cli/run_case.py does. Recipes that one build recorded are run by the other. Names of cases are
what is printed; --ignore skips those that the pattern matches and lists them, --only leaves out all others.

Exit status: 0 the same, 1 a build or a case does not run, 2 usage, 6 a difference."""
import argparse
import collections
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from compared import cases, inputs
import run_case

LIMIT = 120  # seconds for a case
# Beside those of run_case.
FILTERS = [
    (rb"page cache.*", rb"page cache ..."),
    (rb"(below \d+ folders?), [\d.]+ m?s", rb"\1, TIME"),
    (rb"\d+ threads?, \d+ tiles? of [\d.]+ [KM]?i?B", rb"N threads, N tiles of SIZE"),
    (rb'("modified": )(?!%d\b)\d+' % inputs.MADE_AT, rb"\1NOW"),
]
# Files that hold a time or a place: registries, caches of hashes, and what a case filters before it shows it.
UNCOMPARED = re.compile(r"\.db(-\w+)?$|(^|/)\.|(^|/)(fresh|cache|error|message)$")


def cli_cases():
    return [cases.Case(f"cli: {path.parent.name}", None, path.read_text(), None)
            for path in sorted((inputs.TESTS / "cli/cases").glob("*/cmd"))]


def files_of(folder):
    """path -> what is there; inputs that no command touched are told by their time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = "a link to " + os.readlink(path).replace(str(folder), "$PWD")
        elif not path.is_file():
            found[name] = "no file"
        elif path.stat().st_mtime == inputs.MADE_AT:
            found[name] = "the input"
        elif UNCOMPARED.search(name):
            found[name] = "a file"
        elif path.stat().st_size > 1 << 30:  # a hole that a case made
            found[name] = f"{path.stat().st_size} bytes"
        else:
            found[name] = "sha256 " + hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def normalised(text, folder):
    text = run_case.normalised(text, folder)
    for pattern, new in FILTERS:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text.decode(errors="backslashreplace")


def outcome(case, program, other, folder):
    """part -> what it is: the exit status, what was said, and each file."""
    if case.inputs:
        shutil.copytree(folder.parent.parent / "inputs" / case.inputs, folder)
    else:
        folder.mkdir(parents=True)
    environment = run_case.environment(program) | {"OTHER": str(other), "HOME": str(folder), "XDG_CACHE_HOME": str(folder / ".cache")}
    script = case.script if case.inputs is None else cases.PRELUDE + case.script
    done = subprocess.run(["timeout", str(LIMIT), "bash", "-c", script], cwd=folder, env=environment, capture_output=True,
                          stdin=subprocess.DEVNULL)
    found = {"exit": str(done.returncode), "stdout": normalised(done.stdout, folder), "stderr": normalised(done.stderr, folder)}
    found |= files_of(folder)
    shutil.rmtree(folder)
    return found


def short_difference(old, new):
    """The first line that differs, as both have it."""
    lines = old.split("\n"), new.split("\n")
    for k in range(max(map(len, lines))):
        first, second = (side[k] if k < len(side) else "(nothing)" for side in lines)
        if first != second:
            at = max(0, len(os.path.commonprefix([first, second])) - 20)
            return f"{first[at:at + 70]!r} -> {second[at:at + 70]!r}"
    return "the same"


def verdict(old, new):
    """One line on what differs, or None."""
    differs = [f"{part}: {short_difference(old.get(part, '(nothing)'), new.get(part, '(nothing)'))}"
               for part in sorted(old | new, key=list(old | new).index) if old.get(part) != new.get(part)]
    return "; ".join(differs[:4]) + (f"; and {len(differs) - 4} more" if len(differs) > 4 else "") if differs else None


def proves_nothing(case, found):
    """What to call an outcome of the old build that is none to compare with, and why; or None."""
    if found["exit"] == "124":
        return "PROVES NOTHING", f"takes more than {LIMIT} s"
    if found["exit"] == "77" and case.refused is None:
        return "NOT RUN", found["stdout"].strip()
    if case.refused is not None and (found["exit"] != "0") != case.refused:
        return "PROVES NOTHING", f"exit {found['exit']}, {found['stderr'][:200]!r}"
    return None


def compare(old, new, root, numbered):
    """(case, how the builds differ or None, why it proves nothing or None)"""
    number, case = numbered
    first = outcome(case, old, new, root / "old" / str(number))
    second = outcome(case, new, old, root / "new" / str(number))
    return case, verdict(first, second), proves_nothing(case, first)


def outcomes(given, to_run):
    """What compare() says of each case, in their order."""
    with tempfile.TemporaryDirectory(prefix="ckmerge-builds-") as folder:
        root = pathlib.Path(folder).resolve()
        inputs.make_all(root / "inputs")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(functools.partial(compare, given.old, given.new, root), enumerate(to_run))


def asked(program, *words):
    return subprocess.run([program, *words], stdout=subprocess.PIPE, check=True, text=True).stdout


def chosen(given):
    """The cases to run, and the names of those that are skipped."""
    kernels = [json.loads(asked(program, "doctor", "--json"))["kernels"] for program in (given.old, given.new)]
    commands = re.findall(r"^  ckmerge (\w+) .*  ", asked(given.old, "--help"), re.MULTILINE)
    every = cli_cases() + cases.all_cases([isa for isa in kernels[0] if isa in kernels[1]], commands)
    every = [case for case in every if re.search(given.only, case.name)]
    skipped = [case.name for case in every if any(re.search(pattern, case.name) for pattern in given.ignore)]
    return [case for case in every if case.name not in set(skipped)], skipped


def main():
    usage, _, description = __doc__.removeprefix("usage: ").partition("\n")
    parser = argparse.ArgumentParser(usage=usage, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=os.path.abspath)
    parser.add_argument("new", type=os.path.abspath)
    parser.add_argument("--only", default="")
    parser.add_argument("--ignore", action="append", default=[])
    given = parser.parse_args()
    try:
        to_run, skipped = chosen(given)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        print(f"not two builds of ckmerge: {error!r}", file=sys.stderr)
        return 1
    counts = collections.Counter()
    for case, differs, wrong in outcomes(given, to_run):
        kind = "DIFFERS" if differs else wrong[0] if wrong else "passed"
        counts[kind] += 1
        if kind != "passed":
            print(f"{kind}  {case.name}  {differs or wrong[1]}", flush=True)
    for name in skipped:
        print(f"skipped  {name}")
    print(f"{counts['passed']} passed, {counts['DIFFERS'] + counts['PROVES NOTHING']} failed" +
          "".join(f", {count} {word}" for count, word in ((len(skipped), "skipped"), (counts["NOT RUN"], "not run")) if count))
    return 6 if counts["DIFFERS"] else 1 if counts["PROVES NOTHING"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
