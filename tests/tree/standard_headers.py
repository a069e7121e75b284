# SPDX-License-Identifier: Apache-2.0
"""Files include what they use of the standard library, themselves or by a header of ours. Builds with precompiled headers, or of
many sources in one, do not see where one is missing; a compiler does only where no other header happens to bring it."""
import functools
import re

import tree

# Of each name the headers that have it; of headers that are not here, no precompiled one is (cmake/precompiled.h).
HEADERS = {
    "algorithm": "min max clamp sort stable_sort equal any_of all_of none_of copy copy_n fill fill_n mismatch find find_if count count_if "
                 "lower_bound upper_bound unique is_sorted transform stable_partition shuffle rotate replace max_element",
    "array": "array to_array",
    "atomic": "atomic",
    "condition_variable": "condition_variable",
    "functional": "function multiplies",
    "map": "map multimap",
    "memory": "unique_ptr shared_ptr make_unique make_shared make_unique_for_overwrite",
    "mutex": "mutex lock_guard unique_lock once_flag call_once",
    "optional": "optional nullopt in_place",
    "set": "set multiset",
    "span": "span as_bytes as_writable_bytes",
    "string": "string to_string stoi stoul stoull getline",
    "thread": "thread jthread",
    "vector": "vector",
}
PREFIXES = {"chrono::": "chrono", "ranges::": "algorithm", "this_thread::": "thread"}
PAIRS = "pair make_pair move forward exchange swap"
BRING_PAIRS = "utility algorithm array functional map memory optional set span string string_view tuple unordered_map unordered_set vector deque"
VIEWS = "string_view"
BRING_VIEWS = "string_view string"
ELSEWHERE = {"ranges::data", "ranges::size", "ranges::begin", "ranges::end"}  # every container has these

USED = re.compile(r"\bstd::((?:chrono::|ranges::|this_thread::)?\w+)")
NOT_CODE = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"')


def headers_of_names():
    found = {name: {header} for header, names in HEADERS.items() for name in names.split()}
    found.update((name, set(BRING_PAIRS.split())) for name in PAIRS.split())
    found.update((name, set(BRING_VIEWS.split())) for name in VIEWS.split())
    return found


@functools.lru_cache(maxsize=None)
def brought(path):
    """Headers of the standard library that a file includes, by those of ours that it includes too."""
    found = set()
    for _, bracket, name in tree.includes(path):
        if bracket == "<":
            found.add(name)
        elif (tree.ROOT / name).is_file():
            found |= brought(name)
    return found


def needed(text):
    """(what is used, the headers of which one has it)"""
    for name in sorted(set(USED.findall(text)) - ELSEWHERE):
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix:
            yield name, {PREFIXES[prefix]}
        elif name in NAMES:
            yield name, NAMES[name]


NAMES = headers_of_names()
faults = []
checked = tree.sources("kernels", "io", "core", "cli", "bench", "tests")
for path in checked:
    if path.suffix == ".inl":
        continue
    text = NOT_CODE.sub("", tree.text(path))
    for name, headers in needed(text):
        if not headers & brought(str(path)):
            faults.append(f"{path}: std::{name} without <{'> or <'.join(sorted(headers))}>")
tree.finish(faults, len(checked))
