# SPDX-License-Identifier: Apache-2.0
"""A merge that lasts long enough to be watched and interrupted, without gigabytes of input on disk: its inputs are
holes, and it stores them as one byte per element."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import make_inputs

GIB = 1 << 30
ELEMENTS = 3 * GIB // 2  # per input: 6 GiB of f32 zeros, 1.5 GiB of result
FILES = 3  # two inputs, and the target that is there before
SKIP = 77


def skip(reason):
    print(f"NOT RUN: cli.{pathlib.Path(sys.argv[0]).stem} ({reason})")
    sys.exit(SKIP)


class Folder:
    """A temporary folder with two big checkpoints and a target that exists."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="ckmerge-cli-"))
        if shutil.disk_usage(self.path).free < 3 * GIB:
            skip(f"less than 3 GiB free in {self.path}")
        for name in ("a.safetensors", "b.safetensors"):
            make_inputs.write(self.path / name, None, [("w", "F32", [ELEMENTS], 4 * ELEMENTS)], True)
        if os.stat(self.path / name).st_blocks * 512 > GIB:
            skip(f"{self.path} cannot hold sparse files")
        (self.path / "out.safetensors").write_text("old")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def command(self, ckmerge, *options):
        return [ckmerge, "merge", "a.safetensors", "b.safetensors", "--dtype", "f8_e4m3", "--threads", "1", "-f",
                "--no-fsync", "-o", "out.safetensors", *options]

    def state(self):
        return sorted(path.name for path in self.path.iterdir()), (self.path / "out.safetensors").stat().st_size


CLEAN = {key: value for key, value in os.environ.items()
         if key not in ("NO_COLOR", "TERM") and not key.startswith("CKMERGE_")}


def start(folder, ckmerge, *options, **keywords):
    return subprocess.Popen(folder.command(ckmerge, *options), cwd=folder.path, env=CLEAN, stdout=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, **keywords)


def wait_until_busy(folder, process):
    """Until the partial file is there and some of it is written."""
    deadline = time.monotonic() + 20
    while len(folder.state()[0]) == FILES and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)


faults = []


def expect(good, sentence):
    if not good:
        faults.append(sentence)


def finish():
    for fault in faults:
        print("FAILED:", fault)
    sys.exit(1 if faults else 0)
