# SPDX-License-Identifier: Apache-2.0
"""How each row of the table is measured. A row is a function of the bench that returns its results by the keys of
bars.py; it raises NotRun where this machine cannot measure it."""
import json
import math
import os
import re
import shutil
from pathlib import Path

from bars import GIB, MB, MIB
from measure import NotRun, drop_page_cache, interleave, memory_cgroup, run

ALPHA = "0.3"
CGROUP = 96 * MIB
# Sizes that the bars speak of; the warm one is chosen here, to leave room in tmpfs on a machine of 16 GB.
PAIR_SIZE, WARM_SIZE, RSS_SIZES, PLAN_COUNT = 3 * GIB, 2 * GIB, (100 * MB, 6 * GIB, 4 * GIB), 10**6
MERGE_TEXT = f"ckmerge merge A B --alpha {ALPHA} -o O -q"
FIO_TEXT = ("fio --direct=1 --bs=4M --ioengine=psync --thread, three jobs at once: --rw=read A, --rw=read B, "
            "--rw=write --end_fsync=1 O")


def size_text(size):
    """As the generator reads it: 3GiB, 100MB."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (MB, "MB")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)


def result(values, yardstick=None, commands=(), notes=(), other_size=None):
    """Numbers of each contender by name, ckmerge's among them. `other_size` tells a size that is not the bar's."""
    values = {"ckmerge": values["ckmerge"], **values}
    return {"values": values, "yardstick": yardstick, "commands": list(commands), "notes": list(notes),
            "other_size": other_size}


def unless_equal(size, wanted):
    return None if size == wanted else size_text(size)


class Bench:
    def __init__(self, options, log):
        self.options, self.log = options, log
        self.data = Path(options.data)
        self.data.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, folder, *arguments):
        """Generates a file once; its name tells how it was made."""
        path = Path(folder) / ("-".join(a.lstrip("-") for a in arguments) + ".safetensors")
        if not path.exists():
            self.log(f"  generating {path.name}")
            partial = path.with_suffix(".new")
            run([self.options.build / "ckmerge-generate", *arguments, partial])
            partial.rename(path)
        return path

    def pair(self, size, arch="blocks", folder=None):
        arguments = ["--arch", arch, "--size", size_text(size)]
        folder = folder or self.data
        return self.checkpoint(folder, *arguments), self.checkpoint(folder, *arguments, "--tune", "2")

    def merge_command(self, a, b, out):
        return [self.options.build / "ckmerge", "merge", a, b, "--alpha", ALPHA, "-o", out, "-q"]

    def merge(self, a, b, out, cold, prepare=None):
        out.unlink(missing_ok=True)
        if cold:
            drop_page_cache()
        return run(self.merge_command(a, b, out), prepare)

    def same_bytes(self, x, y):
        run(["cmp", x, y])


def cold(bench):
    a, b = bench.pair(bench.options.size)
    out, floor_out = bench.data / "out.safetensors", bench.data / "floor.bin"
    values, said = interleave(bench.options.rounds, {
        "fio": lambda: floor(bench, a, b, floor_out),
        "ckmerge": lambda: bench.merge(a, b, out, cold=True).seconds}, bench.log)
    floor_out.unlink(missing_ok=True)
    return {"cold": result(values, "fio", [MERGE_TEXT, FIO_TEXT], said, unless_equal(bench.options.size, PAIR_SIZE))}


def floor(bench, a, b, out):
    """Seconds that the disk needs for a merge of A and B."""
    return floor_of([a, b], out)


def floor_of(inputs, out):
    """Seconds that the disk needs: read each input and write as much as the first, all at once, in 4 MiB blocks."""
    if not shutil.which("fio"):
        raise NotRun("fio is missing (apt-get install fio)")
    out.unlink(missing_ok=True)
    drop_page_cache()
    size = min(path.stat().st_size for path in inputs) & -(4 * MIB)
    jobs = []
    for path, *kind in *((path, "--rw=read") for path in inputs), (out, "--rw=write", "--end_fsync=1"):
        jobs += [f"--name={path.stem}", f"--filename={path}", f"--size={size}", *kind]
    report = run(["fio", "--direct=1", "--bs=4M", "--ioengine=psync", "--thread", "--output-format=json", *jobs]).output
    return max(job["job_runtime"] for job in json.loads(report[report.index("{"):])["jobs"]) / 1000


def warm(bench):
    shm = Path("/dev/shm") / f"ckmerge-bench-{os.getpid()}"
    size = bench.options.warm_size
    if shutil.disk_usage("/dev/shm").free < 4 * size:
        raise NotRun("tmpfs has too little room")
    shm.mkdir()
    try:
        a, b = bench.pair(size, folder=shm)
        copy, out = shm / "copy", shm / "out"

        def cp():
            copy.unlink(missing_ok=True)
            seconds = run(["cp", a, copy]).seconds
            copy.unlink()
            return seconds

        def merge():
            seconds = bench.merge(a, b, out, cold=False).seconds
            out.unlink()
            return seconds

        merge()  # the code's and the inputs' first touch
        values, said = interleave(bench.options.rounds, {"cp": cp, "ckmerge": merge}, bench.log)
    finally:
        shutil.rmtree(shm)
    said.insert(0, f"two inputs of {size_text(size)} of bf16")
    return {"warm": result(values, "cp", [MERGE_TEXT, "cp A copy"], said, unless_equal(size, WARM_SIZE))}


def cgroup(bench):
    a, b = bench.pair(bench.options.size)
    free_out, out = bench.data / "out.safetensors", bench.data / "cgroup.safetensors"
    peaks = []

    def confined():
        with memory_cgroup(CGROUP) as (enter, peak):
            seconds = bench.merge(a, b, out, cold=True, prepare=enter).seconds
            peaks.append(peak())
        return seconds

    values, said = interleave(bench.options.rounds, {
        "ckmerge, unconfined": lambda: bench.merge(a, b, free_out, cold=True).seconds, "ckmerge": confined}, bench.log)
    bench.same_bytes(free_out, out)
    out.unlink()
    said.append(f"at most {max(peaks) / MIB:.0f} MiB charged, page cache included; the output has the same bytes")
    return {"cgroup": result(values, "ckmerge, unconfined", [MERGE_TEXT], said,
                             unless_equal(bench.options.size, PAIR_SIZE))}


def rss(bench):
    results = {}
    for key, arch, size, wanted in zip(("rss-small", "rss-large", "rss-one"), ("blocks", "blocks", "one"),
                                       bench.options.rss_sizes, RSS_SIZES):
        a, b = bench.pair(size, arch)
        out = bench.data / "out.safetensors"
        peaks = [bench.merge(a, b, out, cold=False).peak / MIB for _ in range(3)]
        bench.log(f"  {key}: {max(peaks):.0f} MiB")
        for path in (out, *(() if bench.options.keep else (a, b))):
            path.unlink()
        results[key] = result({"ckmerge": peaks}, None, [MERGE_TEXT], [], unless_equal(size, wanted))
    return results


def torch_row(key, *scripts):
    """A row against a script in one or several variants, of which the fastest counts."""
    def row(bench):
        python = bench.options.torch
        if not Path(python).exists():
            raise NotRun("no Python with torch; bench/README.md tells how to make one")
        a, b = bench.pair(bench.options.size)
        out, theirs = bench.data / "out.safetensors", bench.data / "torch.safetensors"
        folder = Path(__file__).parent

        def script(text):
            name, *flags = text.split()
            theirs.unlink(missing_ok=True)
            drop_page_cache()
            return float(run([python, folder / name, a, b, theirs, ALPHA, *flags]).output.split()[-1])

        fastest, said = pick_fastest(scripts, script, bench.log)
        values, more = interleave(bench.options.rounds, {
            fastest: lambda: script(fastest),
            "ckmerge": lambda: bench.merge(a, b, out, cold=True).seconds}, bench.log)
        compared = run([python, folder / "torch_difference.py", out, theirs]).output.strip()
        theirs.unlink()
        said += more + ["outputs compared: " + compared]
        return {key: result(values, fastest, [MERGE_TEXT, f"{fastest} A B O {ALPHA}"], said,
                            unless_equal(bench.options.size, PAIR_SIZE))}
    return row


def pick_fastest(variants, measure, log):
    if len(variants) == 1:
        return variants[0], []
    tried = {name: min(measure(name) for _ in range(3)) for name in variants}
    said = "of its variants the fastest is compared: " + ", ".join(f"{name} {tried[name]:.2f} s" for name in variants)
    log("  " + said)
    return min(tried, key=tried.get), [said]


def plan(bench):
    many_count = bench.options.plan_count
    few, many = (plan_runs(bench, count) for count in (many_count // 10, many_count))
    seconds = {"ckmerge": [r.seconds for r in many], "a tenth": [r.seconds for r in few]}
    power = math.log10(min(seconds["ckmerge"]) / min(seconds["a tenth"]))
    command = ["ckmerge plan A B --json >/dev/null"]
    other = None if many_count == PLAN_COUNT else f"{many_count} tensors"
    return {"plan-seconds": result({"ckmerge": seconds["ckmerge"]}, None, command, [], other),
            "plan-memory": result({"ckmerge": [r.peak / MIB for r in many]}, None, command, [], other),
            "plan-linear": result(seconds, "a tenth", command, [f"time grows as the count to the power {power:.2f}"],
                                  other)}


def plan_runs(bench, count):
    arguments = ("--arch", "many", "--count", str(count), "--name-size", "20")
    a, b = bench.checkpoint(bench.data, *arguments), bench.checkpoint(bench.data, *arguments, "--tune", "2")
    command = [bench.options.build / "ckmerge", "plan", a, b, "--json"]
    run(command, discard=True)  # the files' first touch
    runs = [run(command, discard=True) for _ in range(bench.options.rounds)]
    bench.log(f"  {count} tensors: {min(r.seconds for r in runs):.2f} s, {max(r.peak for r in runs) / MIB:.0f} MiB")
    return runs


def kernels(bench):
    program = bench.options.build / "ckmerge-bench-kernels"
    if not program.exists():
        raise NotRun(f"{program.name} is not built (google-benchmark is missing)")
    repetitions = f"--benchmark_repetitions={bench.options.rounds}"
    # Outside the caches, and the benchmarks' repetitions mixed, so that the triad runs among the kernels.
    report = json.loads(run([program, "--benchmark_format=json", repetitions, "--benchmark_filter=/memory",
                             "--benchmark_enable_random_interleaving=true"]).output)
    rates = {}
    for row in report["benchmarks"]:
        if row.get("run_type") == "iteration" and "GB/s" in row:
            rates.setdefault(row["run_name"], []).append(row["GB/s"])
    triad = fastest_kernel(rates, "triad")
    results = {}
    for key, dtype in ("bf16", "bf16"), ("f16", "f16"), ("f32", "f32"), ("f8", "f8_e4m3"):
        name = fastest_kernel(rates, "weighted_sum", dtype)
        values, yardstick = {"ckmerge": rates[name]}, None
        if key == "f32":
            values["STREAM triad"], yardstick = rates[triad], "STREAM triad"
        results[f"kernel-{key}"] = result(values, yardstick, [f"ckmerge-bench-kernels, {name}"])
        bench.log(f"  {name}: {max(rates[name]):.1f} GB/s")
    return results


def fastest_kernel(rates, *words):
    """Of the benchmarks whose name has all the words, the fastest: where several ISAs are measured, the best one."""
    def has(name, word):
        return re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", name.lower().replace("stream_", ""))
    names = [name for name in rates if all(has(name, word) for word in words)]
    if not names:
        raise NotRun(f"ckmerge-bench-kernels has no benchmark named {' '.join(words)}")
    return max(names, key=lambda name: max(rates[name]))


MEASURES = {"cold": cold, "warm": warm, "cgroup": cgroup, "rss": rss,
            "torch-best": torch_row("torch-best", "torch_best.py", "torch_best.py --direct"),
            "torch-naive": torch_row("torch-naive", "torch_naive.py"), "kernels": kernels, "plan": plan}
