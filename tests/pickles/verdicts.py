#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: verdicts.py VERDICT_DRIVER
Verdicts on all modules of this Python's library, and on the names that Python 2 had for them. They are asked for as texts."""
import _compat_pickle
import subprocess
import sys

# Modules of Python that are looked at function by function, because checkpoints hold what is in them, or it only computes.
DATA = """
collections _collections _collections_abc copyreg datetime _datetime _pydatetime decimal _decimal _pydecimal fractions enum
numbers pathlib argparse optparse types typing _typing functools _functools operator _operator itertools array random _random
time re _sre sre_compile sre_constants sre_parse logging weakref _weakref _weakrefset dataclasses abc _abc _py_abc string
_string math cmath io _io codecs _codecs struct _struct copy zoneinfo _zoneinfo ipaddress statistics _statistics heapq _heapq
queue _queue bisect _bisect contextvars json _json builtins __future__ calendar textwrap pprint reprlib hashlib _hashlib _md5
_sha1 _sha2 _sha256 _sha3 _sha512 _blake2 hmac binascii base64 zlib unicodedata colorsys keyword stat errno
""".split()


def judged(names):
    """(module, name) -> what is said of it."""
    words = "".join(f"{module}\t{name}\n" for module, name in names)
    done = subprocess.run([sys.argv[1]], input=words, capture_output=True, text=True, check=True)
    found = done.stdout.splitlines()
    assert len(found) == len(names), f"{len(names)} names, {len(found)} verdicts"
    return dict(zip(names, found))


def standard_library():
    """All of it is unsafe but for what is data."""
    if sys.version_info >= (3, 15) or not hasattr(sys, "stdlib_module_names"):
        print("NOT RUN: the modules of Python's library (this Python does not list them, or is newer than the list)")
        return
    for (module, _), danger in judged([(name, "x") for name in sys.stdlib_module_names if name not in DATA]).items():
        if danger != "unsafe":
            yield f"{module} is said to be {danger}"


def python2_names():
    """What Python 2 called something unsafe is unsafe: Python still maps the names, in protocols 0 to 2."""
    # Exceptions are data, and what was in itertools only computes, though their new home, builtins, is guarded.
    pairs = [((old, "x"), (new, "x")) for old, new in _compat_pickle.IMPORT_MAPPING.items()]
    pairs += list(_compat_pickle.NAME_MAPPING.items())
    # Of modules that are not unsafe as a whole: what of them is.
    functions = {"io": ("open", "open_code", "FileIO"), "copyreg": ("add_extension",), "collections": ("namedtuple",)}
    pairs += [((old, name), (new, name)) for old, new in _compat_pickle.IMPORT_MAPPING.items() for name in functions.get(new, ())]
    danger = judged([name for pair in pairs for name in pair])
    for old, new in pairs:
        if danger[new] == "unsafe" and danger[old] != "unsafe" and old[0] not in ("exceptions", "itertools"):
            yield f"{'.'.join(old)}, which is {'.'.join(new)}, is said to be {danger[old]}"


faults = [*standard_library(), *python2_names()]
if faults:
    sys.exit("\n".join(faults))
print(f"{len(_compat_pickle.IMPORT_MAPPING)} modules of Python 2 and the library of Python {sys.version.split()[0]} are judged")
