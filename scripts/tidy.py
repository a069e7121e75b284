#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over the sources of some folders, or over some sources, by the flags of a release build.

usage: scripts/tidy.py [--clang-tidy PROGRAM] [--checks MORE] FOLDER|SOURCE...

Most of clang-tidy's time goes into the headers of the standard library, and it looks at those again for every source: 6 s of 7.
So sources that are compiled with the same flags are included into one file (bundles.py). What cannot be compiled there is looked at
by itself. Exits with 1 where something is found.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import bundles

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/lint"  # never built: for its compile commands, of each source by itself
BUNDLES = BUILD / "bundles"
MOST = 70  # sources of a bundle: with more of them, the other core has nothing to do at the end


def configure():
    command = ["cmake", "--preset", "release", "-B", str(BUILD), "-DCKMERGE_TESTS=OFF", "-DCKMERGE_BENCH=OFF"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + "tidy: the build could not be configured, as said above")


def compiled(wanted):
    """Sources that are wanted, or lie in a folder that is, with their flags."""
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.suffix != ".cpp" or ROOT not in path.parents:
            continue
        path = path.relative_to(ROOT)
        if not wanted & {str(path), *map(str, path.parents)}:
            continue
        words = shlex.split(entry["command"])
        first = next(number for number, word in enumerate(words) if word.startswith("-"))
        yield path, words[first : words.index("-o")] + ["-Wno-unknown-warning-option"]


def divided(wanted):
    """(flags, sources), the largest first, so that the small ones fill up the time of the last."""
    made = []
    for path, flags in compiled(wanted):
        found = next((paths for others, paths in made if others == flags and len(paths) < MOST), None)
        if found is None:
            made.append((flags, found := []))
        found.append(path)
    return sorted(made, key=lambda bundle: -len(bundle[1]))


def tidy(options, name, paths, flags):
    """(whether it passed, what was said)"""
    source = BUNDLES / f"{name}.cpp"
    source.write_text(bundles.text_of(paths), encoding="utf-8")
    command = [options.clang_tidy, "--quiet", f"--checks={options.checks}", str(source), "--", f"-I{ROOT}", *flags]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    said = done.stdout or (done.stderr if done.returncode else "")
    return done.returncode == 0, said.replace(f"{ROOT}/", "")


def tidy_bundle(options, name, flags, paths):
    passed, said = tidy(options, name, paths, flags)
    if passed or len(paths) == 1 or "[clang-diagnostic-error" not in said:
        return passed, said
    blamed = [path for path in paths if re.search(rf"^{re.escape(str(path))}:.*\[clang-diagnostic-error", said, re.M)] or paths
    rest = [path for path in paths if path not in blamed]
    print(f"tidy: not in one file with others: {' '.join(map(str, blamed))}")
    results = [tidy(options, name, some, flags) for some in [rest] * bool(rest) + [[path] for path in blamed]]
    return all(passed for passed, _ in results), "".join(said for _, said in results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wanted", nargs="+")
    parser.add_argument("--clang-tidy", default="clang-tidy")
    parser.add_argument("--checks", default="", help="added to those of .clang-tidy")
    options = parser.parse_args()
    configure()
    BUNDLES.mkdir(exist_ok=True)
    work = divided(set(options.wanted))
    passed = True
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for good, said in pool.map(lambda item: tidy_bundle(options, item[0], *item[1]), enumerate(work)):
            passed = passed and good
            if not good:
                print(said, end="")
    print(f"tidy: {sum(len(paths) for _, paths in work)} sources in {len(work)} files")
    sys.exit(0 if passed and work else 1)  # having looked at nothing is a fault too


if __name__ == "__main__":
    main()
