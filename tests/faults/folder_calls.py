#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: folder_calls.py CKMERGE FAILING_CALLS [few]
Every system call on the files of a merge into a model's folder fails in turn: the n-th of its kind, for n = 1, 2, 3 ...
until a run meets none. Whatever fails, the folder is absent, the old one or the complete new one, the exit code and the
sentence are right, no partial folder and no descriptor is left. FAILING_CALLS is the preloaded library
(failing_calls.cpp). `few`: a kind in three, for a build with sanitizers."""
import collections
import concurrent.futures
import errno
import json
import os
import pathlib
import resource
import shutil
import struct
import sys
import tempfile

import scene
from scene import expect

OUT = "out"
STALE = f".{OUT}.ckmerge-partial"
INPUTS = ["a", "b"]
SIZES = ["--shard-size", "5000", "--memory", "16MiB"]
# Kind, error, exit codes. 0 always means that the folder is complete.
INVISIBLE, IO, FULL = {0}, {1}, {5}
CASES = [
    ("open", "EIO", {0, 1, 2}), ("open", "EINTR", {0, 1}), ("read", "EIO", {0, 1}), ("read", "half", INVISIBLE), ("mmap", "EIO", IO),
    ("madvise", "EIO", IO), ("fallocate", "ENOSPC", FULL), ("fallocate", "EOPNOTSUPP", INVISIBLE), ("ftruncate", "EIO", IO),
    ("write", "EIO", IO), ("write", "ENOSPC", FULL), ("write", "half", INVISIBLE), ("fsync", "EIO", IO), ("fsync", "ENOSPC", FULL),
    ("rename", "EIO", IO), ("rename", "ENOSPC", FULL), ("rename", "EINTR", INVISIBLE), ("stat", "EIO", {0, 1, 2, 4}), ("close", "EIO", {0, 1}),
    ("unlink", "EIO", {0, 1}), ("flock", "EAGAIN", {0, 1}), ("fchmod", "EIO", IO), ("realpath", "EIO", {0, 1}), ("mkdir", "EIO", IO), ("mkdir", "ENOSPC", FULL),
]
Row = collections.namedtuple("Row", "name options before kinds")
ROWS = [Row("fresh", [], (), None), Row("replace", ["-f"], (OUT,), None),
        Row("leftover", [], (STALE,), ("open", "stat", "unlink", "flock", "mkdir", "rename"))]


def write_model(folder, seed):
    folder.mkdir()
    scene.write_random(folder / "model.safetensors", seed, tensors=4, elements=1 << 10)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "dtype": "float32"}, indent=2) + "\n")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool.jinja").write_text("{{ x }}")


def content(folder):
    """{path: bytes} of what lies in it; None where it is not there."""
    folder = pathlib.Path(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else None


class Driver:
    def __init__(self, library, folder, source, environment):
        self.library, self.folder, self.source, self.environment = library, folder, source, environment
        self.run_count = self.fired_count = 0
        self.old = content(source / "b")

    def reset(self, row):
        for name in self.folder.names():
            if name not in INPUTS and name != "counts":
                shutil.rmtree(self.folder / name)
        for name in row.before:
            shutil.copytree(self.source / "b", self.folder / name)
        (self.folder / "counts").write_bytes(bytes(24))

    def merge(self, row, fault):
        environment = {**scene.CLEAN, **self.environment, "CKMERGE_FAULT": fault, "CKMERGE_FAULT_FOLDER": str(self.folder.path), "LC_ALL": "C",
                       "CKMERGE_FAULT_COUNTS": str(self.folder / "counts"), "LD_PRELOAD": self.library}
        return self.folder.merge(*SIZES, *row.options, inputs=INPUTS, out=OUT + "/", env=environment)

    def run(self, row, kind, error, n):
        self.reset(row)
        result = self.merge(row, f"{kind} {getattr(errno, error, error)} {n} once")
        _, fired, descriptors = struct.unpack("3Q", (self.folder / "counts").read_bytes())
        self.run_count += 1
        self.fired_count += fired
        return result, fired, descriptors

    def reference(self, row):
        result, fired, _ = self.run(row, "none", "EIO", 1)
        expect(result.code == 0 and fired == 0, f"{row.name}: without a fault: {result}")
        return content(self.folder / OUT)

    def examine(self, row, case, complete):
        kind, error, codes = case
        for n in range(1, 1000):
            result, fired, descriptors = self.run(row, kind, error, n)
            where = f"{row.name}: {kind} number {n} {error}: {result}: "
            expect(result.code in (codes if fired else {0}), where + f"exit {sorted(codes)} expected")
            expect(descriptors == 0, where + f"{descriptors} descriptors are left open")
            self.check_files(row, kind, result, complete, where)
            if result.code != 0:
                text = result.text()
                expect(text.startswith("error: ") and any(name in text for name in [*INPUTS, OUT]) and STALE + "/" not in text, where + "the sentence")
            if not fired:
                return
        expect(False, where + "still failing")

    def check_files(self, row, kind, result, complete, where):
        there = content(self.folder / OUT)
        is_complete = result.code == 0 or "is complete, but its folder" in result.text()
        expect(there == (complete if is_complete else self.old if OUT in row.before else None), where + "the folder is not what it should be")
        left = set(self.folder.names()) - {*INPUTS, OUT, "counts"}
        # What cannot be looked into or removed is left to the next run.
        if left == {STALE} and (kind in ("unlink", "open", "stat", "flock", "rename") or STALE in row.before):
            expect(self.merge(row._replace(options=["-f"]), "none 5 1 once").code == 0 and STALE not in self.folder.names(), where + "the next run does not clean up")
            left = set()
        expect(not left, where + f"{left} are left")


def lost_when_closed(ckmerge, library, environment):
    """More outputs than descriptors: what is written is closed to make room, which may be all that tells of a loss."""
    limit = 64, 64
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            (folder / name).mkdir()
            scene.write_random(folder / name / "model.safetensors", name, tensors=48, elements=1 << 11)
        for n in range(1, 1000):
            (folder / "counts").write_bytes(bytes(24))
            surroundings = {**scene.CLEAN, **environment, "LD_PRELOAD": library, "LC_ALL": "C", "CKMERGE_FAULT_FOLDER": str(folder.path),
                            "CKMERGE_FAULT_COUNTS": str(folder / "counts"), "CKMERGE_FAULT": f"close_dirty {errno.EIO} {n} once"}
            result = folder.merge("--shard-size", "5000", "--threads", "1", inputs=INPUTS, out=OUT + "/", env=surroundings,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
            _, fired, _ = struct.unpack("3Q", (folder / "counts").read_bytes())
            if not fired:
                expect(result.code == 0 and n > 16, f"lost when closed: only {n - 1} closes of what was written: {result}")
                return n - 1
            expect(result.code == 1 and "cannot be written" in result.text(), f"lost when closed: number {n}: {result}")
            expect(folder.names() == [*INPUTS, "counts"], f"lost when closed: number {n}: {folder.names()}")
    return expect(False, "lost when closed: still failing")


def run_row(arguments):
    ckmerge, library, row, cases, source, environment = arguments
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            shutil.copytree(source / name, folder / name)
        driver = Driver(library, folder, source, environment)
        complete = driver.reference(row)
        for case in cases:
            driver.examine(row, case, complete)
        return driver.run_count, driver.fired_count


def main(ckmerge, library, few):
    rows, cases, environment = ROWS, CASES, {}
    if few:
        rows, cases = ROWS[1:2], CASES[::3]
        environment = {"ASAN_OPTIONS": "verify_asan_link_order=0:handle_sigbus=0:detect_leaks=1:exitcode=99", "LSAN_OPTIONS": "exitcode=98"}
    with tempfile.TemporaryDirectory(prefix="ckmerge-faults-") as source:
        source = pathlib.Path(source)
        for name in INPUTS:
            write_model(source / name, name)
        workers = 4  # most of the time is the disk's
        jobs = [(ckmerge, library, row, [case for case in cases[i::workers] if not row.kinds or case[0] in row.kinds], source, environment)
                for row in rows for i in range(workers)]
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            counts = list(pool.map(run_row, jobs))
    runs, fired = (sum(count[i] for count in counts) for i in (0, 1))
    print(f"fault cases of folders: {runs} runs, {fired} faults fired")
    lost = lost_when_closed(ckmerge, library, environment)
    print(f"closes of what was written: {lost} faults fired")
    expect(fired > 0, "no fault came: is the library loaded?")
    scene.finish()


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), "few" in sys.argv[3:])
