# SPDX-License-Identifier: Apache-2.0
"""10,000 generated headers: the same verdict and the same tensors as the reference library, save listed differences.

verdicts.py FOLDER DRIVER
"""
import collections
import pathlib
import random
import re
import subprocess
import sys

import safetensors

import generate
import pack

COUNT = 10_000
SEED = 20260501

# docs/format.md, "Verdicts that differ": where we refuse what the reference accepts, by our sentence and the header.
STRICTER = {
    "duplicate name": ("the name is there twice", rb""),
    "entry as an array": ("expected an object with dtype", rb":\s*\[\s*\""),
    "dtype as an object": ("field 'dtype' is not a string", rb":\s*\{\s*\"[A-Z0-9_]+\"\s*:\s*null"),
    "integer of 2^64 or more in an unread field": ("the header is not valid JSON", rb"[0-9]{20}"),
}
# And where we accept what the reference refuses, by the header.
LOOSER = {"-0 as an integer": rb"-0\s*[,\]]"}


def reference_verdict(file):
    try:
        return sorted(safetensors.deserialize(file), key=lambda item: item[0].encode())
    except safetensors.SafetensorError as error:
        return str(error)


def tensors_differ(ours, theirs, file):
    """Why what we read differs from what the reference read, or None."""
    if len(ours) != len(theirs):
        return f"{len(ours)} tensors, the reference has {len(theirs)}"
    for text, (name, view) in zip(ours, theirs):
        spelled, dtype, offset, size, *shape = text.split(":")
        found = (bytes.fromhex(spelled), dtype, [int(dimension) for dimension in shape])
        if found != (name.encode(), view["dtype"], view["shape"]):
            return f"{found}, the reference has {name!r} {view['dtype']} {view['shape']}"
        if file[int(offset):int(offset) + int(size)] != view["data"]:
            return f"{name!r}: other bytes"
    return None


def listed_difference(accepted, sentence, file):
    header = file[8:]
    if accepted:
        return next((name for name, pattern in LOOSER.items() if re.search(pattern, header)), None)
    return next((name for name, (part, pattern) in STRICTER.items() if part in sentence and re.search(pattern, header)),
                None)


def compare(line, theirs, file):
    """(fault, listed difference): both None where the verdicts agree."""
    verdict, *rest = line.split(" ")
    accepted, reference_accepted = verdict == "accept", isinstance(theirs, list)
    if accepted and reference_accepted:
        return tensors_differ(rest, theirs, file), None
    if accepted == reference_accepted:
        return None, None
    sentence = "" if accepted else bytes.fromhex(rest[0]).decode("utf-8", "replace")
    listed = listed_difference(accepted, sentence, file)
    fault = f"we say {sentence or 'accept'!r}, the reference {theirs if accepted else 'accepts'!r}"
    return (None if listed else fault), listed


def main():
    folder, driver = pathlib.Path(sys.argv[1]), sys.argv[2]
    source = random.Random(SEED)
    families = [generate.FAMILIES[i % len(generate.FAMILIES)] for i in range(COUNT)]
    files = [family(source) for family in families]
    (folder / "verdicts.pack").write_bytes(pack.join(files))
    output = subprocess.run([driver, "verdicts", folder / "verdicts.pack"], check=True, capture_output=True, text=True)
    lines = output.stdout.splitlines()
    assert len(lines) == COUNT, f"{len(lines)} verdicts"

    split, listed, faults = collections.Counter(), collections.Counter(), []
    for family, file, line in zip(families, files, lines):
        theirs = reference_verdict(file)
        split[family.__name__, isinstance(theirs, list)] += 1
        fault, difference = compare(line, theirs, file)
        listed[difference] += 1
        if fault:
            faults.append(f"{family.__name__}: {fault}\n    {file[:400]!r}")
    for family in generate.FAMILIES:
        accepted, refused = split[family.__name__, True], split[family.__name__, False]
        print(f"{family.__name__:16} reference accepts {accepted:5}, refuses {refused:5}")
    del listed[None]
    print(f"{COUNT} headers, {len(faults)} unlisted differences; listed ones: {dict(listed)}")
    for fault in faults[:10]:
        print(fault)
    accepted = sum(count for (_, yes), count in split.items() if yes)
    sys.exit(1 if faults or not COUNT / 4 < accepted < COUNT * 3 / 4 else 0)


main()
