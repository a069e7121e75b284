# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at any moment: when a call has raised, its engine has ended and writes nothing any more."""
import subprocess
import sys

import ckmerge
import pytest
from conftest import ROOT, left_behind

HEAD = """
import os, random, signal, sys, threading, time
sys.path.insert(0, {path!r})
import ckmerge
inputs = {inputs!r}
"""

AS_IT_BEGINS = HEAD + """
start = threading.Thread.start
def interrupted(self):
    {before}
    start(self)
    {after}
threading.Thread.start = interrupted
try:
    ckmerge.merge(inputs, "out.safetensors", no_fsync=True)
except KeyboardInterrupt:
    there = os.path.exists("out.safetensors")
    time.sleep(1)
    print("interrupted", there, os.path.exists("out.safetensors"), threading.active_count())
"""

AT_ANY_MOMENT = HEAD + """
random.seed(1)
signal.signal(signal.SIGALRM, signal.default_int_handler)
interrupted = late = 0
for _ in range(60):
    if os.path.exists("out.safetensors"):
        os.remove("out.safetensors")
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.004))
        ckmerge.merge(inputs, "out.safetensors", no_fsync=True, progress=lambda event: None)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        interrupted += 1
        there = os.path.exists("out.safetensors")
        time.sleep(0.02)
        late += os.path.exists("out.safetensors") != there
print("interrupted", interrupted > 0, late, threading.active_count())
"""

AGAIN_WHILE_IT_ENDS = HEAD + """
sent = 0
def again(*_):
    global sent
    sent += 1
    raise KeyboardInterrupt(str(sent))
signal.signal(signal.SIGALRM, again)
def progress(event):
    if event.event == "progress" and not sent:
        signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.002)
try:
    try:
        ckmerge.merge(inputs, "out.safetensors", no_fsync=True, threads=1, memory="16MiB", progress=progress)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
except KeyboardInterrupt:
    there = os.path.exists("out.safetensors")
    time.sleep(0.5)
    print("interrupted", there, os.path.exists("out.safetensors"), threading.active_count())
"""


def output_of(code, **values):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code.format(path=str(ROOT / "python"), **values)],
                          capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_as_the_engine_begins(when, big, tmp_path):
    kill = "os.kill(os.getpid(), signal.SIGINT)"
    found = output_of(AS_IT_BEGINS, inputs=big, before=kill if when == "before" else "pass",
                      after=kill if when == "after" else "pass")
    assert found == ["interrupted", "False", "False", "1"]
    assert not left_behind(tmp_path)


def test_an_interrupt_at_any_moment(tmp_path):
    assert output_of(AT_ANY_MOMENT, inputs=["A.safetensors", "B.safetensors"]) == ["interrupted", "True", "0", "1"]
    assert not left_behind(tmp_path)


def test_interrupts_while_it_ends(big, tmp_path):
    assert output_of(AGAIN_WHILE_IT_ENDS, inputs=big) == ["interrupted", "False", "False", "1"]
    assert not left_behind(tmp_path)


def test_an_interrupt_in_what_makes_a_tensor():
    numpy = pytest.importorskip("numpy", reason="NOT RUN: interrupts of lazy tensors (no numpy)")

    def make():
        raise KeyboardInterrupt

    lazy = {f"w{k}": ckmerge.Lazy("F32", (3,), make) for k in range(20)}
    with pytest.raises(KeyboardInterrupt):
        ckmerge.save({**lazy, "x": numpy.ones(3, "f4")}, "out.safetensors")


def test_what_is_raised_at_the_end_leaves_the_file(scene):
    def progress(event):
        if event.event == "finish":
            raise LookupError("late")

    with pytest.raises(LookupError, match="late"):
        ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", progress=progress)
    assert (scene / "out.safetensors").exists()  # it was complete
    told = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert "complete file stays" in told and "complete file stays" in ckmerge.merge.__doc__
