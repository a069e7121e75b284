#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: signals.py CKMERGE [SECONDS]
A signal ends a merge within a second, with its own exit code, leaving the folder as it was."""
import array
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
import watch

ckmerge, limit = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0


def interrupt(folder, number, *options, times=1, **keywords):
    """Exit code, stderr, seconds from the signal to the end, and whether the merge had ended before."""
    process = watch.start(folder, ckmerge, *options, stderr=subprocess.PIPE, **keywords)
    watch.wait_until_busy(folder, process)
    ended = process.poll() is not None
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    watch.expect(out == b"", f"signal {number}: something on stdout: {out!r}")
    return process.returncode, err.decode(), time.monotonic() - began, ended


def interrupted(folder, number, *options, **keywords):
    """Of three tries the first in which the machine let the merge be caught at work and end in time, or the last."""
    for _ in range(3):
        code, err, seconds, ended = interrupt(folder, number, *options, **keywords)
        if not ended and seconds < limit:
            break
    watch.expect(not ended, f"the merge ended before signal {number} was sent")
    return code, err, seconds


def write_matrices(folder, rows, columns):
    for seed, name in enumerate(("c.safetensors", "d.safetensors")):
        numbers = random.Random(seed)
        data = array.array("f", (numbers.random() - 0.5 for _ in range(rows * columns))).tobytes()
        make_inputs.write(folder.path / name, None, [("w", "F32", [rows, columns], data)], True)


def write_elements(folder, count):
    """Zeros that take no space, and numbers of which each is there often."""
    numbers = random.Random(0)
    some = array.array("f", (numbers.random() - 0.5 for _ in range(1 << 18)))
    make_inputs.write(folder.path / "c.safetensors", None, [("w", "F32", [count], 4 * count)], True)
    make_inputs.write(folder.path / "d.safetensors", None, [("w", "F32", [count], some.tobytes() * (count // len(some)))], True)


def write_layers(folder, hidden, width):
    """An MLP of which no channel knows its place, so that matching takes nearly as many steps as it may."""
    for seed, name in enumerate(("c.safetensors", "d.safetensors")):
        numbers = random.Random(seed)
        shapes = {"gate_proj": [hidden, width], "up_proj": [hidden, width], "down_proj": [width, hidden]}
        tensors = [(f"model.layers.0.mlp.{module}.weight", "F32", shape,
                    array.array("f", (numbers.random() - 0.5 for _ in range(hidden * width))).tobytes())
                   for module, shape in shapes.items()]
        make_inputs.write(folder.path / name, None, tensors, True)


def check_whole(folder, method, before, *options):
    process = subprocess.Popen([ckmerge, "merge", "c.safetensors", "d.safetensors", "-m", method, "--memory", "4G", "-f", "-o", "out.safetensors", *options],
                               cwd=folder.path, env=watch.CLEAN, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    time.sleep(1.0)
    watch.expect(process.poll() is None, f"{method} ended before a signal was sent")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    seconds = time.monotonic() - began
    print(f"{method}: exit {process.returncode} after {seconds * 1000:.0f} ms")
    watch.expect(process.returncode == 130 and seconds < limit, f"{method}: exit {process.returncode} after {seconds:.2f} s")
    watch.expect(err == b"interrupted; nothing was written\n", f"{method}: stderr is {err!r}")
    watch.expect(folder.state() == before, f"{method}: the folder is now {folder.state()}")


with watch.Folder() as folder:
    before = folder.state()
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        code, err, seconds = interrupted(folder, number)
        print(f"{number.name}: exit {code} after {seconds * 1000:.0f} ms")
        watch.expect(code == status, f"{number.name}: exit {code} instead of {status}")
        watch.expect(err == "interrupted; nothing was written\n", f"{number.name}: stderr is {err!r}")
        watch.expect(seconds < limit, f"{number.name}: took {seconds:.2f} s")
        watch.expect(folder.state() == before, f"{number.name}: the folder is now {folder.state()}")

    code, err, seconds = interrupted(folder, signal.SIGTERM, "--progress", "json")
    events = [json.loads(line) for line in err.splitlines()]
    watch.expect(events[0]["event"] == "start", f"the first event is {events[0]}")
    watch.expect(any(e["event"] == "progress" and 0 < e["done"] < e["total"] for e in events), "no progress event")
    watch.expect(events[-1] == {"event": "error", "code": "interrupted", "exit": 143, "where": events[-1]["where"],
                                "message": "interrupted; nothing was written"}, f"the last event is {events[-1]}")

    code, _, seconds = interrupted(folder, signal.SIGINT, times=2)
    watch.expect(code == 130 and seconds < limit, f"SIGINT twice: exit {code} after {seconds:.2f} s")

    # nohup and background jobs start programs with the signal ignored, and mean it.
    process = watch.start(folder, ckmerge, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    watch.wait_until_busy(folder, process)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    watch.expect(process.poll() is None, "an ignored SIGHUP ended the merge")
    process.terminate()
    process.communicate(timeout=60)

    # Whole tensors that take many seconds to be made, beside which nothing is written.
    write_matrices(folder, 2000, 2000)
    before = folder.state()
    for method in ("iso_c", "rotate"):
        check_whole(folder, method, before)
    # Channels that are matched by one worker, for whom the others wait.
    write_layers(folder, 6000, 64)
    before = folder.state()
    check_whole(folder, "rebasin", before)
    # Rows fewer than columns are made orthonormal first; a part of a turn is made of the planes that it turns.
    write_matrices(folder, 1500, 3000)
    check_whole(folder, "rotate", folder.state())
    write_matrices(folder, 900, 1800)
    check_whole(folder, "rotate", folder.state(), "--alignment", "0.5")
    # Elements that are put in order, a billion comparisons of them.
    write_elements(folder, 1 << 25)
    before = folder.state()
    for method in ("ties", "breadcrumbs"):
        check_whole(folder, method, before, "--param", "density=0.5", "--mergekit-order")
watch.finish()
