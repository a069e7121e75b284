# SPDX-License-Identifier: Apache-2.0
"""usage: recorded.py CKMERGE
ckmerge against outputs of sd-mecha, mergekit and ComfyUI's merge nodes that were recorded (recorded/, by peers.py --record):
the same inputs are made here once more, the same limits hold (cases.py)."""
import base64
import hashlib
import json
import math
import os
import pathlib
import re
import sys
import tempfile

import comparison
import inputs
from cases import CASES

HERE = pathlib.Path(__file__).resolve().parent


def names_of(case):
    """Names that are compared: ComfyUI's nodes merge the diffusion model alone."""
    return sorted(name for name in inputs.LAYOUTS[case.layout] if (case.peer != "ComfyUI" or name.startswith(inputs.UNET))
                  and not (case.skip and re.search(case.skip, name)))


def short(entry):
    """Of the wide tensor its first nine values, which the others repeat."""
    dtype, shape, raw = entry
    return (dtype, [1, 9], raw[:9 * len(raw) // shape[-1]]) if shape[-1:] > [99] else entry


def digests(made):
    return {f"{layout}, {dtype}": hashlib.sha256(b"".join(paths[letter].read_bytes() for letter in inputs.LETTERS)).hexdigest()
            for (layout, dtype), paths in made.items()}


def recorded_table(case, dtype, raw):
    table, at, size = {}, 0, {"F32": 4, "F16": 2, "BF16": 2}[dtype]
    for name in names_of(case):
        shape = inputs.LAYOUTS[case.layout][name]
        shape = [1, 9] if shape[-1:] > [99] else shape
        table[name] = dtype, shape, raw[at:at + size * math.prod(shape)]
        at += size * math.prod(shape)
    assert at == len(raw), f"{case.name}: {len(raw)} bytes are recorded, {at} expected"
    return table


def told_rows():
    """{(method, peer): [units]} as docs/methods.md tells them; None: another definition."""
    rows = {}
    for line in (HERE.parents[1] / "docs" / "methods.md").read_text(encoding="utf-8").split("## Beside other programs")[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            found = re.fullmatch(r"equal within (\d+) units( of the tensor)?", cells[3])
            units = 0 if cells[3] == "equal to the bit" else float(found[1]) if found else None
            rows.setdefault((cells[0].strip("`"), cells[1].split()[0]), []).append(units)
    return rows


def untold():
    """What the table of docs/methods.md says other than the cases do."""
    rows, held, faults = told_rows(), {}, []
    for case in CASES:
        words = case.words.split()
        method = words[words.index("-m") + 1] if "-m" in words else "" if "--formula" in words else "weighted_sum"
        if method:
            held.setdefault((method, case.peer), set()).add(float(case.units))
    for key, units in held.items():
        if not units <= set(rows.get(key, [])):
            faults.append(f"{key}: held to {units} units, told as {rows.get(key)}")
    for key, units in rows.items():
        if not {one for one in units if one is not None} <= held.get(key, set()):
            faults.append(f"{key}: told as {units} units, held to {held.get(key)}")
    return faults


def main():
    ckmerge, failed, compared = os.path.abspath(sys.argv[1]), 0, 0
    known = {peer: json.loads((HERE / "recorded" / f"{peer.lower()}.json").read_text(encoding="utf-8")) for peer in {case.peer for case in CASES}}
    with tempfile.TemporaryDirectory(prefix="ckmerge-recorded-") as scratch:
        os.chdir(scratch)
        made = {(layout, dtype): inputs.write(scratch, layout, dtype) for layout in inputs.LAYOUTS for dtype in comparison.DIGITS}
        for peer, recording in known.items():
            if recording["inputs"] != digests(made):
                print(f"FAILED: the inputs of the recording of {peer} are not those that inputs.py makes")
                failed += 1
        for fault in untold():
            print("FAILED: docs/methods.md,", fault)
            failed += 1
        for case in CASES:
            for dtype in case.dtypes:
                raw = base64.b64decode(known[case.peer]["outputs"][f"{case.name}, {dtype}"])
                paths = made[case.layout, dtype]
                ours, told = comparison.merge(ckmerge, case, paths, dtype, "ours.safetensors")
                tables = [{name: short(entry) for name, entry in comparison.read(paths[letter]).items()} for letter in case.inputs]
                ours = ours and {name: short(entry) for name, entry in ours.items()}
                faults, _ = ([told], "") if ours is None else comparison.compare(case, dtype, tables, ours, recorded_table(case, dtype, raw))
                for fault in faults[:5]:
                    print(f"FAILED: {case.peer}, {case.name}, {dtype}: {fault}")
                failed, compared = failed + len(faults), compared + 1
    print(f"{compared} recordings, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
