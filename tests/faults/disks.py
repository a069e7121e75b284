# SPDX-License-Identifier: Apache-2.0
"""Disks of 24 MB, a tmpfs and an ext4 on a loop device, and another program that fills them."""
import contextlib
import os
import subprocess
import tempfile

MB = 10**6


def call(*words):
    done = subprocess.run(words, capture_output=True, check=False)
    return done.returncode == 0 or (done.stdout + done.stderr).decode(errors="replace").strip()


@contextlib.contextmanager
def tmpfs(options=""):
    with tempfile.TemporaryDirectory(prefix="ckmerge-faults-") as place:
        mounted = call("mount", "-t", "tmpfs", "-o", "size=24m,mode=777" + options, "tmpfs", place)
        try:
            yield place, mounted
        finally:
            if mounted is True:
                call("umount", "-l", place)


@contextlib.contextmanager
def ext4():
    with tempfile.TemporaryDirectory(prefix="ckmerge-faults-") as place:
        image, folder = os.path.join(place, "image"), os.path.join(place, "disk")
        os.mkdir(folder)
        with open(image, "wb") as file:
            file.truncate(24 * MB)
        mounted = call("mkfs.ext4", "-q", "-F", "-m", "0", image)
        if mounted is True:
            mounted = call("mount", "-o", "loop", image, folder)
        try:
            yield folder, mounted
        finally:
            if mounted is True:
                call("umount", "-l", folder)


def fill(disk):
    """Another program's file that takes what is left."""
    with open(os.path.join(disk, "filler"), "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass


def unfill(disk):
    os.remove(os.path.join(disk, "filler"))


def names(disk):
    return [name for name in os.listdir(disk) if name != "lost+found"]
