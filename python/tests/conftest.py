# SPDX-License-Identifier: Apache-2.0
"""What the tests share: checkpoints in an empty folder, and an environment in which nobody's registry is touched.

The library is CKMERGE_LIBRARY, the program CKMERGE_PROGRAM; the modules are those of this checkout.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
SIZES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


def write_file(path, tensors, metadata=None):
    """tensors: {name: (dtype, shape, bytes)}, written in this order."""
    header, offset = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))
    return path


def read_file(path):
    """({name: (dtype, shape, bytes)}, metadata or None)."""
    data = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", None)
    body = data[8 + size:]
    return {name: (entry["dtype"], tuple(entry["shape"]), body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}, metadata


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


@pytest.fixture(autouse=True)
def scene(tmp_path, monkeypatch):
    """An empty folder with A and B in it, w being [[1, 2], [3, 4]] and [[2, 4], [6, 8]]."""
    for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "user" / variable))
    monkeypatch.chdir(tmp_path)
    write_file("A.safetensors", {"w": ("F32", (2, 2), floats(1, 2, 3, 4))})
    write_file("B.safetensors", {"w": ("F32", (2, 2), floats(2, 4, 6, 8))})
    return tmp_path


@pytest.fixture(autouse=True)
def examples(doctest_namespace):
    """What the examples of docstrings and documents may use without a word."""
    import ckmerge

    doctest_namespace.update({name: getattr(ckmerge, name) for name in ckmerge.__all__}, ckmerge=ckmerge)


@pytest.fixture
def big(tmp_path):
    """Two sparse checkpoints of 1 GiB, which take a while to merge."""
    count = 1 << 28
    paths = []
    for name in ("C", "D"):
        path = write_file(tmp_path / f"{name}.safetensors", {})
        header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
        header += b" " * (-len(header) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + 4 * count)
        paths.append(str(path))
    return paths


def program(*words, **options):
    """Runs the program; what it prints, parsed where it is JSON."""
    done = subprocess.run([os.environ["CKMERGE_PROGRAM"], *map(str, words)], capture_output=True, text=True, **options)
    return done


def left_behind(folder):
    """What a run that failed must not leave."""
    return sorted(path.name for path in pathlib.Path(folder).iterdir() if "partial" in path.name or path.name.startswith("."))
