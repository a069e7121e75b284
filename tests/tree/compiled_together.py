# SPDX-License-Identifier: Apache-2.0
"""usage: compiled_together.py COMPILER

scripts/bundles.py: sources that are compiled as one give the program that they give one by one, also where they cannot be compiled
as one, and what is wrong with one is said of it, once."""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile

import tree

sys.dont_write_bytecode = True
sys.path.insert(0, str(tree.ROOT / "scripts"))
import bundles

SOURCES = {
    "parts.h": "#pragma once\n#include <cstdio>\nint first();\nint second();\nint third();\nint weight(int of);\n"
               "struct Pair { int value, again; };\n",
    # The names in unnamed namespaces are the same in all. Not changed are `value`, a member's name too, and `second`, a public one.
    "first.cpp": '#include "parts.h"\nnamespace {\n\nconstexpr int kPart = 1;\n\nint twice(int n) { return 2 * n; }\n\n}  // namespace\n'
                 "int first() { return twice(kPart); }\n",
    "second.cpp": '#include "parts.h"\nnamespace {\n\nconstexpr int kPart = 20;\n\nenum Half {\n  left,  // this and not that\n  right\n};\n\nint twice(int n) { return 2 * n; }\n\n'
                  "int value() { return 2; }\n\nint second(int n) { return n; }\n\n}  // namespace\nint second() { return second(twice(kPart)) + value() + Pair{.value = 3}.value; }\n",
    "third.cpp": '#include "parts.h"\nnamespace {\n\nint value() { return 300; }\n\n}  // namespace\n'
                 "int third() { return value() + Pair{.value = 1}.value; }\n",
    # This is a name of the header's for all, and here another one's.
    "public.cpp": '#include <cstdio>\nnamespace {\n\nint weight(int of) { return of; }\nstruct Of {\n  int weight;\n};\n\n'
                  "}  // namespace\nint own() { return weight(4) + Of{.weight = 1000}.weight; }\n",
    "main.cpp": '#include "parts.h"\nint own();\nint main() { std::printf("%d", first() + second() + third() + own()); }\n',
    "wrong.cpp": '#include "parts.h"\nint wrong() { return nothing; }\n',
}
RESULT = "1352"  # 2 + (40 + 2 + 3) + (300 + 1) + (4 + 1000)

faults = []
looked_at = 0


def check(what, seen, expected):
    global looked_at
    looked_at += 1
    if seen != expected:
        faults.append(f"{what}: {seen!r}, not {expected!r}")


def compiled(compiler, folder, names):
    """(whether it went well, what was said) of a list of sources; the object is folder/list.o"""
    lists = folder / bundles.FOLDER
    lists.mkdir(exist_ok=True)
    (lists / "list.cpp").write_text("".join(f'#include "{name}"\n' for name in names))
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        good = bundles.run_compiler([compiler, "-std=c++20", f"-I{folder}", "-MD", "-MT", "list.o", "-MF", str(folder / "list.d"), "-o",
                                     str(folder / "list.o"), "-c", str(lists / "list.cpp")])
    return good, said.getvalue()


def result(compiler, folder):
    subprocess.run([compiler, "-o", folder / "program", folder / "list.o"], check=True)
    return subprocess.run([folder / "program"], stdout=subprocess.PIPE, text=True, check=True).stdout


def main():
    compiler = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = bundles.ROOT = pathlib.Path(name)
        for name, text in SOURCES.items():
            (folder / name).write_text(text)
        good = [name for name in SOURCES if name.endswith(".cpp") and name != "wrong.cpp"]

        groups = [[path.name for path in group] for group in bundles.divided([folder / name for name in good])]
        check("the division", groups, [["first.cpp", "second.cpp", "public.cpp", "main.cpp"], ["third.cpp"]])

        check("what goes together", compiled(compiler, folder, ["first.cpp", "second.cpp", "main.cpp"]), (True, ""))
        check("what does not", compiled(compiler, folder, good), (True, "bundles: not in one file with others: third.cpp public.cpp\n"))
        check("the program", result(compiler, folder), RESULT)
        depends = (folder / "list.d").read_text()
        check("what it depends on", [name for name in [*good, "parts.h"] if name not in depends], [])

        went_well, said = compiled(compiler, folder, [*good, "wrong.cpp"])
        check("a fault", (went_well, said.count("error:"), "wrong.cpp:2" in said), (False, 1, True))


main()
tree.finish(faults, looked_at)
