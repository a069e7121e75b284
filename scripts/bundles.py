#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many sources compiled as one: cmake/bundles.cmake has builds do so, scripts/tidy.py has clang-tidy do so.

usage: scripts/bundles.py divide FOLDER SOURCE...   writes lists of sources into FOLDER and says what to compile
       scripts/bundles.py compile COMMAND...        runs a compiler, for a list of sources too

Most of a compiler's time goes into the headers of the standard library and into what is instantiated of them, once more for every
source. So sources are included into one file, below the headers of all, each with names of its own for what it has in unnamed
namespaces. What cannot be compiled there is compiled by itself, and linked with the rest into the one object that was asked for:
whatever builds without bundles builds with them.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = "bundles"  # of lists of sources
LINES = 2000  # of a bundle's sources

INCLUDES = re.compile(r'^#include (?:<.*>|".*\.h")', re.M)
SOURCES = re.compile(r'^#include "(.*\.cpp)"$', re.M)
MACROS = re.compile(r"^#define (\w+)", re.M)
# What says how headers are to be read has to stand above them.
ABOVE_HEADERS = re.compile(r"^#define .*\n(?:.*\n)*?#include ", re.M)
# g++ warns of a public struct that holds a private one, save in the file that it compiles: what is included may be a header.
NO_HEADERS = ["#ifndef __clang__", '#pragma GCC diagnostic ignored "-Wsubobject-linkage"', "#endif"]
COLOURS = re.compile(r"\x1b\[[\d;]*[mK]")

QUALIFIED = re.compile(r"(?:\.|->|::|namespace )(\w+)")
UNNAMED = re.compile(r"^namespace \{$(.*?)^\}  // namespace$", re.M | re.S)
TYPES = r"(?:struct|class|enum(?: class)?|using) (\w+)(?= (?:final )?[{:=]|;)"
FUNCTIONS_AND_TYPES = re.compile(rf"^{TYPES}|^(?!namespace)[\w\[][\w:<>,&*\[\] ]*?\b(\w+)(?:\(|\{{| =)", re.M)
CONSTANTS = re.compile(r"^(?:static )?const(?:expr)? [^;]*;", re.M)
CONSTANT = re.compile(r"\b(k[A-Z]\w*)(?=\[|\{| = )")
ALIASES = re.compile(r"^using (\w+) = ", re.M)
ENUMERATORS = re.compile(r"^enum \w+[^{]*\{(.*?)\}", re.M | re.S)
ENUMERATOR = re.compile(r"[A-Za-z_]\w*")
COMMENT = re.compile(r"//.*")


def private_names(text):
    """What a source defines for itself alone: in an unnamed namespace, at the beginning of a line. Aliases anywhere."""
    names = set(ALIASES.findall(text))
    for body in UNNAMED.findall(text):
        names.update(a or b for a, b in FUNCTIONS_AND_TYPES.findall(body))
        names.update(name for constants in CONSTANTS.findall(body) for name in CONSTANT.findall(constants))
        names.update(word for values in ENUMERATORS.findall(body) for word in ENUMERATOR.findall(COMMENT.sub("", values)))
    return names


def public_names(text):
    """What a source defines for others too, at the beginning of a line: aliases are for itself."""
    return {a or b for a, b in FUNCTIONS_AND_TYPES.findall(UNNAMED.sub("", text))} - set(ALIASES.findall(text))


def names_of(text):
    """The private names of a source: (those that can be changed, the others). What is also the name of a member, of a namespace or
    of a public function would be changed there too."""
    names = private_names(text)
    kept = names & (set(QUALIFIED.findall(text)) | public_names(text))
    return sorted(names - kept), kept


def text_of(paths):
    """The file that includes these sources. Headers come first: a name that is changed must not change in them."""
    if len(paths) == 1:
        return f'#include "{paths[0]}"\n'
    texts = [(ROOT / path).read_text(encoding="utf-8") for path in paths]
    lines = NO_HEADERS + sorted({line for text in texts for line in INCLUDES.findall(text)})
    for number, (path, text) in enumerate(zip(paths, texts)):
        names, _ = names_of(text)
        lines += [f"#define {name} {name}{number}" for name in names]
        lines += [f'#include "{path}"']
        lines += [f"#undef {name}" for name in names + MACROS.findall(text)]
    return "\n".join(lines) + "\n"


def blamed(paths, said):
    """Those in which a compiler found what it calls an error."""
    return [path for path in paths if re.search(rf"^{re.escape(f'{ROOT}/{path}')}:.*\berror\b", COLOURS.sub("", said), re.M)]


class Bundle:
    """Sources that are compiled together: those that follow each other, since they include the same, save where names clash."""

    def __init__(self):
        self.paths, self.names, self.lines = [], set(), 0

    def takes(self, names, lines):
        return not self.names & names and self.lines + lines <= LINES

    def add(self, path, names, lines):
        self.paths.append(path)
        self.names |= names
        self.lines += lines


def divided(paths):
    """Lists of sources. Fuller bundles would leave the other core without work at the end."""
    alone, bundles = [], []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if ABOVE_HEADERS.search(text):
            alone.append([path])
            continue
        _, names = names_of(text)
        lines = text.count("\n")
        bundle = next((bundle for bundle in bundles if bundle.takes(names, lines)), None)
        if bundle is None:
            bundles.append(bundle := Bundle())
        bundle.add(path, names, lines)
    return alone + [bundle.paths for bundle in bundles]


def divide(folder, paths):
    """Writes the lists, and says what is to be compiled."""
    folder.mkdir(parents=True, exist_ok=True)
    compiled = []
    for number, group in enumerate(divided(paths)):
        compiled.append(group[0])
        if len(group) > 1:
            compiled[-1] = path = folder / f"bundle{number}.cpp"
            text = "".join(f'#include "{source.relative_to(ROOT)}"\n' for source in group)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
    print(";".join(map(str, compiled)), end="")


class Compilation:
    """A command of CMake's that compiles a list of sources."""

    def __init__(self, command):
        self.command = command
        self.object = pathlib.Path(command[command.index("-o") + 1])
        self.parts = []  # of the object

    def run(self, paths):
        """Compiles them together, or with those by themselves that cannot be with others. What is wrong with a source shows there."""
        part = str(self.object.with_suffix(f".{len(self.parts)}"))
        source = ROOT / paths[0]
        if len(paths) > 1:
            source = pathlib.Path(f"{part}.cpp")
            source.write_text(text_of(paths), encoding="utf-8")
        command = list(self.command)
        for option, value in (("-c", source), ("-o", f"{part}.o"), ("-MF", f"{part}.d")):
            command[command.index(option) + 1] = str(value)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode == 0:
            self.parts.append(part)
        elif len(paths) > 1:
            return self.run_apart(paths, blamed(paths, done.stdout) or paths)
        print(done.stdout, end="")
        return done.returncode == 0

    def run_apart(self, paths, alone):
        print(f"bundles: not in one file with others: {' '.join(alone)}")
        rest = [path for path in paths if path not in alone]
        return all(self.run(group) for group in [rest] * bool(rest) + [[path] for path in alone])

    def join(self):
        depends = self.command[self.command.index("-MF") + 1]
        pathlib.Path(depends).write_text("".join(pathlib.Path(f"{part}.d").read_text(encoding="utf-8") for part in self.parts), encoding="utf-8")
        if len(self.parts) == 1:
            pathlib.Path(f"{self.parts[0]}.o").replace(self.object)
        else:
            subprocess.run(["ld", "-r", "-o", str(self.object), *(f"{part}.o" for part in self.parts)], check=True)


def run_compiler(command):
    source = pathlib.Path(command[command.index("-c") + 1])
    if source.parent.name != FOLDER:
        return subprocess.run(command, check=False).returncode == 0
    compilation = Compilation(command)
    if not compilation.run(SOURCES.findall(source.read_text(encoding="utf-8"))):
        return False
    compilation.join()
    return True


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "divide":
        divide(pathlib.Path(sys.argv[2]), [pathlib.Path(word) for word in sys.argv[3:]])
    elif len(sys.argv) > 2 and sys.argv[1] == "compile":
        sys.exit(0 if run_compiler(sys.argv[2:]) else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
