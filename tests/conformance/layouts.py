# SPDX-License-Identifier: Apache-2.0
"""Our layout of some tensors is the reference library's file of them, byte for byte, and loads there.

layouts.py FOLDER DRIVER [CKMERGE]
"""
import ctypes
import json
import pathlib
import random
import subprocess
import sys

import safetensors

import generate
import pack

COUNT = 2000
SEED = 20260502
CLI_COUNT = 40

# What the library calls the dtypes it can write; F6_E2M3 and F6_E3M2 it only reads.
WRITABLE = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
            "I32": "int32", "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32",
            "F64": "float64", "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
            "F8_E8M0": "float8_e8m0fnu", "F4": "float4_e2m1fn_x2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
            "F8_E5M2FNUZ": "float8_e5m2fnuz"}


def random_tensors(source):
    """name -> (dtype, shape, bytes), in random order."""
    names = list({generate.random_name(source) for _ in range(source.choice([0, 1, 3, 10, 30]))} - {"__metadata__"})
    names.sort()
    source.shuffle(names)
    dtypes = source.sample(list(WRITABLE), source.choice([1, 2, 5, 20]))
    tensors = {}
    for name in names:
        dtype = source.choice(dtypes)
        shape = generate.random_shape(source, generate.BITS[dtype])
        tensors[name] = dtype, shape, source.randbytes(generate.byte_size(dtype, shape))
    return tensors


def random_metadata(source, tensors, count):
    if count is None:
        return None
    # The library writes broken JSON for an empty map without tensors ({},"__metadata__":{}}): nothing to be equal to.
    if count == 0 and not tensors:
        return None
    return {f"{i}{generate.random_name(source)}": generate.random_name(source) for i in range(count)}


def reference_file(tensors, metadata):
    kept, specs = [], {}
    for name, (dtype, shape, data) in tensors.items():
        kept.append(ctypes.create_string_buffer(data, max(len(data), 1)))
        logical = list(shape)
        if dtype == "F4":
            logical[-1] //= 2  # the library is told bytes of packed pairs
        specs[name] = safetensors.TensorSpec(dtype=WRITABLE[dtype], shape=logical,
                                             data_ptr=ctypes.addressof(kept[-1]), data_len=len(data))
    return bytes(safetensors.serialize(specs, metadata))


def scattered_file(source, tensors, metadata):
    """The same tensors in another legal file: order, white space, escapes and metadata's place at random."""
    members, data = [], b""
    order = list(tensors)
    source.shuffle(order)
    for name in order:
        dtype, shape, content = tensors[name]
        members.append([name, [["dtype", json.dumps(dtype)], ["shape", json.dumps(shape)],
                               ["data_offsets", json.dumps([len(data), len(data) + len(content)])]]])
        data += content
    source.shuffle(members)
    header = generate.spell(source, members, None if metadata is None else json.dumps(metadata)).encode()
    return len(header).to_bytes(8, "little") + header + data


def loads_equal(file, tensors):
    loaded = {name: (view["dtype"], view["shape"], bytes(view["data"])) for name, view in safetensors.deserialize(file)}
    return loaded == tensors


def written_metadata(file):
    size = int.from_bytes(file[:8], "little")
    return json.loads(file[8:8 + size])["__metadata__"]


def check_driver(folder, driver):
    source = random.Random(SEED)
    cases = []
    for i in range(COUNT):
        tensors = random_tensors(source)
        cases.append((tensors, random_metadata(source, tensors, source.choice([None, 0, 1, 1, 3]))))
    inputs = [scattered_file(source, *case) for case in cases]
    (folder / "layouts.pack").write_bytes(pack.join(inputs))
    subprocess.run([driver, "layouts", folder / "layouts.pack", folder / "canonical.pack"], check=True)
    outputs = pack.split((folder / "canonical.pack").read_bytes())
    assert len(outputs) == COUNT, f"{len(outputs)} files"

    faults, identical = [], 0
    for (tensors, metadata), ours in zip(cases, outputs):
        if metadata is None or len(metadata) < 2:
            identical += 1
            if ours != reference_file(tensors, metadata):
                faults.append(f"other bytes than the reference: {ours[:300]!r}, {reference_file(tensors, metadata)[:300]!r}")
        elif len(ours) != len(reference_file(tensors, metadata)) or written_metadata(ours) != metadata:
            faults.append(f"metadata lost: {ours[:300]!r}")
        if not loads_equal(ours, tensors):
            faults.append(f"the reference loads other tensors: {ours[:300]!r}")
    print(f"{COUNT} files laid out, {identical} compared byte for byte, {len(faults)} faults")
    return faults


def check_program(folder, program):
    """`merge --method copy` rewrites a scattered file into the reference's bytes."""
    source = random.Random(SEED + 1)
    faults = []
    for i in range(CLI_COUNT):
        tensors = random_tensors(source)
        if not tensors:
            continue
        scattered, merged = folder / "scattered.safetensors", folder / "merged.safetensors"
        scattered.write_bytes(scattered_file(source, tensors, None))
        command = [program, "merge", scattered, "--method", "copy", "-o", merged, "-f", "-q", "--no-fsync", "--metadata", "none"]
        run = subprocess.run(command, capture_output=True, text=True)
        file = scattered.read_bytes()
        has_data = len(file) > 8 + int.from_bytes(file[:8], "little")
        if not has_data and run.returncode == 4 and "placeholder" in run.stderr:
            continue  # nothing but empty tensors is refused
        if run.returncode != 0:
            faults.append(f"exit {run.returncode}: {run.stderr}")
        elif merged.read_bytes() != reference_file(tensors, {"format": "pt"}):
            faults.append(f"merge --method copy gives other bytes than the reference: {merged.read_bytes()[:300]!r}")
    print(f"{CLI_COUNT} files rewritten by the program, {len(faults)} faults")
    return faults


def main():
    folder = pathlib.Path(sys.argv[1])
    faults = check_driver(folder, sys.argv[2])
    if len(sys.argv) > 3:
        faults += check_program(folder, sys.argv[3])
    else:
        print("NOT RUN: merge --method copy against the safetensors library (this build has no program)")
    for fault in faults[:10]:
        print(fault)
    sys.exit(1 if faults else 0)


main()
