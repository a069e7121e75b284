#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: CKMERGE_LIBRARY=libckmerge.so python_help.py [--check]
Writes python/ckmerge/_meanings.py, from which help() of the functions says what each keyword means, out of the library's table of options;
with --check says whether it is as it would be written."""
import pathlib
import sys

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "python"
sys.path.insert(0, str(PACKAGE))

HEAD = '''# SPDX-License-Identifier: Apache-2.0
"""What each option means, made by scripts/python_help.py from the library's table; do not edit. COMMAND.NAME is of one command, where
others have an option of this name that means something else."""

MEANINGS = {
'''


def meanings():
    """By keyword, the commonest first; and by command and keyword, where it differs there."""
    import ckmerge
    from ckmerge._words import in_python

    found = {}
    for option in ckmerge.describe().options:
        name, meaning = option.name.replace("-", "_"), in_python(option.meaning)
        if found.setdefault(name, meaning) != meaning:
            found.update({f"{command}.{name}": meaning for command in option.commands})
    return found


def text():
    lines = []
    for name, meaning in sorted(meanings().items()):
        words, line = meaning.split(" "), ""
        pieces = []
        for word in words:
            if len(line) + len(word) > 100:
                pieces.append(line)
                line = ""
            line += word + " "
        pieces.append(line[:-1])
        lines.append(f"    {name!r}:\n" + "\n".join(f"        {piece!r}" for piece in pieces) + ",\n")
    return HEAD + "".join(lines) + "}\n"


def main():
    path = PACKAGE / "ckmerge" / "_meanings.py"
    if "--check" in sys.argv:
        if path.read_text(encoding="utf-8") != text():
            sys.exit(f"{path.name} is not what scripts/python_help.py writes; run it")
    else:
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
