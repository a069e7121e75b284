# SPDX-License-Identifier: Apache-2.0
"""A temporary folder with small checkpoints, runs of ckmerge in it, and what is expected of them."""
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import make_inputs

SKIP = 77
OLD = b"old " * 500
OUT = "out.safetensors"
CLEAN = {key: value for key, value in os.environ.items()
         if key not in ("NO_COLOR", "TERM", "LANG", "LC_ALL") and not key.startswith("CKMERGE_")}


def random_halves(size, seed):
    """Bytes of F16 numbers between 0 and 2."""
    return random.Random(seed).randbytes(size).translate(bytes(i & 0x3F for i in range(256)))


def write_random(path, seed, tensors=10, elements=1 << 18):
    make_inputs.write(path, {"format": "pt"},
                      [(f"t{i}", "F16", [elements], random_halves(2 * elements, (seed, i).__repr__()))
                       for i in range(tensors)], True)


def write_rows(path, seed):
    """Rows of one element, of which some methods have numbers that take more than the tensor."""
    make_inputs.write(path, {"format": "pt"}, [("w", "F32", [1_500_000, 1], struct.pack("<3f", 0.5, seed + 1, -0.25) * 500_000)], True)


def write_zeros(path, elements):
    """A hole: gigabytes cost nothing."""
    make_inputs.write(path, {"format": "pt"}, [("w", "F32", [elements], 4 * elements)], True)


class Result:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def text(self):
        return self.err.decode(errors="replace").strip()

    def __repr__(self):
        return f"exit {self.code}, stderr {self.text()!r}"


class Folder:
    def __init__(self, ckmerge, under=None):
        self.ckmerge = ckmerge
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ckmerge-faults-", dir=under))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        return self.path / name

    def names(self):
        return sorted(os.listdir(self.path))

    def start(self, *words, **keywords):
        return subprocess.Popen([self.ckmerge, *words], cwd=keywords.pop("cwd", self.path),
                                env=keywords.pop("env", CLEAN), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **keywords)

    def run(self, *words, timeout=120, **keywords):
        began = time.monotonic()
        process = self.start(*words, **keywords)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b" (killed: did not end in time)"
        return Result(process.returncode, out, err, time.monotonic() - began)

    def merge(self, *options, inputs=("a.safetensors", "b.safetensors"), out=OUT, **keywords):
        return self.run("merge", *inputs, "-q", "-o", out, *options, **keywords)

    def wait_for_partial(self, process, written=1, folder=None):
        """Until that many bytes of the partial file have blocks on the disk. False: the run ended before."""
        partial = (folder or self.path) / f".{OUT}.ckmerge-partial"
        while process.poll() is None:
            try:
                if os.stat(partial).st_blocks * 512 >= written:
                    return True
            except FileNotFoundError:
                pass
            time.sleep(0.002)
        return False


faults, left_out = [], []


def expect(good, sentence):
    if not good:
        faults.append(sentence)
    return good


def expect_refusal(result, code, *parts):
    """It ended with that exit code and one sentence that has these parts."""
    expect(result.code == code, f"exit {code} expected, with {parts}: {result}")
    for part in parts:
        expect(part in result.text(), f"{part!r} is not in: {result}")


def not_run(what, why):
    left_out.append(what)
    print(f"NOT RUN: {what} ({why})")


def finish():
    for fault in faults[:40]:
        print("FAILED:", fault)
    if len(faults) > 40:
        print(f"... {len(faults)} failures")
    sys.exit(1 if faults else 0)
