#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: system_calls.py CKMERGE FAILING_CALLS [few]
Every system call on the files of a merge fails in turn: the n-th of its kind, for n = 1, 2, 3 ... until a run meets
none. Whatever fails, the target is absent, old or complete, the exit code and the sentence are right, no partial file
and no descriptor is left; what a retry or another way mends is not seen at all. FAILING_CALLS is the preloaded library
(failing_calls.cpp). `few`: one error per kind and no repetition, for a build with sanitizers."""
import collections
import concurrent.futures
import errno
import os
import shutil
import struct
import sys
import tempfile

import scene
from scene import OLD, OUT, expect

# Kind, error, exit codes where one call fails, where all do from the n-th on (None: as for one).
# Exit 0 always means that the output is complete and right; where 0 is not in the list, the fault may not be passed over.
INVISIBLE, IO, FULL = {0}, {1}, {5}
CASES = [
    ("open", "EIO", IO, None), ("open", "EMFILE", IO | {0}, None), ("open", "EINTR", INVISIBLE, IO),
    ("open", "EAGAIN", INVISIBLE, IO),
    ("open", "EACCES", {0, 1}, None),  # 0: a folder that may not be read cannot be synced
    ("open", "ENOSPC", {1, 5}, None),  # 1: of an input, where it means nothing
    ("read", "EIO", IO, None), ("read", "zero", IO, None), ("read", "EINTR", INVISIBLE, IO),
    ("read", "EAGAIN", INVISIBLE, IO), ("read", "half", INVISIBLE, INVISIBLE), ("read", "odd", INVISIBLE, None),
    ("mmap", "EIO", IO, None), ("mmap", "EACCES", IO, None),
    ("mmap", "ENOMEM", {0, 5}, FULL),  # 0: smaller windows are tried
    ("mmap", "EAGAIN", INVISIBLE, FULL),
    ("madvise", "EIO", IO, None), ("madvise", "EFAULT", IO, None), ("madvise", "ENOMEM", {0, 5}, FULL),
    ("madvise", "EINTR", INVISIBLE, IO), ("madvise", "EAGAIN", INVISIBLE, IO),
    ("madvise", "EINVAL", INVISIBLE, None),  # a kernel before 5.14
    ("fallocate", "EIO", IO, None), ("fallocate", "ENOSPC", FULL, None), ("fallocate", "EINTR", INVISIBLE, IO),
    ("fallocate", "EAGAIN", INVISIBLE, IO), ("fallocate", "EOPNOTSUPP", INVISIBLE, None),
    ("ftruncate", "EIO", IO, None), ("ftruncate", "ENOSPC", FULL, None), ("ftruncate", "EINTR", INVISIBLE, IO),
    ("write", "EIO", IO, None), ("write", "ENOSPC", FULL, None), ("write", "EDQUOT", FULL, None),
    ("write", "zero", FULL, None), ("write", "EINTR", INVISIBLE, IO), ("write", "EAGAIN", INVISIBLE, IO),
    ("write", "half", INVISIBLE, INVISIBLE), ("write", "odd", INVISIBLE, None),
    ("write", "EINVAL", INVISIBLE, IO),  # direct I/O is refused; then buffered I/O is, too
    ("fsync", "EIO", IO, None), ("fsync", "ENOSPC", FULL, None), ("fsync", "EINTR", INVISIBLE, IO),
    ("sync_file_range", "EIO", INVISIBLE, INVISIBLE), ("sync_file_range", "EINTR", INVISIBLE, INVISIBLE),
    ("rename", "EIO", IO, None), ("rename", "EACCES", IO, None), ("rename", "ENOSPC", FULL, None),
    ("rename", "EINTR", INVISIBLE, IO),
    ("rename", "EINVAL", INVISIBLE, IO),  # a filesystem that cannot refuse to replace
    ("stat", "EIO", {0, 1}, None),  # 0: what else than a killed run's leftovers takes room
    ("stat", "EINTR", INVISIBLE, {0, 1}),
    ("close", "EIO", {0, 1}, None),  # 0: of a file that was only read
    ("close", "EINTR", INVISIBLE, INVISIBLE),
    ("unlink", "EIO", IO, None), ("unlink", "EACCES", IO, None), ("unlink", "EINTR", INVISIBLE, IO),
    ("flock", "EAGAIN", IO, None), ("flock", "EINTR", INVISIBLE, {0, 1}),
    ("flock", "ENOLCK", {0, 1}, None),  # 0: a fresh file needs no lock, only one that is there might be another run's
    ("fchmod", "EIO", IO, None), ("fchmod", "EINTR", INVISIBLE, IO),
    # 0: of an input, where only the warning about two ranks is at stake; where all fail, the output's does too.
    ("realpath", "EIO", {0, 1}, IO), ("realpath", "ENOMEM", {0, 1}, IO),
]
# What is said instead of the system's reason.
SENTENCES = {"zero": ("No space left on device", "Input/output error", "cut it short"),
             "EFAULT": ("Input/output error",),  # the kernel's word for a page that cannot be read
             ("flock", "EAGAIN"): ("another run is writing it",),
             ("flock", "ENOLCK"): ("cannot be locked here; remove it",),
             ("flock", "EINTR"): ("cannot be locked here; remove it",)}
# name, options, files that are there before, environment, kinds (None: all), modes; other exit codes than in CASES
Row = collections.namedtuple("Row", "name options before environment kinds modes codes also", defaults=({}, set()))
STALE = f".{OUT}.ckmerge-partial"
ROWS = [
    Row("fresh", [], {}, {}, None, ("once", "always")),
    Row("replace", ["-f"], {OUT: OLD}, {}, None, ("once",), {("rename", "EINVAL"): IO}),
    Row("buffered", ["-f"], {OUT: OLD}, {"CKMERGE_FAULT_BUFFERED": "1"},
        ("write", "ftruncate", "fsync", "sync_file_range"), ("once", "always"), {("write", "EINVAL"): IO}),
    Row("leftover", [], {STALE: b"left"}, {}, ("open", "stat", "unlink", "flock", "close"), ("once", "always")),
    Row("verify", ["--verify"], {}, {}, ("open", "read", "write", "ftruncate", "fsync", "stat"), ("once",)),
    # The form goes by the option, not by the name; its seals are read, filled in and written.
    Row("ckpt", ["--format", "ckpt"], {}, {}, ("open", "read", "write", "ftruncate", "fsync"), ("once", "always")),
    # What befalls the cache of hashes is passed over.
    Row("hash", ["--hash", "--hash-cache", "cache"], {}, {}, None, ("once",), {}, {0}),
]
INPUTS = ["a.safetensors", "b.safetensors"]


class Driver:
    def __init__(self, ckmerge, library, folder):
        self.folder, self.library, self.ckmerge = folder, library, ckmerge
        self.environment, self.run_count, self.fired_count = {}, 0, 0

    def reset(self, row):
        for name in self.folder.names():
            if name not in INPUTS and name != "counts":
                (self.folder / name).unlink()
        for name, content in row.before.items():
            (self.folder / name).write_bytes(content)
        (self.folder / "counts").write_bytes(bytes(24))

    def merge(self, row, fault):
        environment = {**scene.CLEAN, **self.environment, **row.environment, "CKMERGE_FAULT": fault,
                       "CKMERGE_FAULT_FOLDER": str(self.folder.path), "LC_ALL": "C",
                       "CKMERGE_FAULT_COUNTS": str(self.folder / "counts"), "LD_PRELOAD": self.library}
        return self.folder.merge("--memory", "16MiB", *row.options, env=environment)

    def run(self, row, kind, error, n, mode):
        """The result, how often the fault came, and how many descriptors were open at the end."""
        self.reset(row)
        number = getattr(errno, error, error)
        result = self.merge(row, f"{kind} {number} {n} {mode}")
        _, fired, descriptors = struct.unpack("3Q", (self.folder / "counts").read_bytes())
        self.run_count += 1
        self.fired_count += fired
        return result, fired, descriptors

    def reference(self, row):
        result, fired, _ = self.run(row, "none", "EIO", 1, "once")
        expect(result.code == 0 and fired == 0, f"{row.name}: without a fault: {result}")
        return (self.folder / OUT).read_bytes() if result.code == 0 else b""

    def examine(self, row, case, mode, complete):
        kind, error, once, always = case
        codes = always if mode == "always" and always is not None else once
        codes = row.codes.get((kind, error), codes) | row.also
        for n in range(1, 200):
            result, fired, descriptors = self.run(row, kind, error, n, mode)
            where = f"{row.name}: {kind} number {n} {mode} {error}: {result}: "
            expect(result.code in (codes if fired else {0}), where + f"exit {sorted(codes)} expected")
            expect(descriptors == 0, where + f"{descriptors} descriptors are left open")
            self.check_files(row, kind, result, complete, where)
            if result.code != 0:
                self.check_sentence(kind, error, result, where)
            if not fired or (mode == "always" and error == "EAGAIN"):  # that is waited out for a second: once is enough
                return
        expect(False, where + "still failing")

    def check_files(self, row, kind, result, complete, where):
        target = self.folder / OUT
        bytes_there = target.read_bytes() if target.exists() else None
        is_complete = result.code == 0 or "is complete, but its folder" in result.text()
        wanted = complete if is_complete else row.before.get(OUT)
        expect(bytes_there == wanted, where + "the target is not what it should be")
        left = set(self.folder.names()) - {*INPUTS, OUT, "counts", "cache"}
        # Where the name cannot be examined or removed, nothing can be done about it until the next run.
        if kind in ("stat", "unlink", "open", "flock") and STALE in left and result.code != 0:
            expect(kind != "open" or STALE in row.before, where + "a partial file is left")
            left -= {STALE}
            expect(self.merge(row, "none 5 1 once").code == 0 and STALE not in self.folder.names(),
                   where + "the next run does not clean up")
        expect(not left, where + f"{left} are left")

    def check_sentence(self, kind, error, result, where):
        text = result.text()
        reasons = SENTENCES.get((kind, error)) or SENTENCES.get(error) or (os.strerror(getattr(errno, error, 0)),)
        expect(any(reason in text for reason in reasons), where + f"none of {reasons} in the sentence")
        expect(any(name in text for name in [*INPUTS, OUT]), where + "no path in the sentence")
        expect(text.startswith("error: "), where + "not a sentence")


def run_row(arguments):
    ckmerge, library, row, cases, modes, source, environment = arguments
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            shutil.copy(os.path.join(source, name), folder / name)
        driver = Driver(ckmerge, library, folder)
        driver.environment = environment
        complete = driver.reference(row)
        for case in cases:
            for mode in modes:
                driver.examine(row, case, mode, complete)
        return driver.run_count, driver.fired_count


def main(ckmerge, library, few):
    rows, cases, environment = ROWS, CASES, {}
    if few:
        rows = [ROWS[1], ROWS[4]]
        cases = list({case[0]: case for case in reversed(CASES)}.values())
        # The library is loaded before the sanitizer's, which then intercepts what the library calls.
        environment = {"ASAN_OPTIONS": "verify_asan_link_order=0:handle_sigbus=0:detect_leaks=1:exitcode=99",
                       "LSAN_OPTIONS": "exitcode=98"}
    with tempfile.TemporaryDirectory(prefix="ckmerge-faults-") as source:
        for name in INPUTS:
            scene.write_random(os.path.join(source, name), name)
        workers = 4  # most of the time is the disk's
        jobs = [(ckmerge, library, row, [case for case in cases[i::workers] if not row.kinds or case[0] in row.kinds],
                 ("once",) if few else row.modes, source, environment) for row in rows for i in range(workers)]
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            counts = list(pool.map(run_row, jobs))
    runs, fired = (sum(count[i] for count in counts) for i in (0, 1))
    print(f"fault cases: {runs} runs, {fired} faults fired (repetitions of one that lasts included)")
    expect(fired > 0, "no fault came: is the library loaded?")
    scene.finish()


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), "few" in sys.argv[3:])
