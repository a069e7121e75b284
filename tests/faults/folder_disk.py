#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: folder_disk.py CKMERGE FAILING_CALLS
A merge into a folder on a small disk: one that is too large is refused in time; a disk that has no room for the third shard, by
the preloaded library, or that another program fills while it is written, ends it with exit 5 and leaves the old folder, or none,
and nothing beside it; a killed run's leftover does not count as used."""
import errno
import os
import pathlib
import shutil
import signal
import sys
import time

import model_folders
import scene
from disks import ext4, fill, names, tmpfs, unfill
from model_folders import OUT, PARTIAL
from scene import expect, expect_refusal

THIRD = ".model-00003-of-00004.safetensors.ckmerge-partial"
OPTIONS = ["--threads", "1", "--memory", "2MiB", "--shard-size", "3200KB"]


def start(folder, disk, *options):
    return folder.start("merge", "small", "small2", "-q", "-o", os.path.join(disk, OUT) + "/", *OPTIONS, *options)


def stopped_in_third_shard(folder, disk, options):
    """A merge that was stopped when its third shard had blocks, or None."""
    process, shard = start(folder, disk, *options), pathlib.Path(disk, PARTIAL, THIRD)
    while process.poll() is None:
        try:
            if os.stat(shard).st_blocks > 0:
                break
        except FileNotFoundError:
            pass
        time.sleep(0.0005)
    process.send_signal(signal.SIGSTOP)
    if shard.exists():
        return process
    process.kill()
    process.communicate()
    return None


def clear(disk):
    for name in names(disk):
        model_folders.remove(pathlib.Path(disk, name))


def filled_meanwhile(folder, disk, name, old):
    ended = 0
    for _ in range(40):
        clear(disk)
        if old:
            model_folders.write_old(pathlib.Path(disk, OUT))
        before = model_folders.content(pathlib.Path(disk, OUT))
        process = stopped_in_third_shard(folder, disk, ["-f"] if old else [])
        if not process:
            continue
        fill(disk)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate()
        result = scene.Result(process.returncode, out, err, 0)
        unfill(disk)
        there = model_folders.content(pathlib.Path(disk, OUT))
        if result.code == 0:  # what was left was written, or reserved, before
            expect(there == model_folders.content(folder / "expected"), f"{name}: the target is wrong")
            ended += 1
            if ended > 5:
                print(f"{name}: filled during the third shard: exit 0, space is reserved before")
                return None
            continue
        print(f"{name}: filled during the third shard: exit {result.code}, {result.text()}")
        expect_refusal(result, 5, OUT, "free some space")
        expect(PARTIAL not in result.text(), f"{name}: the hidden folder is named: {result}")
        expect(there == before, f"{name}: the target is {sorted(there or [])}")
        expect(names(disk) == ([OUT] if old else []), f"{name}: {names(disk)} are left")
        return None
    return scene.not_run(f"{name}: a disk that fills during the third shard", "no run could be stopped in time")


def check_disk(folder, disk, name):
    for command in ("plan", "merge"):
        result = folder.run(command, "large", "-m", "copy", "-o", os.path.join(disk, OUT) + "/", *OPTIONS)
        expect_refusal(result, 5, "bytes) are free in", "free some space or choose another folder")
    expect(names(disk) == [], f"{name}: {names(disk)} are left")
    for old in (False, True):
        filled_meanwhile(folder, disk, name, old)
    clear(disk)
    pathlib.Path(disk, PARTIAL).mkdir()
    pathlib.Path(disk, PARTIAL, THIRD).write_bytes(bytes(16 * 10**6))
    process = start(folder, disk)
    out, err = process.communicate()
    result = scene.Result(process.returncode, out, err, 0)
    expect(result.code == 0 and names(disk) == [OUT], f"{name}: a leftover on a small disk: {result}, {names(disk)}")


def no_room_for_third(folder, library):
    """The disk cannot reserve the third shard, or is full at one of the writes behind."""
    for kind, n in (("fallocate", 3), *(("write", n) for n in (2, 8, 15))):
        for old in (False, True):
            model_folders.remove(folder / OUT)
            if old:
                model_folders.write_old(folder / OUT)
            before = model_folders.content(folder / OUT)
            (folder / "counts").write_bytes(bytes(24))
            environment = scene.CLEAN | {"LD_PRELOAD": library, "CKMERGE_FAULT": f"{kind} {errno.ENOSPC} {n} always", "LC_ALL": "C",
                                         "CKMERGE_FAULT_FOLDER": str(folder.path), "CKMERGE_FAULT_COUNTS": str(folder / "counts")}
            result = folder.run("merge", "small", "small2", "-q", "-o", OUT + "/", *OPTIONS, *(["-f"] if old else []), env=environment)
            expect_refusal(result, 5, OUT, "No space left on device", "free some space")
            expect(model_folders.content(folder / OUT) == before, f"no room ({kind} {n}): the target is not as it was")
            expect(PARTIAL not in folder.names(), f"no room ({kind} {n}): {folder.names()} are left")
        print(f"{kind} number {n} finds no room: exit {result.code}, {result.text()}")
    model_folders.remove(folder / OUT)


def main(ckmerge, library):
    with scene.Folder(ckmerge) as folder:
        for name in ("small", "small2"):
            model_folders.write(folder / name, name, elements=1 << 19)
        model_folders.write(folder / "large", "large", elements=1 << 21)
        result = folder.run("merge", "small", "small2", "-q", "-o", "expected/", *OPTIONS)
        expect(result.code == 0, f"on a large disk: {result}")
        no_room_for_third(folder, library)
        for name, make in (("tmpfs", tmpfs), ("ext4", ext4)):
            with make() as (disk, mounted):
                if mounted is True:
                    check_disk(folder, disk, name)
                else:
                    scene.not_run(f"a full disk ({name})", mounted)
        shutil.rmtree(folder / "expected")
    if len(scene.left_out) == 2 and not scene.faults:
        sys.exit(scene.SKIP)
    scene.finish()


main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]))
