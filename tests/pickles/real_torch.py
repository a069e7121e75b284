#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: real_torch.py CKMERGE [SEEDS]
Random state dicts that torch itself saved: every dtype it has, views, strides, shared storages, nesting, both forms,
every protocol. torch is looked for in $CKMERGE_TORCH_PYTHON, in this Python and in /usr/bin/python3."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WRITER = r'''
import collections, json, pathlib, random, sys, warnings
import torch
warnings.filterwarnings("ignore")
folder, seeds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
NAMES = dict(float64="F64", float32="F32", float16="F16", bfloat16="BF16", int64="I64", int32="I32", int16="I16", int8="I8",
             uint8="U8", bool="BOOL", complex64="C64", uint16="U16", uint32="U32", uint64="U64", float8_e4m3fn="F8_E4M3",
             float8_e5m2="F8_E5M2", float8_e4m3fnuz="F8_E4M3FNUZ", float8_e5m2fnuz="F8_E5M2FNUZ", float8_e8m0fnu="F8_E8M0")
DTYPES = {getattr(torch, n): n for n in NAMES if hasattr(torch, n)}
INTS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}

def raw(tensor):
    if tensor.dtype == torch.bool:
        return bytes(tensor.flatten().tolist())
    if tensor.dtype == torch.complex64:
        tensor = torch.view_as_real(tensor)
        return tensor.contiguous().view(torch.int32).numpy().tobytes()
    return tensor.detach().view(INTS[tensor.element_size()]).contiguous().numpy().tobytes()

def base(rng, dtype, count):
    size = torch.empty(0, dtype=dtype).element_size()
    data = torch.tensor(list(rng.randbytes(max(1, count) * size)), dtype=torch.uint8)
    if dtype == torch.bool:
        return (data & 1).to(torch.bool)
    return data.view(dtype)

def view(rng, tensor):
    count = tensor.numel()
    kind = rng.randrange(9)
    if kind == 0: return tensor
    if kind == 1:
        rows = rng.randint(1, 20); return tensor[:count // rows * rows].view(rows, -1).t()
    if kind == 2:
        a = rng.randint(0, count - 1); b = rng.randint(a, count); return tensor[a:b]
    if kind == 3: return tensor[rng.randint(0, 3)::rng.randint(1, 7)]
    if kind == 4: return tensor[:rng.randint(1, 9)].unsqueeze(0).expand(rng.randint(1, 5), -1)
    if kind == 5:
        shape = [rng.randint(1, 5) for _ in range(rng.randint(2, 5))]; n = 1
        for s in shape: n *= s
        order = list(range(len(shape))); rng.shuffle(order)
        return tensor[:n].view(shape).permute(order) if n <= count else tensor
    if kind == 6:
        shape, stride = [], []
        left = count - 1
        for _ in range(rng.randint(0, 4)):
            s = rng.randint(1, 6); t = rng.randint(0, max(0, left // max(1, s - 1)) if s > 1 else 9)
            shape.append(s); stride.append(t); left -= (s - 1) * t if s > 1 else 0
        return tensor.as_strided(shape, stride, rng.randint(0, left))
    if kind == 7: return tensor.as_strided((), (), rng.randrange(count))
    return tensor[:0].view(0, 3) if rng.random() < .5 else tensor[count:]

def state_of(rng):
    state = {}
    for dtype, name in DTYPES.items():
        for n in range(rng.randint(1, 3)):
            store = base(rng, dtype, rng.randint(20, 600))
            for v in range(rng.randint(1, 3)):
                tensor = view(rng, store)
                if dtype in (torch.float32, torch.float16) and rng.random() < .2: tensor = torch.nn.Parameter(tensor)
                state[".".join([name, str(n), rng.choice(["w", "\u00e9", "a b", "x/y"]), str(v)])] = tensor
    items = list(state.items()); rng.shuffle(items)
    return dict(items)

# The attributes of nn.Module.state_dict(), and those beside what ckmerge writes of a file.
def module_state(state):
    made = collections.OrderedDict(state)
    made._metadata = torch.nn.Linear(1, 1).state_dict()._metadata
    return made

def described(state):
    made = module_state(state)
    setattr(made, "__metadata__", FIELDS)
    return made

FIELDS = {"format": "pt", "title": "\u00e9", "same": "\u00e9"}
for seed in range(seeds):
    rng = random.Random(seed)
    state = state_of(rng)
    wanted = {k: [NAMES[DTYPES[t.dtype]], list(t.shape), raw(t).hex()] for k, t in state.items()}
    wraps = [lambda s: s, lambda s: collections.OrderedDict(s), module_state, described, lambda s: {"state_dict": s, "epoch": 7, "lr": 0.1, "name": "x", "none": None},
             lambda s: {"model": {"state_dict": collections.OrderedDict(s)}, "optimizer": {"state": {0: {"m": torch.zeros(3)}}}},
             lambda s: {"params": s, "hyper": (1, [2, {3}], b"bytes", 1 << 80, torch.Size([1, 2]), torch.device("cpu"), torch.float16)}]
    obj = rng.choice(wraps)(state)
    protocol = rng.randint(2, 5)
    path = folder / f"{seed}.pth"
    zip_form = rng.random() < .6
    try:
        torch.save(obj, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zip_form)
    except Exception as error:  # the old form has no place for some of the new dtypes
        torch.save(obj, path, pickle_protocol=protocol)
    (folder / f"{seed}.json").write_text(json.dumps(wanted))
plain = dict(torch.nn.Linear(2, 2).state_dict())
torch.save(torch.nn.Linear(2, 2).state_dict(), folder / "module.state")
torch.save(described(plain), folder / "described.state")
torch.save({"state_dict": described(plain)}, folder / "wrapped.state", _use_new_zipfile_serialization=False)
torch.save({"a": torch.zeros(2, dtype=torch.complex128)}, folder / "complex128.bad")
conjugate = torch.ones(4, dtype=torch.complex64).conj()
torch.save({"a": conjugate}, folder / "conj")
if torch.load(folder / "conj")["a"].is_conj(): (folder / "conj").rename(folder / "conj.bad")  # torch 1.13 forgets it
torch.save({"a": torch.eye(3).to_sparse()}, folder / "sparse.bad")
torch.save({"a": torch.quantize_per_tensor(torch.ones(3), .1, 0, torch.qint8)}, folder / "quantized.bad")
model = torch.nn.Linear(2, 2)
torch.save(model, folder / "module.bad")
torch.jit.save(torch.jit.script(model), str(folder / "script.bad"))
print(torch.__version__, len(DTYPES), "dtypes")
'''

def with_torch():
    found = []
    for python in (os.environ.get("CKMERGE_TORCH_PYTHON"), sys.executable, "/usr/bin/python3"):
        if python and python not in found and os.path.exists(python):
            if subprocess.run([python, "-c", "import torch, numpy"], capture_output=True).returncode == 0:
                found.append(python)
    return found


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from torch_files import read_safetensors

ckmerge, seeds = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "24"
pythons = with_torch()
if not pythons:
    print("NOT RUN: pickles.real_torch (no Python with torch and numpy; CKMERGE_TORCH_PYTHON names one)")
    sys.exit(77)
for python in pythons:
    with tempfile.TemporaryDirectory(prefix="ckmerge-torch-") as folder:
        done = subprocess.run([python, "-B", "-c", WRITER, folder, seeds], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"torch could not write: {done.stderr}")
        made = done.stdout.strip()
        out = os.path.join(folder, "out.safetensors")
        tensors = 0
        for path in sorted(pathlib.Path(folder).glob("*.pth")):
            subprocess.run([ckmerge, "merge", path, "-m", "copy", "-o", out, "-f", "-q", "--no-fsync"], check=True)
            found = {n: [d, s, raw.hex()] for n, (d, s, raw) in read_safetensors(out).items()}
            wanted = json.loads(path.with_suffix(".json").read_text())
            assert set(found) == set(wanted), f"torch {made}, seed {path.stem}: {set(found) ^ set(wanted)}"
            wrong = [n for n in wanted if found[n] != wanted[n]]
            assert not wrong, f"torch {made}, seed {path.stem}: {wrong[0]}: {found[wrong[0]][:2]}, wanted {wanted[wrong[0]][:2]}"
            tensors += len(wanted)
        fields = {"format": "pt", "title": "\u00e9", "same": "\u00e9"}
        for name, wanted in (("module", None), ("described", fields), ("wrapped", fields)):
            done = subprocess.run([ckmerge, "inspect", os.path.join(folder, name + ".state"), "--json"], capture_output=True, check=True)
            found = json.loads(done.stdout)["files"][0]
            assert found["metadata"] == wanted and found["notes"] == [], f"torch {made}, {name}: {found['metadata']} {found['notes']}"
        bad = sorted(pathlib.Path(folder).glob("*.bad"))
        assert len(bad) >= 5, bad
        for path in bad:
            done = subprocess.run([ckmerge, "merge", path, "-m", "copy", "-o", out, "-f"], capture_output=True, text=True)
            assert done.returncode in (3, 4) and "error: " in done.stderr, f"{path}: {done}"
            print("   ", done.stderr.splitlines()[0].replace(folder + "/", ""))
        print(f"torch {made}: {tensors} tensors of {seeds} files came out as torch has them")
