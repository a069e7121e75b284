#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: surroundings.py CKMERGE FAILING_CALLS
What a process is started with and does not choose: no HOME and no environment at all, odd umasks, no standard streams,
few descriptors, names that are not UTF-8."""
import json
import os
import resource
import shutil
import sys

import scene
from scene import OLD, OUT, expect, expect_refusal

INPUTS = ["a.safetensors", "b.safetensors"]


def fresh(folder, *keep):
    for name in os.listdir(os.fsencode(folder.path)):
        if os.fsdecode(name) not in (*INPUTS, "expected", *keep):
            os.unlink(os.path.join(os.fsencode(folder.path), name))


def is_complete(folder, name=OUT):
    path = os.path.join(os.fsencode(folder.path), os.fsencode(name))
    return os.path.exists(path) and open(path, "rb").read() == (folder / "expected").read_bytes()


def environments(folder):
    for name, environment in (("no environment", {}), ("HOME of nobody", {"HOME": "/nonexistent"}), ("empty HOME", {"HOME": ""}),
                              ("no such locale", {"LC_ALL": "xx_YY.UTF-8", "LANG": "xx"})):
        for options in ([], ["--hash"]):
            fresh(folder)
            result = folder.merge(*options, env=environment)
            expect(result.code == 0 and (options or is_complete(folder)), f"{name} {options}: {result}")
            expect(set(folder.names()) == {*INPUTS, "expected", OUT}, f"{name}: the folder has {folder.names()}")


def umasks(folder):
    for umask, mode in ((0o077, 0o600), (0o000, 0o666), (0o022, 0o644), (0o777, 0o000)):
        fresh(folder)
        result = folder.merge(preexec_fn=lambda: os.umask(umask))
        expect(result.code == 0 and os.stat(folder / OUT).st_mode & 0o7777 == mode, f"umask {umask:o}: {result}")
        (folder / OUT).chmod(0o640)
        result = folder.merge("-f", preexec_fn=lambda: os.umask(umask))
        expect(result.code == 0 and os.stat(folder / OUT).st_mode & 0o7777 == 0o640, f"umask {umask:o}, replaced: {result}")


def names_that_are_not_utf8(folder):
    fresh(folder)
    odd_in, odd_out = b"in\xff\xfe.safetensors", b"o\xc3\x28\n\x1b[31m.safetensors"
    shutil.copy(folder / INPUTS[0], os.path.join(os.fsencode(folder.path), odd_in))
    plain = folder.run("merge", INPUTS[0], INPUTS[1], "--metadata", "none", "-o", "plain")  # names are in the metadata
    expect(plain.code == 0, f"plain names: {plain}")
    for options in ([], ["--json"], ["-v"]):
        result = folder.run("merge", odd_in, INPUTS[1], "--metadata", "none", "-f", "-o", odd_out, *options)
        written = (folder / os.fsdecode(odd_out)).read_bytes() if result.code == 0 else b""
        expect(result.code == 0 and written == (folder / "plain").read_bytes(), f"odd names {options}: {result}")
        check_utf8(result, options)
    for command in (["plan", odd_in, INPUTS[1]], ["inspect", odd_in], ["merge", odd_in, INPUTS[1], "-o", odd_out],
                    ["merge", b"missing\xff", odd_in, "-o", odd_out], ["inspect", b"missing\xff"]):
        for options in ([], ["--json"]):
            check_utf8(folder.run(*command, *options), options)


def check_utf8(result, options):
    for text in (result.out, result.err):
        try:
            expect("\x1b" not in text.decode(), f"an escape sequence of a name is printed: {text}")
        except UnicodeDecodeError as error:
            expect(False, f"not UTF-8: {error}: {text}")
    if "--json" in options:
        json.loads(result.out)


def streams(folder):
    """Started without standard streams, whose numbers the files opened first would get: nothing is printed into these.
    A report that nobody gets is a failure, but not the merge's. Buffered, because direct I/O refuses small writes."""
    (folder / "counts").write_bytes(bytes(24))
    environment = {**scene.CLEAN, "LD_PRELOAD": os.path.abspath(sys.argv[2]), "CKMERGE_FAULT_BUFFERED": "1",
                   "CKMERGE_FAULT": "none 5 1 once", "CKMERGE_FAULT_FOLDER": str(folder.path),
                   "CKMERGE_FAULT_COUNTS": str(folder / "counts")}
    for closed in ([0], [1], [2], [1, 2], [0, 1, 2]):
        for options in (["-q"], ["-v", "--progress", "json"]):
            fresh(folder, "counts")
            before = [(folder / name).read_bytes() for name in INPUTS]
            result = folder.run("merge", *INPUTS, "-o", OUT, *options, env=environment,
                                preexec_fn=lambda: [os.close(descriptor) for descriptor in closed])
            wanted = 1 if 1 in closed and "-q" not in options else 0
            expect(result.code == wanted and is_complete(folder), f"{closed} closed, {options}: {result}, {folder.names()}")
            expect([(folder / name).read_bytes() for name in INPUTS] == before, f"{closed} closed: an input was written")


def few_descriptors(folder):
    for limit in range(3, 12):
        fresh(folder)
        (folder / OUT).write_bytes(OLD)
        result = folder.merge("-f", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        if result.code == 127:  # too few for the loader of the program
            continue
        if result.code == 0:
            expect(is_complete(folder), f"{limit} descriptors: the target is wrong")
        else:
            finished = "is complete, but its folder" in result.text()
            expect_refusal(result, 1, "Too many open files")
            expect(is_complete(folder) if finished else (folder / OUT).read_bytes() == OLD, f"{limit} descriptors: {result}")
        expect(set(folder.names()) == {*INPUTS, "expected", OUT}, f"{limit} descriptors: the folder has {folder.names()}")


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            scene.write_random(folder / name, name, tensors=2, elements=1 << 14)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"plain surroundings: {result}")
        for check in (environments, umasks, names_that_are_not_utf8, streams, few_descriptors):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
