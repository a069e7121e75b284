#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: meanwhile.py CKMERGE FAILING_CALLS
What others do to the target's folder and to the partial file while a merge runs: it is stopped (SIGSTOP) once its partial
file is there. And a signal while the disk is waited for."""
import os
import shutil
import signal
import stat
import sys
import time

import scene
from scene import OLD, OUT, expect, expect_refusal

INPUTS = ["a.safetensors", "b.safetensors"]
PARTIAL = f".{OUT}.ckmerge-partial"


def wait_for_bytes(process, path, share):
    """Until something is written at that share of the file, whose space is reserved from the first."""
    while process.poll() is None:
        try:
            with open(path, "rb") as file:
                file.seek(int(os.stat(path).st_size * share))
                if any(file.read(4096)):
                    return True
        except FileNotFoundError:
            pass
    return False


def during_run(folder, act, *options, written=0):
    """The result of a merge into the folder "sub" during which `act` was called; None when none could be stopped in time.
    `written` is the share of the output that is there by then."""
    for _ in range(20):
        for name in ("sub", "moved"):
            shutil.rmtree(folder / name, ignore_errors=True)
        sub = folder / "sub"
        sub.mkdir()
        if "-f" in options:
            (sub / OUT).write_bytes(OLD)
            (sub / OUT).chmod(0o600)
        process = folder.start("merge", *INPUTS, "-q", "-o", f"sub/{OUT}", "--threads", "1", "--memory", "4MiB", "--no-register",
                               *options)
        in_time = wait_for_bytes(process, sub / PARTIAL, written) if written else folder.wait_for_partial(process, folder=sub)
        process.send_signal(signal.SIGSTOP)
        stopped = in_time and (sub / PARTIAL).exists()
        if stopped:
            act(sub)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate()
        if stopped:
            return scene.Result(process.returncode, out, err, 0)
    scene.not_run(f"{act.__name__} during the run", "no run could be stopped in time")
    return None


def move_folder(sub):
    sub.rename(sub.parent / "moved")


def replace_folder(sub):
    sub.rename(sub.parent / "moved")
    sub.mkdir()


def cut_to_half(sub):
    os.truncate(sub / PARTIAL, os.stat(sub / PARTIAL).st_size // 2)


def cut_to_nothing(sub):
    os.truncate(sub / PARTIAL, 0)


def cut_and_lengthened(sub):
    size = os.stat(sub / PARTIAL).st_size
    os.truncate(sub / PARTIAL, 0)
    os.truncate(sub / PARTIAL, size)


def moved_folders(folder):
    for act in (move_folder, replace_folder):
        for options in ((), ("-f",), ("--verify",)):
            result = during_run(folder, act, *options)
            if result is None:
                return
            where = f"{act.__name__} {options}: {result}"
            expect(result.code == 0, where)
            expect(os.listdir(folder / "moved") == [OUT], where + f": {os.listdir(folder / 'moved')} are there")
            expect((folder / "moved" / OUT).read_bytes() == (folder / "expected").read_bytes(), where)
            expect(not (folder / "sub").exists() or os.listdir(folder / "sub") == [], where)


def cut_files(folder):
    for act in (cut_to_half, cut_to_nothing, cut_and_lengthened):
        for options in ((), ("-f",)):
            result = during_run(folder, act, *options, written=0.6)
            if result is None:
                return
            names = os.listdir(folder / "sub")
            expect_refusal(result, 1, OUT, "cut", "run again")
            expect(names == ([OUT] if options else []), f"{act.__name__} {options}: {names} are there")
            expect(not options or (folder / "sub" / OUT).read_bytes() == OLD, f"{act.__name__}: the target was replaced")


def private_target(folder):
    """What replaces a file that is nobody else's to read is so from its first byte."""
    modes = []

    def look(sub):
        modes.append(stat.S_IMODE(os.stat(sub / PARTIAL).st_mode))

    old = os.umask(0o002)
    try:
        result = during_run(folder, look, "-f")
    finally:
        os.umask(old)
    if result is not None:
        mode = stat.S_IMODE(os.stat(folder / "sub" / OUT).st_mode)
        expect(result.code == 0 and modes == [0o600] and mode == 0o600, f"a private target: {result}, {modes}, {mode:o}")


def signal_while_synced(folder):
    """The n-th fsync takes its time: that of the data, which is told, and is done all the same."""
    for options, part in (((), b"waiting for the disk"), (("--progress", "json"), b'{"event":"waiting"')):
        for name in (OUT, "counts"):
            (folder / name).unlink(missing_ok=True)
        (folder / "counts").write_bytes(bytes(24))
        environment = {**scene.CLEAN, "CKMERGE_FAULT": "fsync wait 1 once", "CKMERGE_FAULT_FOLDER": str(folder.path),
                       "CKMERGE_FAULT_COUNTS": str(folder / "counts"), "LD_PRELOAD": os.path.abspath(sys.argv[2])}
        process = folder.start("merge", *INPUTS, "-o", OUT, "--no-register", *options, env=environment)
        while process.poll() is None and not any((folder / "counts").read_bytes()[8:16]):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        expect(process.returncode == 0 and part in err, f"SIGINT while synced: exit {process.returncode}, {err}")
        expect((folder / OUT).read_bytes() == (folder / "expected").read_bytes(), "SIGINT while synced: the target is wrong")
        expect(set(folder.names()) <= {*INPUTS, OUT, "expected", "counts", "sub", "moved"}, f"left: {folder.names()}")


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            scene.write_random(folder / name, name, tensors=12, elements=1 << 21)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"with nobody else: {result}")
        for check in (moved_folders, cut_files, private_target, signal_while_synced):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
