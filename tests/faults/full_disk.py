#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: full_disk.py CKMERGE
Disks of 24 MB, a tmpfs and an ext4 on a loop device: an output of 48 MB is refused in time; one of 12 MB meets a disk
that another program fills meanwhile (exit 5, nothing left; with space reserved, as on ext4, it is not even noticed); a
killed run's leftover does not count as used; numbers of rows that a scratch file has no room for; a disk that is
read-only."""
import os
import signal
import sys

import scene
from disks import MB, call, ext4, fill, names, tmpfs, unfill
from scene import OUT, expect, expect_refusal


def too_large(folder, disk, name):
    out = os.path.join(disk, OUT)
    for command in ("plan", "merge"):
        result = folder.run(command, "large", "-m", "copy", "-o", out)
        expect_refusal(result, 5, "bytes) are free in", "free some space or choose another folder")
    print(f"{name}: 48 MB where 24 MB fit: exit {result.code}, {result.text()}")
    expect(names(disk) == [], f"{name}: {names(disk)} are left")


def stopped_midway(folder, disk):
    """A merge to the disk that was stopped when it had begun and not ended, or None."""
    process = folder.start("merge", "small", "small", "-q", "-o", os.path.join(disk, OUT), "--threads", "1", "--memory",
                           "2MiB")
    in_time = folder.wait_for_partial(process, written=0, folder=folder.path.__class__(disk))
    process.send_signal(signal.SIGSTOP)
    if in_time and OUT not in names(disk):
        return process
    process.kill()
    process.communicate()
    for left in names(disk):
        os.remove(os.path.join(disk, left))
    return None


def filled_meanwhile(folder, disk, name, reserves):
    out = os.path.join(disk, OUT)
    for _ in range(40):
        process = stopped_midway(folder, disk)
        if not process:
            continue
        fill(disk)
        process.send_signal(signal.SIGCONT)
        out_text, err = process.communicate()
        result = scene.Result(process.returncode, out_text, err, 0)
        unfill(disk)
        if result.code == 0:  # all was written, or reserved, before the disk was full
            with open(out, "rb") as there:
                expect(there.read() == (folder / "expected").read_bytes(), f"{name}: the target is wrong")
            os.remove(out)
        else:
            expect_refusal(result, 5, OUT, "No space left on device", "free some space")
        expect(names(disk) == [], f"{name}: {names(disk)} are left")
        if (result.code == 0) == reserves:
            print(f"{name}: filled during the run: exit {result.code}, {result.text()}")
            return None
    return scene.not_run(f"{name}: a disk that fills during the run", "no run could be stopped in time")


def leftover_gives_its_own_back(folder, disk, name):
    """A killed run's partial file of 16 MB leaves 8; the next run needs 12."""
    with open(os.path.join(disk, f".{OUT}.ckmerge-partial"), "wb") as file:
        file.write(bytes(16 * MB))
    result = folder.run("merge", "small", "small", "-q", "-o", os.path.join(disk, OUT))
    expect(result.code == 0 and names(disk) == [OUT], f"{name}: a leftover on a small disk: {result}")
    os.remove(os.path.join(disk, OUT))


def numbers_that_do_not_fit(folder, disk, name):
    """Of 1,500,000 rows they are 36 MB, which neither the memory nor the disk has, where the output of 6 MB fits."""
    result = folder.run("merge", "rows0", "rows1", "-m", "nuslerp", "--no-flatten", "-q", "--memory", "12MiB", "-o", os.path.join(disk, OUT))
    print(f"{name}: numbers of rows: exit {result.code}, {result.text()}")
    expect_refusal(result, 5, OUT, "are free", "bytes in a scratch file beside it", "larger --memory")
    expect(names(disk) == [], f"{name}: {names(disk)} are left")


def check_disk(folder, disk, name, reserves):
    numbers_that_do_not_fit(folder, disk, name)
    too_large(folder, disk, name)
    filled_meanwhile(folder, disk, name, reserves)
    leftover_gives_its_own_back(folder, disk, name)


def check_read_only(folder):
    with tmpfs() as (disk, mounted):
        if mounted is not True or call("mount", "-o", "remount,ro", disk) is not True:
            return scene.not_run("a read-only disk", mounted)
        result = folder.run("merge", "small", "small", "-q", "-o", os.path.join(disk, OUT))
        print(f"read-only disk: exit {result.code}, {result.text()}")
        expect_refusal(result, 1, OUT, "Read-only file system")
        return None


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        scene.write_random(folder / "small", "small", tensors=6, elements=MB)
        scene.write_zeros(folder / "large", 12 * MB)
        for k in range(2):
            scene.write_rows(folder / f"rows{k}", k)
        result = folder.merge(inputs=("small", "small"), out="expected")
        expect(result.code == 0, f"on a large disk: {result}")
        for name, make, reserves in (("tmpfs", tmpfs, False), ("ext4", ext4, True)):
            with make() as (disk, mounted):
                if mounted is True:
                    check_disk(folder, disk, name, reserves)
                else:
                    scene.not_run(f"a full disk ({name})", mounted)
        check_read_only(folder)
    if len(scene.left_out) == 3 and not scene.faults:
        sys.exit(scene.SKIP)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
