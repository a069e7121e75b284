# SPDX-License-Identifier: Apache-2.0
"""usage: unusable_nvcc.py CMAKE COMPILER GENERATOR
Where nvcc cannot build the CUDA backend, a configuration goes on without it and says why; one that insists ends."""
import os
import pathlib
import subprocess
import sys
import tempfile

cmake, compiler, generator = sys.argv[1:]
root = pathlib.Path(__file__).resolve().parents[2]

VERSION = "case $1 in --version) echo 'Cuda compilation tools, release {}, V{}.1'; exit 0;; esac\n"
COMPILERS = (
    ("exit 1\n", "is not nvcc 12.0 or later"),
    (VERSION.format("11.8", "11.8"), "is not nvcc 12.0 or later"),
    (VERSION.format("12.0", "12.0") + "echo 'error: unsupported GNU version!' >&2; exit 1\n", "unsupported GNU version!"),
    (VERSION.format("12.0", "12.0") + "exit 0\n", "names no architecture"),
)


def configure(folder, nvcc, insist):
    environment = {key: value for key, value in os.environ.items() if key not in ("CUDACXX", "CUDAHOSTCXX")}
    return subprocess.run([cmake, "-S", root, "-B", folder, "-G", generator, f"-DCMAKE_CXX_COMPILER={compiler}",
                           "-DCKMERGE_KERNELS_ONLY=ON", "-DCKMERGE_TESTS=OFF", "-DCKMERGE_BENCH=OFF",
                           f"-DCKMERGE_CUDA={insist}"],
                          env={**environment, "CUDACXX": str(nvcc)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


with tempfile.TemporaryDirectory(prefix="ckmerge-nvcc-") as folder:
    folder = pathlib.Path(folder)
    nvcc = folder / "nvcc"
    for k, (script, reason) in enumerate(COMPILERS):
        nvcc.write_text("#!/bin/sh\n" + script)
        nvcc.chmod(0o755)
        without = configure(folder / f"auto{k}", nvcc, "AUTO")
        assert without.returncode == 0, without.stdout
        assert "NOT RUN: compiling and linking the CUDA backend" in without.stdout and reason in without.stdout, without.stdout
    insisting = configure(folder / "on", nvcc, "ON")
    assert insisting.returncode != 0, insisting.stdout
    print(f"{len(COMPILERS)} compilers that are none")
