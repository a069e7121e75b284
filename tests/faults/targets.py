#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: targets.py CKMERGE
What may lie at the target: links, folders, pipes, devices, other names of the inputs or of files that must stay; and
folders that may not be written. Each has its outcome."""
import os
import shutil
import socket
import stat
import sys

import scene
from scene import OLD, OUT, expect, expect_refusal

NOBODY = 65534
IN_FOLDER = "0.5(a) + 0.5(b).safetensors"  # the name that A1111 gives it


def fresh(folder):
    for name in folder.names():
        if name not in ("a.safetensors", "b.safetensors", "expected"):
            path = folder / name
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def is_complete(folder, name):
    return (folder / name).read_bytes() == (folder / "expected").read_bytes()


def links(folder):
    fresh(folder)
    (folder / "sub").mkdir()
    (folder / "sub" / "real").write_bytes(OLD)
    (folder / OUT).symlink_to("sub/real")
    expect_refusal(folder.merge(), 2, OUT, "already exists; use -f")
    result = folder.merge("-f")
    expect(result.code == 0 and (folder / OUT).is_symlink() and is_complete(folder, "sub/real"), f"link: {result}")
    expect(os.listdir(folder / "sub") == ["real"], "link: something is left beside what it leads to")
    fresh(folder)
    (folder / OUT).symlink_to("nowhere")
    for options in ([], ["-f"]):
        expect_refusal(folder.merge(*options), 2, OUT, "is a link that leads nowhere; remove it or give another name")
    fresh(folder)
    (folder / OUT).symlink_to(OUT)
    expect_refusal(folder.merge("-f"), 1, OUT, "symbolic links")


def no_regular_files(folder):
    fresh(folder)
    (folder / OUT).mkdir()
    for options, code in (([], 0), ([], 2), (["-f"], 0)):
        result = folder.merge(*options)
        inside = os.listdir(folder / OUT)
        expect(result.code == code and inside == [IN_FOLDER] and is_complete(folder, f"{OUT}/{IN_FOLDER}"),
               f"folder, {options}: {result}, {inside}")
    expect_refusal(folder.merge(out="missing/" + OUT), 1, "missing", "does not exist; make it first")
    expect_refusal(folder.merge(out="a.safetensors/" + OUT), 1, "Not a directory")
    os.mkfifo(folder / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    for target in ("pipe", "socket", "/dev/full", "/dev/null"):
        before = os.stat(folder / target)
        for options in ([], ["-f"]):
            result = folder.merge(*options, out=target, timeout=20)
            expect_refusal(result, 2, target, "the output must be a regular file")
        after = os.stat(folder / target)
        expect((before.st_mode, before.st_ino) == (after.st_mode, after.st_ino), f"{target} was replaced")
    listener.close()


def hard_links(folder):
    fresh(folder)
    before = (folder / "b.safetensors").read_bytes()
    os.link(folder / "b.safetensors", folder / OUT)
    (folder / "link").symlink_to("b.safetensors")
    for out in (OUT, "link", "b.safetensors", "./b.safetensors"):
        expect_refusal(folder.merge("-f", out=out), 2, "is one of the inputs; give the output another name")
    expect((folder / "b.safetensors").read_bytes() == before, "an input was written")
    fresh(folder)
    (folder / OUT).write_bytes(OLD)
    os.link(folder / OUT, folder / "other")
    result = folder.merge("-f")
    expect(result.code == 0 and is_complete(folder, OUT), f"hard-linked target: {result}")
    expect((folder / "other").read_bytes() == OLD, "the other name of the replaced file has other bytes now")


def in_the_way(folder):
    """What has the partial file's name and is none."""
    partial = f".{OUT}.ckmerge-partial"
    fresh(folder)
    (folder / partial).mkdir()
    expect_refusal(folder.merge(), 1, partial, "Is a directory")
    fresh(folder)
    (folder / "precious").write_bytes(OLD)
    (folder / partial).symlink_to("precious")
    expect_refusal(folder.merge(), 1, partial, "symbolic links")
    expect((folder / "precious").read_bytes() == OLD, "a link in the way was followed")
    fresh(folder)
    os.mkfifo(folder / partial)
    expect_refusal(folder.merge(timeout=20), 2, partial, "which is no regular file")
    expect(stat.S_ISFIFO(os.stat(folder / partial).st_mode), "a pipe in the way was removed")


def without_permission(folder):
    """As nobody, since root may write everywhere; the program goes where nobody can read it."""
    fresh(folder)
    sub, program = folder / "sub", folder / "ckmerge"
    sub.mkdir()
    shutil.copy(folder.ckmerge, program)
    program.chmod(0o755)
    keywords = {}
    if os.geteuid() == 0:
        folder.path.chmod(0o755)
        os.chown(sub, NOBODY, NOBODY)
        keywords["preexec_fn"] = lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY))
    run = lambda: folder.run("merge", "a.safetensors", "b.safetensors", "-q", "-f", "-o", "sub/" + OUT, **keywords)
    folder_ckmerge, folder.ckmerge = folder.ckmerge, str(program)
    result = run()
    if result.code != 0 and "cannot" not in result.text():
        scene.not_run("a folder without permission", f"the program does not run as nobody: {result.text()}")
    else:
        expect(result.code == 0, f"nobody, own folder: {result}")
        sub.chmod(0o555)  # the folder of an existing target: it can be written, but not replaced
        expect_refusal(run(), 1, OUT, "cannot be written", "Permission denied")
        expect(os.listdir(sub) == [OUT], "something is left in a read-only folder")
        sub.chmod(0o000)
        expect_refusal(run(), 1, OUT, "Permission denied")
        sub.chmod(0o333)  # may be written but not read: it cannot be synced, which is passed over
        result = run()
        expect(result.code == 0, f"a folder that may not be read: {result}")
    sub.chmod(0o755)
    folder.ckmerge = folder_ckmerge


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in ("a.safetensors", "b.safetensors"):
            scene.write_random(folder / name, name, tensors=2, elements=1 << 14)
            (folder / name).chmod(0o644)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"a plain target: {result}")
        for check in (links, no_regular_files, hard_links, in_the_way, without_permission):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
