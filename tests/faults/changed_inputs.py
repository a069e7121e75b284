#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: changed_inputs.py CKMERGE
Inputs that change while they are read. The merge is stopped (SIGSTOP) once its partial file is there, the file is
changed, and it goes on. What is no regular file is refused without waiting for it."""
import os
import shutil
import signal
import sys

import scene
from scene import OUT, expect, expect_refusal

INPUTS = ["a.safetensors", "b.safetensors"]


def changed_during_run(folder, change, options=()):
    """The result of a merge during which `change` was called, or None when no run could be stopped in time."""
    for _ in range(20):
        for name in INPUTS:
            (folder / name).unlink(missing_ok=True)
            shutil.copy(folder / ("original-" + name), folder / name)
        (folder / OUT).unlink(missing_ok=True)
        process = folder.start("merge", *INPUTS, "-q", "-o", OUT, "--threads", "1", "--memory", "4MiB", *options)
        in_time = folder.wait_for_partial(process)
        process.send_signal(signal.SIGSTOP)
        if in_time and f".{OUT}.ckmerge-partial" in folder.names():
            change(folder / INPUTS[1])
            process.send_signal(signal.SIGCONT)
            out, err = process.communicate()
            return scene.Result(process.returncode, out, err, 0)
        process.send_signal(signal.SIGCONT)
        process.communicate()
    return None


def truncate(path):
    os.truncate(path, 1 << 20)


def truncate_to_nothing(path):
    os.truncate(path, 0)


def rewrite(path):
    with open(path, "r+b") as file:
        file.seek(1 << 20)
        file.write(b"new")


def append(path):
    with open(path, "ab") as file:
        file.write(b"more")


def replace(path):
    scene.write_random(str(path) + ".new", "other", tensors=1, elements=1 << 10)
    os.rename(str(path) + ".new", path)


def remove(path):
    path.unlink()


def touch_status(path):
    os.link(path, str(path) + ".link")
    os.rename(path, str(path) + ".renamed")
    os.chmod(str(path) + ".link", 0o400)


def check(folder, name, change, code, *parts):
    result = changed_during_run(folder, change)
    if result is None:
        return scene.not_run(f"an input that is {name} during the run", "no run could be stopped in time")
    print(f"an input is {name} during the run: exit {result.code}, {result.text()}")
    if code != 0:
        expect_refusal(result, code, INPUTS[1], *parts)
        expect(not (folder / OUT).exists(), f"{name}: the target exists")
    else:
        expect(result.code == 0 and (folder / OUT).read_bytes() == (folder / "expected").read_bytes(), f"{name}: {result}")
    expect(not [n for n in folder.names() if "partial" in n], f"{name}: a partial file is left")
    return None


def no_regular_file(folder):
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    for name, part in (("pipe", "is a pipe"), ("/dev/zero", "is a device"), ("folder", "is a folder"),
                       ("nothing", "No such file")):
        for command in (["merge", "a.safetensors", name, "-o", "other"], ["inspect", name]):
            expect_refusal(folder.run(*command, timeout=20), 1, part)


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            scene.write_random(folder / ("original-" + name), name, tensors=12, elements=1 << 21)
            shutil.copy(folder / ("original-" + name), folder / name)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"without a change: {result}")
        check(folder, "truncated", truncate, 3, "was truncated while it was read")
        check(folder, "truncated to nothing", truncate_to_nothing, 3, "was truncated while it was read")
        check(folder, "rewritten in place", rewrite, 3, "was changed by another program")
        check(folder, "appended to", append, 3, "was changed by another program")
        check(folder, "replaced by another file", replace, 0)
        check(folder, "removed", remove, 0)
        check(folder, "linked, renamed and made read-only", touch_status, 0)
        no_regular_file(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
