# SPDX-License-Identifier: Apache-2.0
"""Tensors that are made when they are wanted: by whom, how often, and how many are in memory."""
import ctypes
import os
import threading
import time

import ckmerge
import pytest
from ckmerge._call import Caller
from ckmerge._tensors import Table
from conftest import read_file

numpy = pytest.importorskip("numpy", reason="NOT RUN: tensors that are made when they are wanted (no numpy)")


def test_lazy_tensors_are_made_one_at_a_time_in_the_callers_thread():
    alive, most, threads = set(), [0], set()

    def maker(k):
        class Array(numpy.ndarray):
            def __del__(self):
                alive.discard(k)

        def make():
            threads.add(threading.get_ident())
            alive.add(k)
            most[0] = max(most[0], len(alive))
            found = numpy.full((100, 100), k, "f4").view(Array)
            return found

        return make

    tensors = {f"t{k:03}": ckmerge.Lazy("F32", (100, 100), maker(k)) for k in range(100)}
    ckmerge.save(tensors, "out.safetensors")
    found, _ = read_file("out.safetensors")
    assert all(found[f"t{k:03}"][2] == numpy.full((100, 100), k, "f4").tobytes() for k in range(100))
    assert threads == {threading.get_ident()}


def test_lazy_tensors_of_several_tiles_and_threads():
    def maker(k):
        return lambda: numpy.full((1 << 19,), k, "f4")

    tensors = {f"t{k:02}": ckmerge.Lazy("F32", (1 << 19,), maker(k)) for k in range(30)}
    for _ in range(3):
        ckmerge.save(tensors, "out.safetensors", threads=8, memory="16MiB", dtype="f16", no_fsync=True)
        found, _ = read_file("out.safetensors")
        assert all(found[f"t{k:02}"][2] == numpy.full((1 << 19,), k, "f2").tobytes() for k in range(30))


class Living:
    """Lazy tensors of float32, all of one number; counts what was made, and the most bytes that were alive at once."""

    def __init__(self):
        self.made, self.alive, self.most = {}, 0, 0

    def lazy(self, name, count, number=1):
        living = self

        class Array(numpy.ndarray):
            def __del__(self):
                living.alive -= 4 * count

        def make():
            self.made[name] = self.made.get(name, 0) + 1
            self.alive += 4 * count
            self.most = max(self.most, self.alive)
            return numpy.ndarray.__new__(Array, (count,), "f4", numpy.full((count,), number, "f4"))

        return ckmerge.Lazy("F32", (count,), make)


def test_lazy_tensors_are_kept_by_their_bytes():
    living, size = Living(), 16 << 20
    ckmerge.save({f"t{k:02}": living.lazy(k, size // 4) for k in range(12)}, "out.safetensors", no_fsync=True, dtype="f16")
    assert living.most <= (64 << 20) + 2 * size  # one that a reader still holds, one that is made for the next


def test_lazy_tensors_that_are_read_in_part_are_bound_by_bytes():
    living, count, caller, done = Living(), 4 << 20, Caller(), threading.Event()
    table = Table("t", {f"t{k:02}": living.lazy(k, count, k) for k in range(12)}, caller)
    described, found = table.described(), (ctypes.c_float * 4)()

    def first_elements():  # as a thread of the engine asks for them; of each tensor most is never taken
        for k in range(12):
            assert described.read(None, k, 0, 16, ctypes.addressof(found)) == 0 and list(found) == [k] * 4
        assert described.read(None, 0, 16, 16, ctypes.addressof(found)) == 0 and list(found) == [0] * 4
        done.set()

    threading.Thread(target=first_elements).start()
    while not done.is_set():
        caller.wait()
        caller.serve()
    assert living.most <= (64 << 20) + 4 * count
    assert living.made[0] == 2 and living.made[11] == 1


def test_a_lazy_tensor_under_two_names_is_tied():
    living = Living()
    tied, other = living.lazy("tied", 250_000, 1), living.lazy("other", 250_000, 2)
    ckmerge.save({"a": tied, "b": other, "c": tied}, "out.ckpt")
    assert os.path.getsize("out.ckpt") < 2.1e6 and living.made["tied"] == 1
    found = ckmerge.open("out.ckpt", framework="numpy")
    assert found.info("a").offset == found.info("c").offset != found.info("b").offset
    assert found["c"].tobytes() == numpy.full((250_000,), 1, "f4").tobytes()
    ckmerge.save({"a": tied, "b": other, "c": tied}, "out.safetensors")
    tensors, _ = read_file("out.safetensors")
    assert tensors["a"] == tensors["c"] != tensors["b"]


def test_one_large_lazy_tensor_at_a_time():
    living, size = Living(), 72 << 20
    ckmerge.save({f"t{k}": living.lazy(k, size // 4, k) for k in range(4)}, "out.safetensors", no_fsync=True, dtype="f16")
    found, _ = read_file("out.safetensors")
    assert all(found[f"t{k}"][2] == numpy.full((size // 4,), k, "f2").tobytes() for k in range(4))
    assert living.most <= 2 * size


def test_each_checkpoint_keeps_a_large_lazy_tensor():
    living, count = Living(), 17 << 20
    ckmerge.merge([{"w": living.lazy("A", count, 2)}, {"w": living.lazy("B", count, 4)}], "out.safetensors", alpha=0.5, dtype="f16", no_fsync=True,
                  metadata="none")
    assert living.made == {"A": 1, "B": 1}
    assert read_file("out.safetensors")[0]["w"][2] == numpy.full((count,), 3, "f2").tobytes()


def test_lazy_tensors_of_all_sizes_and_more_threads_than_processors():
    living = Living()
    sizes = {f"t{k:04}": 25_000 if k % 20 else 2_500_000 for k in range(400)}
    ckmerge.save({name: living.lazy(name, count, k) for k, (name, count) in enumerate(sizes.items())}, "out.safetensors", threads=8, dtype="f16",
                 no_fsync=True)
    found, _ = read_file("out.safetensors")
    assert all(found[name][2] == numpy.full((count,), k, "f2").tobytes() for k, (name, count) in enumerate(sizes.items()))


def test_what_fails_beside_large_lazy_tensors_ends_at_once():
    living = Living()

    def fail():
        raise LookupError("mine")

    began = time.monotonic()
    with pytest.raises(LookupError, match="mine"):
        ckmerge.save({"a": living.lazy("a", 17 << 20), "b": ckmerge.Lazy("F32", (17 << 20,), fail), "c": living.lazy("c", 17 << 20)},
                     "out.safetensors", threads=8, no_fsync=True)
    assert time.monotonic() - began < 5
    assert not os.path.exists("out.safetensors")


def test_lazy_tensors_that_are_not_what_was_said():
    with pytest.raises(ckmerge.UsageError, match=r"'w' was said to be F16 \[2\], and what was made is F32 \[3\]"):
        ckmerge.save({"w": ckmerge.Lazy("f16", (2,), lambda: numpy.zeros(3, "f4"))}, "out.safetensors")

    def fail():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        ckmerge.save({"w": ckmerge.Lazy("F32", (2,), fail)}, "out.safetensors")
    assert not os.path.exists("out.safetensors")
