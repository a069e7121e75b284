#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: python_reads.py
No file of refusals.py, and no saved input of the fuzzers, can do anything to another program: Python's own zipfile and pickle
read each within a second of time and 512 MiB, and all that it names, in whatever part of it, is torch's, plain data or of a
module that does not exist."""
import importlib.util
import io
import pathlib
import pickle
import re
import resource
import sys
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from corpus import corpus
from pickle_words import ABSENT

# By the first part of the module.
KNOWN = {"torch": None, "collections": {"OrderedDict"}, "__builtin__": {"set", "bytearray", "frozenset", "Ellipsis", "getattr"},
         "builtins": {"set", "bytearray", "frozenset", "getattr"}, "uuid": {"UUID"}, "_codecs": {"encode"}}
OPAQUE = {ABSENT, "pytorch_lightning", "__call__"}  # a class of Lightning's, and what DUP makes of the stand-in
SEEDS = [pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus" / name for name in ("fuzz_pickle", "fuzz_legacy", "fuzz_zip")]


def may_be_named(module, name):
    root = module.split(".")[0]
    if root in KNOWN:
        return KNOWN[root] is None or name in KNOWN[root]
    return root in OPAQUE or re.fullmatch("m+", module)


class Inert:
    """Stands for whatever a file names: it takes any argument, state and member, and keeps none."""

    def __new__(cls, *arguments, **named):
        return super().__new__(cls)

    def __init__(self, *arguments, **named):
        pass

    def __call__(self, *arguments, **named):
        return self

    def __setstate__(self, state):
        pass

    def __setitem__(self, key, value):
        pass


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        assert may_be_named(module, name), f"names {module[:100]}.{name[:100]}"
        return Inert

    def persistent_load(self, key):
        return Inert()


def tried(read, *words):
    """Most files are damaged, and how Python says so is its own affair."""
    try:
        return read(*words)
    except (AssertionError, MemoryError):
        raise
    except Exception:
        return None


def pickles_of(data):
    """What Python finds in a file: the records of an archive, else the file itself."""
    archive = tried(zipfile.ZipFile, io.BytesIO(data))
    if archive is None:
        return [data]
    return [words for record in archive.infolist() if (words := tried(archive.read, record)) is not None]


def load(words):
    file = io.BytesIO(words)
    while file.tell() < len(words):  # a stream holds five
        Reader(file).load()


def check(name, data):
    # Also what lies behind the place where Python gives up.
    for module, word in re.findall(rb"[ci]([A-Za-z_][\w.]*)\n([A-Za-z_][\w.]*)\n", data):
        assert may_be_named(module.decode(), word.decode()), f"has {module[:100]}.{word[:100]}"
    began = time.process_time()
    for words in pickles_of(data):
        tried(load, words)
    assert time.process_time() - began < 1, f"takes Python {time.process_time() - began:.1f} s"


assert importlib.util.find_spec(ABSENT) is None, f"there is a module {ABSENT}"
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, resource.RLIM_INFINITY))
count, faults = 0, []
seeds = [(str(path), path.read_bytes()) for folder in SEEDS for path in sorted(folder.iterdir())]
assert len(seeds) >= 20, "the fuzzers' inputs are not where they were"
for name, data in [*((name, data) for name, data, _ in corpus()), *seeds]:
    count += 1
    try:
        check(name, data)
    except (AssertionError, MemoryError) as fault:
        faults.append(f"{name}: {type(fault).__name__} {fault}")
if faults:
    sys.exit("\n".join(faults))
print(f"{count} files do nothing to Python")
