#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: targets.py CKMERGE
What may lie at the target: links, folders, pipes, devices, other names of the inputs or of files that must stay; and
folders that may not be written. Each has its outcome."""
import os
import shutil
import socket
import stat
import subprocess
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


def told_before(folder, options, keywords, target, *parts):
    """A target that only the last step would find irreplaceable: plan says so too, and nothing is made."""
    for command in ("merge", "plan"):
        before = set(folder.names())
        result = folder.run(command, "a.safetensors", "b.safetensors", "-q", "-f", "-o", target, *options, **keywords)
        expect_refusal(result, 1, "cannot be replaced", *parts)
        expect(set(folder.names()) == before, f"{target}: something was made")


def irreplaceable(folder):
    fresh(folder)
    (folder / OUT).write_bytes(OLD)
    if subprocess.run(["chattr", "+i", str(folder / OUT)], capture_output=True).returncode == 0:
        told_before(folder, [], {}, OUT, "it may not be changed")
        subprocess.run(["chattr", "-i", str(folder / OUT)])
    else:
        scene.not_run("a target that may not be changed", "no chattr here")
    mounted = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', str(folder / OUT)]
    if subprocess.run([*mounted, "true"], capture_output=True).returncode == 0:
        program, folder.ckmerge = folder.ckmerge, mounted[0]
        words = [*mounted[1:], program]
        for command in ("merge", "plan"):
            result = folder.run(*words, command, "a.safetensors", "b.safetensors", "-q", "-f", "-o", OUT)
            expect_refusal(result, 1, "cannot be replaced", "it is a mount point")
        folder.ckmerge = program
    else:
        scene.not_run("a target that is a mount point", "no mounts here")
    expect((folder / OUT).read_bytes() == OLD, "a target that cannot be replaced was written")


def sticky_folder(folder):
    """As in /tmp: everybody may make files, and only owners may replace them."""
    fresh(folder)
    if os.geteuid() != 0:
        return scene.not_run("somebody else's target in a sticky folder", "not root")
    sub, program = folder / "sub", folder / "ckmerge"
    sub.mkdir()
    sub.chmod(0o1777)
    folder.path.chmod(0o755)
    shutil.copy(folder.ckmerge, program)
    program.chmod(0o755)
    (sub / OUT).write_bytes(OLD)
    (sub / OUT).chmod(0o666)
    before, folder.ckmerge = folder.ckmerge, str(program)
    keywords = {"preexec_fn": lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY))}
    if folder.run("--version", **keywords).code == 0:
        told_before(folder, [], keywords, f"sub/{OUT}", "somebody else's", "sticky")
        expect(os.listdir(sub) == [OUT] and (sub / OUT).read_bytes() == OLD, f"a sticky folder: {os.listdir(sub)}")
        os.chown(sub / OUT, NOBODY, NOBODY)
        result = folder.run("merge", "a.safetensors", "b.safetensors", "-q", "-f", "-o", f"sub/{OUT}", **keywords)
        expect(result.code == 0, f"one's own target in a sticky folder: {result}")
    else:
        scene.not_run("somebody else's target in a sticky folder", "the program does not run as nobody")
    folder.ckmerge = before
    return None


def configurations(folder):
    """OUT.yaml: its place is looked at before the work, no link leads out of a folder, and what is private stays so."""
    def merge(*options):
        return folder.merge("--config", "A", *options, preexec_fn=lambda: os.umask(0o022))

    fresh(folder)
    (folder / "a.yaml").write_bytes(b"model: 1\n")
    (folder / "a.yaml").chmod(0o600)
    (folder / "out.yaml").symlink_to("nowhere")
    expect_refusal(merge(), 2, "out.yaml", "is a link that leads nowhere")
    expect(OUT not in folder.names(), "told after the work")
    (folder / "out.yaml").unlink()
    (folder / "out.yaml").mkdir()
    expect_refusal(merge("-f"), 2, "out.yaml", "is a folder")
    (folder / "out.yaml").rmdir()
    expect(merge().code == 0 and stat.S_IMODE(os.stat(folder / "out.yaml").st_mode) == 0o600, "a private configuration")
    (folder / "out.yaml").chmod(0o644)
    expect(merge("-f").code == 0 and stat.S_IMODE(os.stat(folder / "out.yaml").st_mode) == 0o600, "a replaced configuration")
    (folder / "elsewhere").mkdir()
    for name in ("a.yaml", "out.yaml"):
        (folder / name).rename(folder / "elsewhere" / name)
        (folder / name).symlink_to(f"elsewhere/{name}")
        before = (folder / "elsewhere" / name).stat()
        expect_refusal(merge("-f"), 2, name, "leads out of its folder")
        expect((folder / "elsewhere" / name).stat().st_ino == before.st_ino, f"{name}: a link was followed")
        (folder / name).unlink()
        (folder / "elsewhere" / name).rename(folder / name)
    (folder / "a.yaml").rename(folder / "elsewhere/a.yaml")
    (folder / "a.yaml").symlink_to("elsewhere/a.yaml")
    result = folder.run("merge", "a.safetensors", "b.safetensors", "-f", "-o", OUT, "--config", "auto")
    expect(result.code == 0 and "leads out of its folder" in result.out.decode() + result.text(), f"not told: {result}")
    (folder / "a.yaml").unlink()
    (folder / "a.yaml").symlink_to("other.yaml")
    (folder / "elsewhere/a.yaml").rename(folder / "other.yaml")
    expect(merge("-f").code == 0, "a link in the folder")


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in ("a.safetensors", "b.safetensors"):
            scene.write_random(folder / name, name, tensors=2, elements=1 << 14)
            (folder / name).chmod(0o644)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"a plain target: {result}")
        for check in (links, no_regular_files, hard_links, in_the_way, without_permission, irreplaceable,
                      sticky_folder, configurations):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
