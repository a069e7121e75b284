#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: limits.py CKMERGE
Less address space (ulimit -v) or stack (ulimit -s) than is wanted: a merge, or a sum, is done with fewer windows and
threads, or refused with a sentence; the same each time, and more room is never worse. And what is freed is not held on to
beyond --memory."""
import os
import resource
import sys
import time

import scene
from scene import OUT, expect

TIMES = 10
INPUTS = ["a.safetensors", "b.safetensors"]


def limited(kind, kibibytes):
    return {"preexec_fn": lambda: resource.setrlimit(kind, (kibibytes << 10, kibibytes << 10))}


def address_space(folder):
    if folder.run("--version", **limited(resource.RLIMIT_AS, 400_000)).code != 0:
        return scene.not_run("little address space", "it cannot be limited")
    works = {}
    # Where threads come to fit, each step counts. In 20,000 KiB the program's own file has no room, which ends it by a signal.
    for kibibytes in [*range(26_000, 36_000, 5_000), *range(36_000, 60_000, 2_000), *range(60_000, 400_001, 34_000)]:
        for name, words in (("merge", ["merge", *INPUTS, "-q", "-f", "-o", OUT, "--no-register"]), ("slerp", [
                "merge", *INPUTS, "-q", "-f", "-o", "slerp", "-m", "slerp", "--no-register"]), ("hash", ["hash", *INPUTS])):
            results = [folder.run(*words, **limited(resource.RLIMIT_AS, kibibytes)) for _ in range(TIMES if name == "merge" else 3)]
            codes = {result.code for result in results}
            where = f"{name} in {kibibytes} KiB: {results[0]}: exits {codes}"
            expect(len(codes) == 1 and codes <= {0, 5, 127}, where)  # 127: too little for the loader of the program
            expect(codes == {0} or not works.get(name), where + ", with less it worked")
            expect(codes != {5} or "ulimit -v" in results[0].text(), where)
            works[name] = works.get(name) or codes == {0}
            expect(codes != {0} or name != "merge" or (folder / OUT).read_bytes() == (folder / "expected").read_bytes(), where)
            expect(set(folder.names()) <= {*INPUTS, OUT, "expected", "slerp"}, where + f": {folder.names()} are there")
    expect(all(works.values()), f"what works in 400,000 KiB: {works}")
    return None


def stack(folder):
    """Set by a shell: Python itself, which runs on until the program takes its place, has no room in 16 KiB. In these lie the
    environment too, up to 8 KiB that the kernel leaves free at random, and what the loader needs, which takes 5.5 KiB for
    /bin/true: so the environment is a small one, and what hangs on chance is tried often."""
    program, folder.ckmerge = folder.ckmerge, "sh"
    for kibibytes, times in ((16, 100), (32, 10), (48, 3), (64, 3), (256, 1), (8192, 1)):
        for room in ("", "x" * 4096) if kibibytes > 16 else ("",):
            results = [folder.run("-c", 'ulimit -s "$0" && exec "$@"', str(kibibytes), program, "merge", *INPUTS, "-q", "-f", "-o", OUT,
                                  env={"PATH": os.defpath, **({"ROOM": room} if room else {})}) for _ in range(times)]
            for result in results:
                if kibibytes < 64:
                    expect(result.code == 5 and f"the stack may have {kibibytes} KiB" in result.text(), f"a stack of {kibibytes} KiB: {result}")
                else:
                    expect(result.code == 0 and (folder / OUT).read_bytes() == (folder / "expected").read_bytes(), f"{kibibytes} KiB: {result}")
    folder.ckmerge = program


def anonymous_memory(process):
    """The most that is seen of it, in bytes: no pages of files."""
    most = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                most = max([most, *(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))])
        except OSError:
            break
        time.sleep(0.002)
    return most


def heaps_of_threads(process):
    """The most that are seen at one time: of glibc 64 MiB of addresses from a multiple of that on, whose begin is in use."""
    most, reserved = 0, 64 << 20
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps:
                places = [(*(int(at, 16) for at in line.split()[0].split("-")), line.split()[1]) for line in maps]
        except OSError:
            break
        most = max(most, sum(begin % reserved == 0 and (used, left) == ("rw-p", "---p") and end == at and last == begin + reserved
                             for (begin, end, used), (at, last, left) in zip(places, places[1:])))
        time.sleep(0.002)
    return most


def heaps(folder):
    """What one thread has freed is there for the others: masks are held in strips that any of them makes."""
    process = folder.start("merge", *INPUTS, "-m", "della", "--param", "density=0.5", "--threads", "5", "-q", "-o", "made", "--no-register")
    most = heaps_of_threads(process)
    process.communicate()
    expect(process.returncode == 0 and most == 0, f"heaps of threads: exit {process.returncode}, {most}")
    os.remove(folder / "made")


def budget(folder):
    """Whole tensors of many sizes, each of which is made in vectors that are freed again."""
    if folder.run("--version", **limited(resource.RLIMIT_AS, 400_000)).code != 0:
        return scene.not_run("memory that is freed", "a sanitizer holds on to it")
    names = ["many0", "many1"]
    for name in names:
        tensors = [(f"t{i}", [1000 + 100 * i, 400]) for i in range(24)]
        scene.make_inputs.write(folder / name, {"format": "pt"},
                                [(at, "F16", shape, scene.random_halves(2 * shape[0] * shape[1], name + at)) for at, shape in tensors], True)
    process = folder.start("merge", *names, "-m", "top_k_tensor_sum", "--memory", "64MiB", "--threads", "5", "-q", "-o", "made", "--no-register")
    most = anonymous_memory(process)
    process.communicate()
    print(f"whole tensors in 64 MiB: {most >> 20} MiB")
    expect(process.returncode == 0 and most < 80 << 20, f"whole tensors in 64 MiB: exit {process.returncode}, {most >> 20} MiB")
    for name in (*names, "made"):
        os.remove(folder / name)
    return None


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            scene.write_random(folder / name, name, tensors=3, elements=1 << 21)
        result = folder.merge(out="expected")
        expect(result.code == 0, f"without limits: {result}")
        for check in (address_space, stack, heaps, budget):
            check(folder)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
