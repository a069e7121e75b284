# SPDX-License-Identifier: Apache-2.0
"""Files include what they use of ours, themselves or by a header that they include. Builds of many sources in one do not see where a
header is missing that another source of the bundle brings; the build that users make compiles each source alone."""
import functools
import re

import tree

NOT_CODE = re.compile(r'//[^\n]*|R"\w*\(.*?\)\w*"|"(?:[^"\\\n]|\\.)*"', re.S)
TYPES = re.compile(r"^(?:template <[^\n]*>\s*)?(?:struct|class|enum class|enum) (?:\[\[\w+\]\] )?(\w+)|^using (\w+) = ", re.M)
# At a line's beginning, since what lies in a namespace is not indented: a function, or a constant.
FUNCTIONS = re.compile(r"^(?!namespace|using|return|else)[\w\[][\w:<>,&*\[\] ]*?[ &*](\w+)\(", re.M)
CONSTANTS = re.compile(r"^(?:inline |extern )?const(?:expr)? [\w:<>, ]+?[ *&](k[A-Z]\w*)", re.M)
TYPE_USED = re.compile(r"(?<![\w.>:])(?:ckmerge::)?([A-Z]\w+|k[A-Z]\w*)\b")
FUNCTION_USED = re.compile(r"(?<![\w.>:])([a-z]\w+)\(")
# The same words where they stand for something else: a member or a type within another, and in the file itself a parameter or variable.
BEFORE = r"(?<=[\w>&*\]] )(?<!return )(?<!throw )(?<!else )(?<!case )[&*]?"
MEMBERS = re.compile(BEFORE + r"(\w+)(?=\(| final| \{| : | = |;)")
DECLARED = re.compile(BEFORE + r"(\w+)(?=[;,)({=:\[}>]| = | : | final| \{)")

INSTALLED = {"ckmerge.h": "cli/capi/ckmerge.h"}  # as those who use the library include it


@functools.lru_cache(maxsize=None)
def code(path):
    return NOT_CODE.sub('""', tree.text(path))


@functools.lru_cache(maxsize=None)
def defined(path):
    """Names that a file declares at a line's beginning."""
    text = code(path)
    types = {first or second for first, second in TYPES.findall(text)}
    return types | set(FUNCTIONS.findall(text)) | set(CONSTANTS.findall(text))


@functools.lru_cache(maxsize=None)
def members(path):
    return set(MEMBERS.findall(code(path)))


@functools.lru_cache(maxsize=None)
def reached(path):
    """A file and all of ours that it includes."""
    found = {path}
    for _, _, name in tree.includes(path):
        name = INSTALLED.get(name, name)
        if (tree.ROOT / name).is_file():
            found |= reached(name)
    return frozenset(found)


def used(text):
    return set(TYPE_USED.findall(text)) | set(FUNCTION_USED.findall(text))


headers = [str(path) for path in tree.sources("kernels", "io", "core", "cli") if path.suffix == ".h"]
places = {}
for header in headers:
    for name in defined(header):
        places.setdefault(name, header)
faults = []
checked = [str(path) for path in tree.sources("kernels", "io", "core", "cli", "bench", "tests") if path.suffix != ".inl"]
for path in checked:
    had = set(DECLARED.findall(code(path))).union(*map(defined, reached(path)), *map(members, reached(path)))
    for name in sorted(used(code(path)) & places.keys() - had):
        faults.append(f"{path}: {name} without {places[name]}")
tree.finish(faults, len(checked))
