# SPDX-License-Identifier: Apache-2.0
"""What the tests of whole commands have in common: the program, which is their first argument, and what is expected of it."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ckmerge = os.path.abspath(sys.argv[1])
failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def call(*words, **options):
    environment = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"))
    return subprocess.run([ckmerge, *words], capture_output=True, text=True, env=environment, **options)


def refused(status, told, *words, **options):
    done = call(*words, **options)
    expect(done.returncode == status and told in done.stderr, f"{' '.join(words)}: {done.returncode} {done.stderr}")


def safetensors(path):
    """(metadata, {name: (dtype, shape, bytes)}) in the order of the file."""
    raw = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    metadata = header.pop("__metadata__", None)
    return metadata, {name: (entry["dtype"], entry["shape"], raw[8 + length:][slice(*entry["data_offsets"])])
                      for name, entry in header.items()}


def metadata_of(path):
    return safetensors(path)[0]


def run_in_folders(*tests):
    """Each in an empty folder of its own; then the program ends."""
    for test in tests:
        with tempfile.TemporaryDirectory(prefix="ckmerge-") as folder:
            os.chdir(folder)
            test()
            os.chdir("/")
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)
