# SPDX-License-Identifier: Apache-2.0
"""Rows about what reads one checkpoint, or many: convert, both ways, and average; against fio, which reads and writes as
much."""
from bars import GIB, MIB
from measure import drop_page_cache, interleave, run
from rows import PAIR_SIZE, floor_of, result, size_text, unless_equal

SNAPSHOTS, SNAPSHOT_SIZE = 20, GIB


def cold_run(bench, out, *words):
    out.unlink(missing_ok=True)
    drop_page_cache()
    return run([bench.options.build / "ckmerge", *words, "-q"])


def conversion(bench, source, out):
    floor_out = bench.data / "floor.bin"
    values, said = interleave(bench.options.rounds, {
        "fio": lambda: floor_of([source], floor_out),
        "ckmerge": lambda: cold_run(bench, out, "convert", source, out).seconds}, bench.log)
    floor_out.unlink(missing_ok=True)
    commands = [f"ckmerge convert A{source.suffix} O{out.suffix} -q", "fio --direct=1 --bs=4M --ioengine=psync --thread, two "
                "jobs at once: --rw=read A, --rw=write --end_fsync=1 O"]
    return result(values, "fio", commands, said, unless_equal(bench.options.size, PAIR_SIZE))


def convert(bench):
    a, _ = bench.pair(bench.options.size)
    ckpt, back = bench.data / "out.ckpt", bench.data / "back.safetensors"
    results = {"convert-to-ckpt": conversion(bench, a, ckpt), "convert-from-ckpt": conversion(bench, ckpt, back)}
    for path in (ckpt, back):
        path.unlink(missing_ok=True)
    return results


def average(bench):
    size = min(SNAPSHOT_SIZE, bench.options.size)
    arguments = ["--arch", "blocks", "--size", size_text(size), "--tune"]
    files = [bench.checkpoint(bench.data, *arguments, str(k + 2)) for k in range(SNAPSHOTS)]
    out, floor_out = bench.data / "out.safetensors", bench.data / "floor.bin"
    peaks = []

    def averaged():
        done = cold_run(bench, out, "average", *files, "-o", out)
        peaks.append(done.peak / MIB)
        return done.seconds

    values, said = interleave(bench.options.rounds, {"fio": lambda: floor_of(files, floor_out), "ckmerge": averaged}, bench.log)
    floor_out.unlink(missing_ok=True)
    commands = [f"ckmerge average A1 ... A{SNAPSHOTS} -o O -q",
                f"fio --direct=1 --bs=4M --ioengine=psync --thread, {SNAPSHOTS + 1} jobs at once: --rw=read each, --rw=write O"]
    other = unless_equal(size, SNAPSHOT_SIZE)
    return {"average": result(values, "fio", commands, said, other),
            "average-rss": result({"ckmerge": peaks}, None, commands[:1], [], other)}


MEASURES = {"convert": convert, "average": average}
