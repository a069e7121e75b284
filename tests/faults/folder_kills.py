#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: folder_kills.py CKMERGE
kill -9 at 200 moments of a merge of two sharded folders into a third: the target is absent, the old folder or the complete
new one, and the next run succeeds and leaves nothing else behind."""
import collections
import concurrent.futures
import os
import random
import sys
import time

import model_folders
import scene
from model_folders import OUT, PARTIAL
from scene import expect

KILLS, SEED, WORKERS = 200, 1, 2
INPUTS = ["a", "b"]
OPTIONS = ["--threads", "1", "--memory", "8MiB", "--shard-size", "6500KB"]


def merge(folder, *options):
    return folder.run("merge", *INPUTS, "-q", "-o", OUT + "/", *options, *OPTIONS)


def reset(folder, old):
    for name in folder.names():
        if name not in INPUTS:
            model_folders.remove(folder / name)
    if old:
        model_folders.write_old(folder / OUT)


def kill_one(folder, known, duration, share, old, seen):
    reset(folder, old)
    process = folder.start("merge", *INPUTS, "-q", "-o", OUT + "/", *OPTIONS, *(["-f"] if old else []))
    time.sleep(duration * share)
    process.kill()
    process.communicate()
    where = f"killed at {share:.2f} of a run, {'old target' if old else 'no target'}: "
    there = model_folders.content(folder / OUT)
    state = next((state for state, content in known.items() if there == content), "BROKEN")
    expect(state in ("complete", "old" if old else "absent"), where + f"the target is {state}: {sorted(there or [])}")
    left = [name for name in folder.names() if name not in [*INPUTS, OUT]]
    expect(set(left) <= {PARTIAL}, where + f"{left} are left")
    seen[state + (" with a partial folder" if left else "")] += 1
    result = merge(folder, "-f")
    expect(result.code == 0 and model_folders.content(folder / OUT) == known["complete"], where + f"the next run: {result}")
    expect(folder.names() == sorted([*INPUTS, OUT]), where + f"the next run leaves {folder.names()}")


def kill_many(arguments):
    ckmerge, source, known, duration, moments = arguments
    seen = collections.Counter()
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            (folder / name).mkdir()
            for path in (source / name).iterdir():
                os.link(path, folder / name / path.name)
        for i, share in enumerate(moments):
            kill_one(folder, known, duration, share, i % 2 == 0, seen)
    return seen


def main(ckmerge):
    with scene.Folder(ckmerge) as folder:
        for name in INPUTS:
            model_folders.write(folder / name, name)
        model_folders.write_old(folder / "old")
        known = {"absent": None, "old": model_folders.content(folder / "old")}
        durations = []
        for _ in range(3):
            result = merge(folder, "-f")
            durations.append(result.seconds)
        known["complete"] = model_folders.content(folder / OUT)
        if not expect(result.code == 0 and len(known["complete"]) > model_folders.SHARDS, f"a run without a kill: {result}"):
            scene.finish()
        rng = random.Random(SEED)
        moments = [rng.uniform(0, 1.15) for _ in range(KILLS)]
        jobs = [(ckmerge, folder.path, known, sorted(durations)[1], moments[i::WORKERS]) for i in range(WORKERS)]
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            seen = sum(pool.map(kill_many, jobs), collections.Counter())
        print(f"kills: {sum(seen.values())} in runs of {sorted(durations)[1] * 1000:.0f} ms: "
              + ", ".join(f"{count} {state}" for state, count in sorted(seen.items())))
    scene.finish()


main(os.path.abspath(sys.argv[1]))
