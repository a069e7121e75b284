#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: man_page.py CKMERGE
The manual page: complete, judged by --help, and clean, judged by the tools that show manual pages."""
import os
import re
import shutil
import subprocess
import sys

ckmerge = os.path.abspath(sys.argv[1])
faults = []


def output(*words):
    return subprocess.run([ckmerge, *words], stdout=subprocess.PIPE, check=True, text=True).stdout


page = output("man")
plain = re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "")

commands = re.findall(r"^  ckmerge (\w+) .*  ", output("--help"), re.MULTILINE)
for command in commands:
    sections = [text for heads, text in re.findall(r"^\.SH OPTIONS OF (.*)\n((?:(?!\.SH).*\n)*)", plain, re.MULTILINE)
                if command in heads.split(", ")]
    if len(sections) != 1:
        faults.append(f"{command}: in {len(sections)} sections of options")
        continue
    terms = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", "\n".join(re.findall(r"^\.TP\n(.*)", sections[0], re.MULTILINE))))
    listed = set()
    for letter, no, name in re.findall(r"^ +(-\w)?,? *--(\[no-\])?([\w-]+)", output(command, "--help"), re.MULTILINE):
        listed |= {"--" + name} | ({"--no-" + name} if no else set()) | ({letter} if letter else set())
    if terms != listed:
        faults.append(f"{command}: the page and --help differ by {terms ^ listed}")
for method in re.findall(r"^(\w+): ", output("methods"), re.MULTILINE):
    if f".TP\n{method}\n" not in plain:
        faults.append(f"the method {method} is missing")
for status in ("0", "1", "2", "3", "4", "5", "6", "130 or 143"):
    if f".TP\n{status}\n" not in plain:
        faults.append(f"the exit status {status} is missing")

ran = 0
for tool, command, allowed in (
        # The page bears no date, so that equal sources make equal pages.
        ("mandoc", ["mandoc", "-Tlint", "-Wwarning"], rb'missing date, using ""'),
        ("groff", ["groff", "-man", "-Tutf8", "-ww", "-z"], rb"$^"),
        ("man", ["man", "--warnings", "-l", "-"], rb"$^")):
    if not shutil.which(tool):
        print(f"NOT RUN: the manual page under {tool} ({tool} is not installed)")
        continue
    ran += 1
    done = subprocess.run(command, input=page.encode(), capture_output=True, env=os.environ | {"MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
    said = done.stderr + (done.stdout if tool == "mandoc" else b"")
    for line in said.splitlines():
        if not re.search(allowed, line):
            faults.append(f"{tool}: {line.decode(errors='replace')}")
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
