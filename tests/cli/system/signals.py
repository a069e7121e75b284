#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: signals.py CKMERGE [SECONDS]
A signal ends a merge within a second, with its own exit code, leaving the folder as it was."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
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
watch.finish()
