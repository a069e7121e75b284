# SPDX-License-Identifier: Apache-2.0
"""Rows about what reads one checkpoint, or many: convert, both ways, and average, against fio, which reads and writes as
much; and about PyTorch files."""
import struct
import zipfile

from bars import GIB, MB, MIB
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


def merge_ckpt(bench):
    a, b = bench.pair(bench.options.size)
    out = bench.data / "out.safetensors"
    ckpts = [bench.data / f"{path.stem}.ckpt" for path in (a, b)]
    for path, ckpt in zip((a, b), ckpts):
        run([bench.options.build / "ckmerge", "convert", path, ckpt, "-f", "-q"])
    values, said = interleave(bench.options.rounds, {
        "of .safetensors": lambda: bench.merge(a, b, out, cold=True).seconds,
        "ckmerge": lambda: bench.merge(*ckpts, out, cold=True).seconds}, bench.log)
    for path in ckpts:
        path.unlink()
    commands = ["ckmerge merge A.ckpt B.ckpt --alpha 0.3 -o O -q", "ckmerge merge A.safetensors B.safetensors --alpha 0.3 -o O -q"]
    return {"merge-ckpt": result(values, "of .safetensors", commands, said, unless_equal(bench.options.size, PAIR_SIZE))}


def large_pickle(path):
    """A tensor, and a training's history of numbers beside it: 100 MB."""
    tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" b"0X\3\0\0\0cpuK\1tQ"
              b"K\0K\1\x85K\1\x85\x89ccollections\nOrderedDict\n)RtR")
    number = b"G" + struct.pack(">d", 0.1)
    history = b"](" + number * (100 * MB // len(number)) + b"e"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}(X\1\0\0\0w" + tensor + b"X\1\0\0\0h" + history + b"u.")
        archive.writestr("archive/data/0", bytes(4))
        archive.writestr("archive/version", b"3\n")


def open_torch(bench):
    many, pickle = bench.data / "many.ckpt", bench.data / "pickle.ckpt"
    count = bench.options.plan_count
    tensors = bench.checkpoint(bench.data, "--arch", "many", "--count", str(count), "--name-size", "20")
    run([bench.options.build / "ckmerge", "convert", tensors, many, "-f", "-q"])
    large_pickle(pickle)
    results = {}
    for key, path, other in (("open-zip", many, None if count == 10**6 else f"{count} tensors"), ("open-pickle", pickle, None)):
        command = [bench.options.build / "ckmerge", "inspect", path]
        run(command, discard=True)  # the file's first touch
        seconds = [run(command, discard=True).seconds for _ in range(bench.options.rounds)]
        results[key] = result({"ckmerge": seconds}, None, [f"ckmerge inspect {path.name} >/dev/null"], [], other)
        path.unlink()
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


MEASURES = {"convert": convert, "merge-ckpt": merge_ckpt, "open": open_torch, "average": average}
