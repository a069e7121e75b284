# SPDX-License-Identifier: Apache-2.0
"""Calls: their errors, progress, Ctrl-C, exceptions of callables, threads and forks."""
import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import ckmerge
import pytest
from conftest import ROOT, floats, left_behind, write_file


def error_of(call):
    with pytest.raises(ckmerge.Error) as caught:
        call()
    return caught.value


def test_each_exit_code_is_a_class():
    write_file("narrow.safetensors", {"w": ("F32", (2,), floats(1, 2))})
    with open("broken.safetensors", "wb") as file:
        file.write(b"\x08\0\0\0\0\0\0\0{]      ")
    usage = error_of(lambda: ckmerge.merge(["A.safetensors", "B.safetensors"], "A.safetensors", force=True))
    assert (type(usage), usage.code, usage.exit) == (ckmerge.UsageError, "usage", 2)
    missing = error_of(lambda: ckmerge.merge(["A.safetensors", "none.safetensors"], "out.safetensors"))
    assert (type(missing), missing.code, missing.exit, missing.where) == (ckmerge.RunError, "io", 1, "none.safetensors")
    broken = error_of(lambda: ckmerge.inspect("broken.safetensors"))
    assert (type(broken), broken.code, broken.exit) == (ckmerge.InputError, "malformed", 3)
    mismatch = error_of(lambda: ckmerge.merge(["A.safetensors", "narrow.safetensors"], "out.safetensors"))
    assert (type(mismatch), mismatch.code, mismatch.exit) == (ckmerge.MismatchError, "mismatch", 4)
    assert "w" in str(mismatch)
    with open("sums", "w") as file:
        file.write("0" * 64 + "  A.safetensors\n")
    assert type(error_of(lambda: ckmerge.hash(check="sums"))) is ckmerge.DifferenceError
    resources = error_of(lambda: ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", device="cuda"))
    assert (type(resources), resources.exit) == (ckmerge.ResourceError, 5)
    assert not os.path.exists("out.safetensors")


def test_errors_can_be_pickled():
    error = ckmerge.MismatchError("no", where="w", details=["a", "b"])
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.details, again.where) == (type(error), "no\n  a\n  b", ("a", "b"), "w")


def test_long_lists_of_details_are_cut_in_messages_alone():
    error = ckmerge.Error("no", details=[str(k) for k in range(30)])
    assert str(error).endswith("  19\n  and 10 more") and len(error.details) == 30


def test_warnings_are_issued_where_the_call_is():
    with pytest.warns(ckmerge.Warning) as caught:
        report = ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", discard="^nothing")
    assert [str(warned.message) for warned in caught] == report.warnings
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        planned = ckmerge.plan(["A.safetensors", "B.safetensors"], discard="^nothing")
    assert planned.warnings == report.warnings


def test_progress_comes_in_the_callers_thread(big):
    events, threads = [], set()

    def progress(event):
        events.append(event)
        threads.add(threading.get_ident())

    ckmerge.merge(big, "out.safetensors", no_fsync=True, progress=progress)
    assert threads == {threading.get_ident()}
    assert (events[0].event, events[-1].event) == ("start", "finish")
    merged = [event for event in events if event.event == "progress"]
    assert merged and all(event.stage == "merge" and 0 <= event.done <= event.total for event in merged)
    assert events[-1].done == events[0].total


def test_an_exception_in_progress_ends_the_merge(big, tmp_path):
    class Mine(Exception):
        pass

    def progress(event):
        if event.event == "progress":
            raise Mine

    began = time.monotonic()
    with pytest.raises(Mine):
        ckmerge.merge(big, "out.safetensors", no_fsync=True, progress=progress)
    assert time.monotonic() - began < 5
    assert not os.path.exists("out.safetensors") and not left_behind(tmp_path)


def test_an_exception_at_the_end_is_raised_too():
    def progress(event):
        if event.event == "finish":
            raise LookupError("late")

    with pytest.raises(LookupError, match="late"):
        ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", progress=progress)


def test_what_is_no_callable_is_refused():
    with pytest.raises(TypeError, match="progress"):
        ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", progress="yes")


def test_progress_of_our_own(big, capfd):
    ckmerge.merge(big, "out.safetensors", no_fsync=True, progress=True)
    out, err = capfd.readouterr()
    assert not out
    if "tqdm" in sys.modules:
        assert "merge" in err and "100%" in err


def test_plain_lines(capsys, monkeypatch):
    from ckmerge import progress

    monkeypatch.setattr(progress, "_LINE_EVERY", 0.0)
    lines = progress._Lines()
    lines(ckmerge.Event(event="start", total=10))
    lines(ckmerge.Event(event="progress", stage="merge", done=500_000_000, total=2_000_000_000, rate=1_500_000_000))
    lines.close()
    assert capsys.readouterr().err == "merge: 25 %, 0.50 of 2.00 GB, 1.50 GB/s\n"


INTERRUPTED = """
import os, signal, sys, threading, time
sys.path.insert(0, {path!r})
import ckmerge
merging, sent = threading.Event(), []
def send():
    merging.wait()
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send, daemon=True).start()
def progress(event):
    if event.event == "progress":
        merging.set()
try:
    ckmerge.merge({inputs!r}, "out.safetensors", no_fsync=True, threads=1, memory="16MiB", progress=progress)
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - sent[0], os.path.exists("out.safetensors"), threading.active_count())
"""


def test_ctrl_c(big, tmp_path):
    code = INTERRUPTED.format(path=str(ROOT / "python"), inputs=big)
    for _ in range(3):  # a loaded machine may be late
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert done.stdout, done.stderr
        word, seconds, exists, threads = done.stdout.split()
        assert (word, exists, threads) == ("interrupted", "False", "1")
        assert not left_behind(tmp_path)
        if float(seconds) < 1:
            return
    assert float(seconds) < 1


def test_many_threads_at_once():
    def merge(k):
        ckmerge.merge(["A.safetensors", "B.safetensors"], f"out{k}.safetensors", alpha=(k + 1) / 20)
        with ckmerge.open(f"out{k}.safetensors", framework="memoryview") as checkpoint:
            return checkpoint["w"].tolist()[0][0]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(merge, range(10)))
    assert found == pytest.approx([1 + (k + 1) / 20 for k in range(10)])


def _in_a_child(pipe):
    try:
        report = ckmerge.merge(["A.safetensors", "B.safetensors"], "child.safetensors", alpha=0.5)
        pipe.send(report.counts.merge)
    except BaseException as fault:
        pipe.send(repr(fault))


def test_forks(big):
    # A fork while another thread is in a call, as data loaders do it.
    stop = threading.Event()

    def progress(_event):
        if stop.is_set():
            raise LookupError

    def work():
        try:
            ckmerge.merge(big, "out.safetensors", no_fsync=True, progress=progress)
        except LookupError:
            pass

    busy = threading.Thread(target=work)
    busy.start()
    time.sleep(0.1)
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = context.Process(target=_in_a_child, args=(theirs,))
        child.start()
    try:
        assert mine.poll(30) and mine.recv() == 1
    finally:
        child.join(10)
        stop.set()
        busy.join()


def test_the_environment_is_the_programs(monkeypatch, tmp_path):
    monkeypatch.setenv("CKMERGE_ISA", "baseline")
    assert ckmerge.doctor().forced_isa == "baseline"
    monkeypatch.delenv("CKMERGE_ISA")
    assert not ckmerge.doctor().forced_isa
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert ckmerge.doctor().hash_cache.path == str(tmp_path / "cache" / "ckmerge" / "hashes")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert ckmerge.doctor().hash_cache.path == str(tmp_path / "home" / ".cache" / "ckmerge" / "hashes")


def test_a_library_that_is_missing_says_so():
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'python')!r}); import ckmerge; ckmerge.describe()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "CKMERGE_LIBRARY": "/nonexistent/libckmerge.so"})
    assert "ImportError: the library of ckmerge cannot be loaded: /nonexistent/libckmerge.so" in done.stderr


def test_another_library_says_so():
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'python')!r}); import ckmerge; ckmerge.describe()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "CKMERGE_LIBRARY": "libc.so.6"})
    assert "ImportError: libc.so.6 is no library of ckmerge" in done.stderr


def test_progress_without_stderr(big):
    code = (f"import sys; sys.path.insert(0, {str(ROOT / 'python')!r}); import ckmerge\n"
            f"print(ckmerge.merge({big!r}, 'out.safetensors', no_fsync=True, progress=True).counts.merge)")
    done = subprocess.run(f"exec {sys.executable} -c \"$CODE\" 2>&-", shell=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "CODE": code})
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_registry(tmp_path):
    registry = ckmerge.Registry(tmp_path / "registry.db")
    assert registry.scan(".").found == 2
    assert sorted(entry.name for entry in registry.list().files) == ["A.safetensors", "B.safetensors"]
    assert registry.show("A").tensors == 1
    assert ckmerge.inspect("@A", registry=tmp_path / "registry.db").files[0].parameters == 4
    with pytest.raises(ckmerge.UsageError):
        ckmerge.registry.list()


def test_signals_are_pythons_own():
    before = signal.getsignal(signal.SIGINT)
    ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors")
    assert signal.getsignal(signal.SIGINT) is before
