#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: real_pair.py CKMERGE
Two real checkpoints merged, and compared bit by bit with arithmetic done here: Python's doubles rounded to f32 after
every operation by struct, which is exact because a double has more than twice the digits of an f32."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[3]
data = pathlib.Path(os.environ.get("CKMERGE_TEST_DATA") or root.parent / "shared" / "data") / "rfb"
names = ("RFB-320", "RFB-640", "RFB-epoch-0", "RFB-320-masked")
paths = [data / f"{name}.safetensors" for name in names]
missing = [path.name for path in paths if not path.exists()]
if missing:
    print(f"NOT RUN: cli.real_pair (no {', '.join(missing)}; CKMERGE_TEST_DATA names their folder)")
    sys.exit(77)


def read(path):
    """name -> (dtype, shape, bytes)"""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (e["dtype"], e["shape"], raw[8 + length + e["data_offsets"][0]:8 + length + e["data_offsets"][1]])
            for name, e in header.items()}


def f32(values):
    return struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))


def weighted_sum(alpha):
    c0, c1 = f32([1 - alpha, alpha])
    return lambda a, b: f32([x + y for x, y in zip(f32([c0 * x for x in a]), f32([c1 * y for y in b]))])


def add_difference(alpha):
    (k,) = f32([alpha])
    return lambda a, b, c: f32([x + y for x, y in zip(a, f32([k * d for d in f32([y - z for y, z in zip(b, c)])]))])


def expected(folder, inputs, formula):
    """The bytes of the file that the merge must write."""
    tables, tensors = [read(path) for path in inputs], []
    for name, (dtype, shape, raw) in tables[0].items():
        if dtype == "F32":
            operands = [struct.unpack(f"<{len(raw) // 4}f", table[name][2]) for table in tables]
            values = formula(*operands)
            raw = struct.pack(f"<{len(values)}f", *values)
        tensors.append((name, dtype, shape, raw))
    make_inputs.write(folder / "expected", {"format": "pt"}, tensors, True)
    return (folder / "expected").read_bytes()


def merge(folder, inputs, *options):
    out = folder / "out.safetensors"
    done = subprocess.run([ckmerge, "merge", *inputs, "-o", out, "-f", "--json", "--metadata", "none", *options], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout), out


def compare(folder, inputs, formula, *options):
    code, report, out = merge(folder, inputs, *options)
    same = code == 0 and out.read_bytes() == expected(folder, inputs, formula)
    counts = report.get("counts", report)
    print(f"{' '.join(options) or 'defaults'}: {'equal' if same else 'DIFFERENT'}, {counts}")
    return same and counts["merge"] == 209 and counts["copy_integer"] == 35


with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
    folder = pathlib.Path(name)
    good = compare(folder, paths[:2], weighted_sum(0.5))
    good &= compare(folder, paths[:2], weighted_sum(0.3), "--alpha", "0.3")
    # batch norms: their variances fall below zero here
    good &= compare(folder, paths[:3], add_difference(1), "-m", "add_difference", "--alpha", "1.0", "--nan", "warn")
    good &= compare(folder, paths[:3], add_difference(0.7), "-m", "add_difference", "--alpha", "0.7", "--nan", "warn")
    code, report, out = merge(folder, [paths[0], paths[3]])
    print(f"{names[0]} with {names[3]}: exit {code}, {report['error']['message']}")
    good &= code == 4 and len(report["error"]["details"]) == 8
sys.exit(0 if good else 1)
