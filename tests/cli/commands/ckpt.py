#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: ckpt.py CKMERGE
What ckmerge writes as .ckpt, against a writer of the whole file that is written down here once more; read by Python's
zipfile, walked by pickletools, judged as A1111 judges files, and loaded by torch where there is one."""
import collections
import hashlib
import json
import os
import pathlib
import pickle
import pickletools
import re
import subprocess
import sys
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, run_in_folders, safetensors
from torch_archive import STORAGE, expected_file


# ---- A1111, modules/safe.py: what its first version lets pass, and what it has added since

OLD_NAMES = re.compile(r"^([^/]+)/((data/\d+)|version|(data\.pkl))$")
NEW_NAMES = re.compile(r"^([^/]+)/((data/\d+)|version|byteorder|(\.data/serialization_id)|(data\.pkl))$")
OLD_STORAGES = {"FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "DoubleStorage", "ByteStorage"}
Storage = collections.namedtuple("Storage", "type key count")
Tensor = collections.namedtuple("Tensor", "storage offset shape strides")


class Restricted(pickle.Unpickler):
    """Refuses every global but those of A1111's first list, and a little more with `storages`."""
    storages = OLD_STORAGES

    def persistent_load(self, identity):
        kind, storage, key, device, count = identity
        expect(kind == "storage" and device == "cpu", f"persistent id {identity}")
        return Storage(storage, key, count)

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, grad, hooks: Tensor(storage, offset, shape, strides)
        if module == "torch" and name in self.storages:
            return name
        raise pickle.UnpicklingError(f"global '{module}/{name}' is forbidden")


class Recent(Restricted):
    storages = {name + "Storage" for name in STORAGE.values()}


def check_as_a1111(path, unpickler=Restricted):
    """The state dict, as A1111's check_pt() would let it pass; raises what it would raise."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not OLD_NAMES.match(name) or not NEW_NAMES.match(name):
                raise ValueError(f"bad file inside {path}: {name}")
        pickles = [name for name in archive.namelist() if re.match(r"([^/]+)/data.pkl", name)]
        if len(pickles) != 1:
            raise ValueError(f"{len(pickles)} pickles")
        with archive.open(pickles[0]) as file:
            return unpickler(file).load()


# ---- the tests

def compare_with_safetensors(ckpt, twin):
    """Every tensor found through zip and pickle, as bytes, is the twin's."""
    metadata, tensors = safetensors(twin)
    state = check_as_a1111(ckpt, Recent)
    expect(list(state) == list(tensors), f"{ckpt}: names or order")
    expect(getattr(state, "__metadata__", None) == metadata, f"{ckpt}: metadata {getattr(state, '__metadata__', None)}")
    with zipfile.ZipFile(ckpt) as archive:
        expect(archive.testzip() is None, f"{ckpt}: a CRC is wrong")
        expect(all(entry.compress_type == zipfile.ZIP_STORED and entry.date_time == (1980, 1, 1, 0, 0, 0)
                   for entry in archive.infolist()), f"{ckpt}: stored, without a date")
        for name, (dtype, shape, data) in tensors.items():
            tensor = state[name]
            expect(tensor.storage.type == STORAGE[dtype] + "Storage", f"{ckpt}: {name} is {tensor.storage.type}")
            expect(list(tensor.shape) == shape and tensor.offset == 0, f"{ckpt}: {name} has {tensor.shape}")
            expect(archive.read("archive/data/" + tensor.storage.key) == data, f"{ckpt}: {name} has other bytes")
    return tensors, metadata


# What torch's weights-only reader knew in its first version, 1.13.
WEIGHTS_ONLY = set("PROTO GLOBAL EMPTY_TUPLE REDUCE MARK BINUNICODE BININT BININT1 BININT2 LONG1 BINPERSID TUPLE TUPLE1 "
                   "TUPLE2 TUPLE3 NEWFALSE BINPUT BINGET SETITEM SETITEMS EMPTY_DICT BUILD STOP".split())


def walk_pickle(path):
    with zipfile.ZipFile(path) as archive:
        data = archive.read("archive/data.pkl")
    at = -1
    for opcode, argument, at in pickletools.genops(data):
        expect(opcode.name in WEIGHTS_ONLY, f"{path}: opcode {opcode.name} at {at}")
    expect(at == len(data) - 1, f"{path}: {len(data) - 1 - at} bytes behind the pickle")
    with open(os.devnull, "w") as out:
        pickletools.dis(data, out)  # checks the stack and the memo


TORCH = r"""
import json, struct, sys, torch
for name in sys.argv[1:]:
    state = torch.load(name + ".ckpt", weights_only=True)
    raw = open(name + ".out.safetensors", "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    metadata = header.pop("__metadata__", None)
    assert state.__dict__.get("__metadata__") == metadata, (name, state.__dict__)
    assert list(state) == list(header), name
    for key, entry in header.items():
        tensor = state[key]
        assert list(tensor.shape) == entry["shape"] and tensor.is_contiguous(), (name, key)
        begin, end = entry["data_offsets"]
        data = b""
        if tensor.numel():
            flat = tensor.reshape(-1)
            flat = torch.view_as_real(flat) if flat.is_complex() else flat
            flat = flat.view(torch.int16) if flat.dtype == torch.bfloat16 else flat
            data = flat.numpy().tobytes()
        assert data == raw[8 + length + begin:8 + length + end], (name, key)
"""


def torches():
    """Interpreters that have torch: this one, the system's, and one that CKMERGE_TORCH_PYTHON names."""
    found = {}
    for python in (os.environ.get("CKMERGE_TORCH_PYTHON"), sys.executable, "/usr/bin/python3"):
        if not python or not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
        if done.returncode == 0:
            found.setdefault(done.stdout.strip(), python)
    return found


def make_inputs_of(path, specs, metadata=None):
    make_inputs.write(path, metadata, [make_inputs.parse(spec) for spec in specs], True)


def main():
    every = ["f64 F64 3 1 2 -3.5", "f32 F32 2,3,4,5,1 " + " ".join(map(str, range(120))), "f16 F16 2,2 1 2 3 4",
             "bf16 BF16 5 1 2 3 4 5", "i64 I64 1,3 0 1 2", "i32 I32 2 -1 7", "i16 I16 1 -300", "i8 I8 2 -1 1", "u8 U8 3 1 2 3",
             "bool BOOL 2 1 0", "c64 C64 1 0x0000803f00000040", "scalar F32 - 2.5", "none F32 0,3", "nothing F16 3,0,2",
             "\\u00e9.\\U0001f600 F32 1 1", "long.F32 F32 300 " + " ".join(["0.5"] * 300), "wide F16 70000 " + "0 " * 70000]
    make_inputs_of("every.safetensors", every, {"k\n": "\u00e9 \"x\"", "long": "t" * (3 << 20)})
    make_inputs_of("plain.safetensors", ["a F32 2 1 2", "b F16 3 1 2 3", "n I64 1 7"])
    make_inputs_of("many.safetensors", [f"t{i:04} F32 1 {i}" for i in range(2500)])

    for name in ("every", "plain", "many"):
        for words in (["--metadata", "keep"], ["--metadata", "none"]):
            twin, ckpt = f"{name}.out.safetensors", f"{name}.ckpt"
            for target in (twin, ckpt):
                done = call("convert", f"{name}.safetensors", target, "-f", "--verify", *words)
                expect(done.returncode == 0, f"{target}: {done.stderr}")
            if words[1] == "none":  # the format is all that there is, and a .ckpt need not say it
                expected = expected_file(safetensors(twin)[1], None)
                expect(pathlib.Path(ckpt).read_bytes() == expected, f"{ckpt}: bytes, without metadata")
                continue
            tensors, metadata = compare_with_safetensors(ckpt, twin)
            shown = json.loads(call("inspect", ckpt, "--json").stdout)["files"][0]["metadata"]
            expect(shown == metadata, f"{ckpt}: metadata as inspected: {shown}")
            done = call("convert", ckpt, "back.safetensors", "-f")
            back, state = safetensors("back.safetensors") if done.returncode == 0 else (None, None)
            expect(state == tensors and list(state) == list(tensors), f"{ckpt}: back to safetensors: {done.stderr}")
            told = "ckmerge.recipe", "sd_merge_recipe"  # whose input has another name now
            expect({**back, **{key: metadata[key] for key in told}} == metadata, f"{ckpt}: metadata back: {back}")
            expect(pathlib.Path(ckpt).read_bytes() == expected_file(tensors, metadata), f"{ckpt}: bytes")
            walk_pickle(ckpt)

    # Old A1111 refuses exactly what is warned about.
    for name, refused in (("every", True), ("plain", False)):
        try:
            check_as_a1111(f"{name}.ckpt")
            expect(not refused, f"{name}.ckpt passes")
        except pickle.UnpicklingError:
            expect(refused, f"{name}.ckpt is refused")
        told = "A1111 refuse" in call("plan", f"{name}.safetensors", "-m", "copy", "--format", "ckpt").stdout
        expect(told == refused, f"{name}: warned: {told}")

    # What no old torch can hold is told before anything is written.
    make_inputs_of("fp8.safetensors", ["a F8_E4M3 2 1 2", "b U16 1 1", "c U64 1 1", "d F32 1 1"])
    done = call("convert", "fp8.safetensors", "fp8.ckpt")
    expect(done.returncode == 4 and "3 tensors have a dtype" in done.stderr, f"fp8: {done.returncode} {done.stderr}")
    expect(not os.path.exists("fp8.ckpt"), "fp8.ckpt was written")
    expect(call("convert", "fp8.safetensors", "fp8.ckpt", "--dtype", "f16", "--discard", "b|c").returncode == 0, "fp8 as f16")

    # The form goes by the name, or by what is said; folders and numbers too.
    os.mkdir("folder")
    for words, path in ((["-o", "x.bin", "--format", "ckpt"], "x.bin"), (["-o", "folder/", "--format", "ckpt"], "folder/plain.ckpt"),
                        (["-o", "folder", "--filename-prefix", "n", "--format", "ckpt"], "folder/n_00001_.ckpt")):
        done = call("merge", "plain.safetensors", "-m", "copy", *words)
        expect(done.returncode == 0 and os.path.exists(path) and zipfile.is_zipfile(path), f"{path}: {done.stderr}")
    done = call("merge", "plain.safetensors", "-m", "copy", "-o", "y.ckpt", "--format", "safetensors")
    expect(done.returncode == 0 and safetensors("y.ckpt")[1], f"y.ckpt: {done.stderr}")
    expect("y.ckpt is called as another form than --format safetensors" in done.stdout, f"y.ckpt: {done.stdout}")
    done = call("plan", "plain.safetensors", "-m", "copy", "-o", "w.ckpt", "--format", "safetensors", "--like", "a1111", "--only", ".")
    expect("w.ckpt is called as another form" in done.stdout, f"the form with --like: {done.stdout}{done.stderr}")
    for name in ("z.pt", "z.pth", "z.bin", "z.CKPT"):
        done = call("convert", "plain.safetensors", name)
        expect(done.returncode == 0 and zipfile.is_zipfile(name) and "warning" not in done.stdout, f"{name}: {done.stdout}{done.stderr}")
    damaged = bytearray(pathlib.Path("z.pt").read_bytes())
    damaged[damaged.index(b"X\x01\x00\x00\x00a") + 5] = ord("c")  # another name, its CRC the old one
    pathlib.Path("z.pt").write_bytes(damaged)
    noted = call("inspect", "z.pt", "--json")
    notes = json.loads(noted.stdout)["files"][0]["notes"]
    expect(len(notes) == 1 and "CRC-32" in notes[0], f"a damaged pickle: {noted.stdout[:300]}")

    done = call("merge", "plain.safetensors", "plain.safetensors", "-o", "h.ckpt", "--hash", "--json", "--verify")
    document = json.loads(done.stdout)
    sums = document.get("hashes") or document["run"]["hashes"]
    expected = hashlib.sha256(pathlib.Path("h.ckpt").read_bytes()).hexdigest()
    expect(sums["sha256"] == expected and sums["autov3"] is None, f"hashes: {sums}")
    models = check_as_a1111("h.ckpt").__metadata__["sd_merge_models"]
    expect(len(json.loads(models)) == 1, f"sd_merge_models: {models}")

    # A .ckpt says how it was made, and can be made again.
    make_inputs_of("other.safetensors", ["a F32 2 5 6", "b F16 3 4 5 6", "n I64 1 7"], {"by": "other"})
    for inputs in (("plain.safetensors", "other.safetensors"), ("plain.safetensors", "h.ckpt")):
        for target in ("first.ckpt", "first.safetensors"):
            done = call("merge", *inputs, "--alpha", "0.25", "--hash", "-f", "-o", target)
            expect(done.returncode == 0, f"{target}: {done.stderr}")
            again = call("run", target, "A=" + inputs[0], "B=" + inputs[1], "-f", "-o", "again")
            expect(again.returncode == 0, f"run {target}: {again.stderr}")
            again = call("run", target, "A=" + inputs[0], "B=" + inputs[1], "-f", "-o", "again" + target[5:])
            expect(again.returncode == 0 and pathlib.Path(target).read_bytes() == pathlib.Path("again" + target[5:]).read_bytes(),
                   f"run {target}: other bytes: {again.stderr}")
        recorded = check_as_a1111("first.ckpt").__metadata__
        recorded["sd_merge_models"] = recorded["sd_merge_models"].rstrip()  # a pickle has no room for padding but here
        expect(recorded == safetensors("first.safetensors")[0], f"of {inputs}: the .ckpt records {recorded}")
        models = json.loads(recorded["sd_merge_models"])
        made = [model["name"] for model in models.values() if model["sd_merge_recipe"]]
        expect(len(models) == 2 and made == [name for name in inputs if name == "h.ckpt"], f"of {inputs}: {models}")

    found = torches()
    if not found:
        print("NOT RUN: loading a .ckpt in torch (no Python here has it; CKMERGE_TORCH_PYTHON names one that does)")
    names = ("every", "plain", "many")
    for name in names:
        call("convert", f"{name}.safetensors", f"{name}.ckpt", "-f")
        call("convert", f"{name}.safetensors", f"{name}.out.safetensors", "-f")
    for version, python in found.items():
        done = subprocess.run([python, "-c", TORCH, *names], capture_output=True, text=True)
        expect(done.returncode == 0, f"torch {version}: {done.stderr[-500:]}")
        print(f"loaded in torch {version}")


run_in_folders(main)
