#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hostile_sizes.py CKMERGE
Headers of sizes that nobody has, valid and not: each is served or refused within stated time and memory, by `inspect`,
`plan` and `merge`. Memory bounds are of the whole process. Time bounds are loose: the machine may be shared."""
import json
import os
import struct
import sys
import threading
import time

import scene
from scene import expect, expect_refusal

MIB = 1 << 20
LARGEST_HEADER = 100_000_000


def write_header(path, text, data_size):
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        file.truncate(8 + len(text) + data_size)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write_entries(path, entries, data_size):
    write_header(path, json.dumps(entries, separators=(",", ":")).encode(), data_size)


def peak_of(pid, peak):
    """The largest resident set, kept by the kernel, as seen last: 0 of a process that ended within milliseconds.
    getrusage would count what Python held when it forked."""
    while True:
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                peak[0] = max(peak[0], *(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM")), 0)
        except (OSError, ValueError):
            return
        time.sleep(0.002)


def measured(folder, *words):
    began = time.monotonic()
    process, peak = folder.start(*words), [0]
    watcher = threading.Thread(target=peak_of, args=(process.pid, peak))
    watcher.start()
    out, err = process.communicate(timeout=300)
    watcher.join()
    return scene.Result(process.returncode, out, err, time.monotonic() - began), peak[0]


def bounded(folder, what, seconds, mebibytes, code, *words, says=()):
    result, peak = measured(folder, *words)
    sentence = result.text().replace("\n", " ")[:110]
    print(f"{what}: {words[0]}: exit {result.code}, {result.seconds:.2f} s, {peak / MIB:.0f} MiB {sentence}")
    if code:
        expect_refusal(result, code, *says)
    expect(result.code == code, f"{what}: {words[0]}: {result.text()[:300]}")
    expect(result.seconds < seconds, f"{what}: {words[0]}: {result.seconds:.1f} s, at most {seconds} allowed")
    expect(peak < mebibytes * MIB, f"{what}: {words[0]}: {peak / MIB:.0f} MiB, at most {mebibytes} allowed")
    # Whatever a file says, what is printed of it stays readable.
    expect(len(result.err) < 20000 and len(result.out) < 100000, f"{what}: {words[0]}: prints {len(result.out)} bytes")


def all_commands(folder, what, name, seconds, mebibytes, code=0, says=()):
    bounded(folder, what, seconds, mebibytes, code, "inspect", name, says=says)
    bounded(folder, what, seconds, mebibytes, code, "plan", name, name, says=says)
    bounded(folder, what, seconds, mebibytes, code, "merge", name, name, "-f", "-o", "out", says=says)


def million(folder):
    """A table of 33 bytes and the name each, which the second input shares; a plan of 300 bytes and the name each (I3); the header's text and
    what its parser holds, one file at a time; the budget."""
    count = 10**6
    text = ",".join(f'"t{i:06d}":{{"dtype":"F32","shape":[],"data_offsets":[{4 * i},{4 * i + 4}]}}' for i in range(count))
    write_header(folder / "million", b"{" + text.encode() + b"}", 4 * count)
    all_commands(folder, "10^6 tensors", "million", 90, 600)
    with open(folder / "out", "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    expect(len(header) == count and header["t999999"]["data_offsets"] == [4 * count - 4, 4 * count], "10^6 tensors: header")
    os.remove(folder / "million")


def ranks(folder):
    for rank in (64, 1000):
        write_entries(folder / "rank", {"w": entry("F32", [1] * (rank - 1) + [2], 0, 8)}, 8)
        all_commands(folder, f"rank {rank}", "rank", 30, 60)


def overflows(folder):
    for what, shape, end in (("2^32 x 2^32", [1 << 32, 1 << 32], 8), ("2^63", [1 << 63], 8), ("2^64", [1 << 64], 8),
                             ("2^62 F32, bytes overflow", [1 << 62], 0), ("65536^4", [65536] * 4, 0),
                             ("2^61 x 2^61 x 0", [1 << 61, 1 << 61, 0], 0), ("negative", [-1, 4], 8),
                             ("end of 2^64 - 1", [2], (1 << 64) - 1), ("fraction", [2.5], 8)):
        write_entries(folder / "overflow", {"w": entry("F32", shape, 0, end)}, 8)
        all_commands(folder, f"dimensions {what}", "overflow", 30, 60, 3, ("overflow",))


def largest_header(folder):
    """100 MB, most of it metadata; one byte more is refused without reading it."""
    frame = '{"__metadata__":{"format":"pt","notes":"%s"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    room = 4096  # for the recipe of the merge
    write_header(folder / "header", (frame % ("n" * (LARGEST_HEADER - room - len(frame) + 2))).encode(), 8)
    all_commands(folder, "a header that leaves 4096 bytes", "header", 90, 700)
    text = frame % ("n" * (LARGEST_HEADER - len(frame) + 2))
    write_header(folder / "header", text.encode(), 8)
    bounded(folder, "a header of 100,000,000 bytes", 90, 700, 0, "inspect", "header")
    for command in ("plan", "merge"):
        bounded(folder, "a header of 100,000,000 bytes", 90, 700, 5, command, "header", "header", "-f", "-o", "out",
                says=("the format allows 100000000", "--metadata none"))
    write_header(folder / "header", (text + " ").encode(), 8)
    all_commands(folder, "a header of 100,000,001 bytes", "header", 30, 60, 3, ("header",))
    with open(folder / "header", "r+b") as file:
        file.write(struct.pack("<Q", (1 << 64) - 1))
    all_commands(folder, "a header of 2^64 - 1 bytes", "header", 30, 60, 3, ("header",))
    os.remove(folder / "header")


def long_names(folder):
    size = 4
    entries = {chr(ord("a") + i) * MIB: entry("F32", [1], size * i, size * (i + 1)) for i in range(8)}
    write_entries(folder / "names", entries, size * 8)
    all_commands(folder, "8 names of 1 MB", "names", 60, 150)
    bad = {name: entry("F32", [2], *value["data_offsets"]) for name, value in entries.items()}
    write_entries(folder / "names", bad, size * 8)
    all_commands(folder, "8 faulty tensors with names of 1 MB", "names", 60, 100, 3, ("names",))
    deep = "[" * 200 + "]" * 200  # the limit is 127; Python's own reader goes on to some 1000
    write_header(folder / "names", f'{{"w":{deep}}}'.encode(), 0)
    all_commands(folder, "200 brackets", "names", 30, 60, 3, ("names",))


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for check in (million, ranks, overflows, largest_header, long_names):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
