# SPDX-License-Identifier: Apache-2.0
"""A thousand calls leave neither memory nor open files nor threads behind."""
import gc
import os
import threading

import ckmerge
import pytest

RUNS = 1000
ALLOWED = 4 << 20  # bytes, over the second half of the runs; a leak of one page a run would be as much


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def a_run():
    ckmerge.merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=0.3, force=True, no_fsync=True,
                  progress=lambda event: None)
    with pytest.raises(ckmerge.UsageError):
        ckmerge.merge(["A.safetensors"], "out.safetensors")


def of_memory():
    numpy = pytest.importorskip("numpy", reason="NOT RUN: leaks of saved arrays (no numpy)")
    ckmerge.save({"w": numpy.ones((200, 300), "f4"), "t": numpy.ones((30, 20), "f4").T}, "out.safetensors", dtype="f16",
                 no_fsync=True)
    with ckmerge.open("out.safetensors", framework="numpy") as checkpoint:
        assert checkpoint["w"][0, 0] == 1


@pytest.mark.parametrize("run", [a_run, of_memory])
def test_leaks(run):
    for _ in range(RUNS // 2):
        run()
    gc.collect()
    memory, files, threads = resident(), len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(RUNS // 2):
        run()
    gc.collect()
    assert resident() - memory < ALLOWED
    assert len(os.listdir("/proc/self/fd")) <= files
    assert threading.active_count() == threads


def test_arrays_are_let_go():
    import weakref

    numpy = pytest.importorskip("numpy", reason="NOT RUN: arrays that are let go (no numpy)")

    class Array(numpy.ndarray):
        pass

    def saved(value_of):
        array = numpy.ones(1000, "f4").view(Array)
        ckmerge.save({"w": value_of(array)}, "out.safetensors")
        return weakref.ref(array)

    gc.disable()
    try:  # without a collection: gigabytes would wait for it
        assert saved(lambda array: array)() is None
        assert saved(lambda array: ckmerge.Lazy("F32", (1000,), lambda: array))() is None
    finally:
        gc.enable()
