#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: kills.py CKMERGE
kill -9 at 200 moments of a merge, from its first instruction to behind its end: the target is absent, old or complete,
and the next run succeeds and leaves nothing else behind. Then two runs to one target at once, 40 times."""
import collections
import concurrent.futures
import os
import random
import shutil
import sys
import time

import scene
from scene import OLD, OUT, expect

KILLS, SEED, WORKERS = 200, 1, 2
ROUNDS = 40
INPUTS = ["a.safetensors", "b.safetensors"]
OPTIONS = ["--threads", "1", "--memory", "8MiB"]


def reset(folder, old):
    for name in folder.names():
        if name not in INPUTS:
            (folder / name).unlink()
    if old:
        (folder / OUT).write_bytes(OLD)


def target(folder):
    return (folder / OUT).read_bytes() if (folder / OUT).exists() else None


def kill_one(folder, complete, duration, share, old, seen):
    reset(folder, old)
    options = ["-f", *OPTIONS] if old else OPTIONS
    process = folder.start("merge", *INPUTS, "-q", "-o", OUT, *options)
    time.sleep(duration * share)
    process.kill()
    process.communicate()
    where = f"killed at {share:.2f} of a run, {'old target' if old else 'no target'}: "
    there = target(folder)
    state = "complete" if there == complete else "old" if there == OLD else "absent" if there is None else "BROKEN"
    expect(state != "BROKEN" and state != ("absent" if old else "old"), where + f"the target is {state}")
    left = [name for name in folder.names() if name not in [*INPUTS, OUT]]
    expect(set(left) <= {f".{OUT}.ckmerge-partial"}, where + f"{left} are left")
    seen[state + (" with a partial file" if left else "")] += 1
    result = folder.merge("-f", *OPTIONS)
    expect(result.code == 0 and target(folder) == complete, where + f"the next run: {result}")
    expect(folder.names() == sorted([*INPUTS, OUT]), where + f"the next run leaves {folder.names()}")


def kill_many(arguments):
    ckmerge, source, complete, duration, moments = arguments
    seen = collections.Counter()
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            shutil.copy(source / name, folder / name)
        for i, share in enumerate(moments):
            kill_one(folder, complete, duration, share, i % 2 == 0, seen)
    return seen


def two_at_once(folder, complete):
    """One has the target, the other is told so: before (exit 1: locked, 2: exists), or not at all."""
    codes = collections.Counter()
    for round in range(ROUNDS):
        reset(folder, False)
        runs = [folder.start("merge", *INPUTS, "-q", "-o", OUT, *OPTIONS) for _ in range(2)]
        ends = [(run.communicate()[1].decode(), run.returncode) for run in runs]
        expect(sorted(code == 0 for _, code in ends) == [False, True], f"two runs: {ends}")
        for text, code in ends:
            codes[code] += 1
            if code != 0:
                expect(code in (1, 2) and ("another run is writing it" in text or "already exists" in text), f"two: {text}")
        expect(target(folder) == complete and folder.names() == sorted([*INPUTS, OUT]), f"two runs: {folder.names()}")
    return codes


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            scene.write_random(folder / name, name, tensors=12, elements=1 << 20)
        durations = []
        for _ in range(3):
            durations.append(folder.merge("-f", *OPTIONS).seconds)
        complete = target(folder)
        if not expect(complete is not None, "a run without a kill fails"):
            scene.finish()
        duration = sorted(durations)[1]
        rng = random.Random(SEED)
        moments = [rng.uniform(0, 1.15) for _ in range(KILLS)]
        jobs = [(ckmerge, folder.path, complete, duration, moments[i::WORKERS]) for i in range(WORKERS)]
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            seen = sum(pool.map(kill_many, jobs), collections.Counter())
        print(f"kills: {sum(seen.values())} in runs of {duration * 1000:.0f} ms: "
              + ", ".join(f"{count} {state}" for state, count in sorted(seen.items())))
        codes = two_at_once(folder, complete)
        print(f"two runs at once: {ROUNDS} rounds, exit codes " + ", ".join(f"{n} x {c}" for c, n in sorted(codes.items())))
    scene.finish()


main(os.path.abspath(sys.argv[1]))
