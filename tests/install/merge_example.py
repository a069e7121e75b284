# SPDX-License-Identifier: Apache-2.0
"""usage: merge_example.py PROGRAM
Merges two small files with the example's program and reads the result back, byte for byte."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile


def write(path, values, ids):
    """A checkpoint of one F32 and one I64 tensor."""
    data = struct.pack(f"<{len(ids)}q{len(values)}f", *ids, *values)
    header = json.dumps({"ids": {"dtype": "I64", "shape": [len(ids)], "data_offsets": [0, 8 * len(ids)]},
                         "w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [8 * len(ids), len(data)]}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + data)


def read(path, name):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:8 + size])[name]["data_offsets"]
    return raw[8 + size + begin:8 + size + end]


def check(program):
    with tempfile.TemporaryDirectory(prefix="ckmerge-example-") as folder:
        a, b, out = (pathlib.Path(folder) / name for name in ("a.safetensors", "b.safetensors", "out.safetensors"))
        count = 5000  # more than one block, and no multiple of one; every result is exact in F32
        write(a, [float(i) for i in range(count)], [7])
        write(b, [float(i + 4) for i in range(count)], [8])
        subprocess.run([program, a, b, out], check=True)
        assert read(out, "w") == struct.pack(f"<{count}f", *(i + 1.0 for i in range(count))), "w is not 0.75 A + 0.25 B"
        assert read(out, "ids") == struct.pack("<q", 7), "integers come from the first checkpoint"

        failed = subprocess.run([program, a, pathlib.Path(folder) / "missing", out], capture_output=True, text=True)
        assert failed.returncode == 1 and "missing" in failed.stderr, failed
        assert sorted(path.name for path in pathlib.Path(folder).iterdir()) == [a.name, b.name, out.name], "left something"


if __name__ == "__main__":
    check(sys.argv[1])
