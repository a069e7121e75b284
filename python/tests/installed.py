# SPDX-License-Identifier: Apache-2.0
"""Looks at an installed wheel, with whatever the environment has: the module, the program on PATH, and a merge by each. Needs
nothing but Python."""
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

began = time.perf_counter()
import ckmerge  # noqa: E402

took = 1000 * (time.perf_counter() - began)
has = {name: importlib.util.find_spec(name) is not None for name in ("numpy", "torch")}
assert "numpy" not in sys.modules and "torch" not in sys.modules, "import ckmerge imports them"


def write(path, values, dtype="F32", code="f"):
    data = struct.pack(f"<{len(values)}{code}", *values)
    header = json.dumps({"w": {"dtype": dtype, "shape": [len(values)], "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CACHE_HOME"] = folder
    here = pathlib.Path(folder)
    write(here / "a.safetensors", [1.0, 2.0])
    write(here / "b.safetensors", [3.0, 6.0])
    program = pathlib.Path(sys.executable).parent / "ckmerge"
    subprocess.run([program, "merge", "a.safetensors", "b.safetensors", "--alpha", "0.5", "-o", "program.safetensors", "-q"],
                   check=True)
    report = ckmerge.merge(["a.safetensors", "b.safetensors"], "module.safetensors", alpha=0.5)
    assert (here / "program.safetensors").read_bytes() == (here / "module.safetensors").read_bytes()
    with ckmerge.open("module.safetensors", framework="memoryview") as checkpoint:
        assert checkpoint["w"].tolist() == [2.0, 4.0], checkpoint["w"].tolist()
    for dtype, code in {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I8": "b", "U16": "H", "BOOL": "?"}.items():
        write(here / "one.safetensors", [1, 0], dtype, code)
        with ckmerge.open("one.safetensors", framework="memoryview") as checkpoint:
            assert bytes(checkpoint["w"]) == struct.pack(f"<2{code}", 1, 0), dtype
    licences = [pathlib.Path(str(file)).name for file in importlib.metadata.files("ckmerge") if "licenses" in str(file)]
    assert "LICENSE" in licences and any("openssl" in name or "libssl" in name for name in licences), licences
    if has["numpy"]:
        import numpy

        ckmerge.save({"w": numpy.array([2.0, 4.0], "f4")}, "saved.safetensors", dtype="bf16")
        assert ckmerge.open("module.safetensors", framework="numpy")["w"].tolist() == [2.0, 4.0]
    if has["torch"]:
        import torch

        ckmerge.save({"w": torch.tensor([2.0, 4.0])}, "saved.safetensors", dtype=torch.bfloat16)
        assert ckmerge.open("saved.safetensors")["w"].float().tolist() == [2.0, 4.0]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    assert version == f"ckmerge {ckmerge.__version__}", version
    os.chdir("/")
print(", ".join([version, f"Python {sys.version.split()[0]}", f"imported in {took:.1f} ms", *(f"with {name}" for name, there in has.items() if there)]))
