# SPDX-License-Identifier: Apache-2.0
"""Running programs and knowing the machine: time, peak memory, page cache, memory cgroups. Linux only."""
import contextlib
import mmap
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
SPREAD = 1.5  # a round whose yardstick runs differ by more than this says nothing, and is run again
RERUNS = 2  # times a round is run again before it is kept as it is, and said so


class NotRun(Exception):
    """Why a row could not be measured here."""


@dataclass
class Run:
    seconds: float
    peak: int  # bytes of resident memory
    read: int  # bytes that came from disks
    output: str


def run(command, prepare=None, discard=False):
    """Runs to the end; `discard` its output. GNU time starts the command: a child of Python's own inherits its peak."""
    if not shutil.which("time"):
        raise NotRun("GNU time is missing (apt-get install time)")
    stdout = subprocess.DEVNULL if discard else subprocess.PIPE
    with tempfile.NamedTemporaryFile("r") as report:
        start = time.perf_counter()
        done = subprocess.run(["time", "-f", "%M %I", "-o", report.name, *map(str, command)], text=True,
                              stdout=stdout, stderr=subprocess.PIPE, preexec_fn=prepare)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise NotRun(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        peak, blocks = map(int, report.read().split()[-2:])
        return Run(seconds, peak * 1024, blocks * 512, done.stdout or "")


def interleave(rounds, measure, log):
    """Measures all contenders of `measure` (name -> function returning a number; the first is the yardstick) in turn.

    Every round stands between two runs of the yardstick, the second of which is also the next round's first. Returns
    the numbers by name, and the sentences that must be said about them."""
    yardstick, *others = measure
    numbers, said = {name: [] for name in measure}, []
    before = measure[yardstick]()
    numbers[yardstick].append(before)
    for number in range(1, rounds + 1):
        for attempt in range(RERUNS + 1):
            measured = {name: measure[name]() for name in others}
            after = measure[yardstick]()
            spread = max(before, after) / min(before, after)
            log(f"  round {number}: {yardstick} {before:.3g}, {after:.3g}; "
                + ", ".join(f"{name} {value:.3g}" for name, value in measured.items()))
            if spread <= SPREAD:
                break
            what = "run again" if attempt < RERUNS else "kept"
            dropped = ", ".join(f"{name} {value:.2f}" for name, value in measured.items())
            said.append(f"round {number}: {yardstick} took {before:.2f} s before and {after:.2f} s after, {what} "
                        f"({dropped} s)")
            if attempt < RERUNS:
                before = after
        for name, value in measured.items():
            numbers[name].append(value)
        numbers[yardstick].append(after)
        before = after
    return numbers, said


def drop_page_cache():
    if not os.access(DROP_CACHES, os.W_OK):
        raise NotRun("dropping the page cache needs root")
    os.sync()
    DROP_CACHES.write_text("3\n")


def memory(field):
    """A field of /proc/meminfo, in bytes."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def warm_memory(share=0.8):
    """Touches most of the free memory once, in a child: a virtual machine's first touch of a page costs a fault in the
    host, several times what the page costs later."""
    size = int(memory("MemAvailable") * share) & -4096
    child = os.fork()
    if child == 0:
        pages = mmap.mmap(-1, size)
        block = bytes(1 << 24)
        for offset in range(0, size - len(block), len(block)):
            pages[offset:offset + len(block)] = block
        os._exit(0)
    os.waitpid(child, 0)
    return size


@contextlib.contextmanager
def memory_cgroup(limit):
    """A cgroup of `limit` bytes, page cache included: yields (enter, peak), to be called in the child and after it."""
    for root, limit_file, peak_file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
                                        ("/sys/fs/cgroup", "memory.max", "memory.peak")):
        folder = Path(root, f"ckmerge-bench-{os.getpid()}")
        if not Path(root, "cgroup.procs").exists():  # a tmpfs that holds v1 hierarchies would take any file
            continue
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit_file).write_text(str(limit))
        except OSError:
            folder.rmdir()
            continue
        try:
            procs = str(folder / "cgroup.procs")
            peak = folder / peak_file
            yield (lambda: Path(procs).write_text(str(os.getpid())),
                   lambda: int(peak.read_text()) if peak.exists() else 0)
        finally:
            folder.rmdir()
        return
    raise NotRun("no memory cgroup is writable, neither v1 nor v2")


def file_system(path):
    """Type of the file system that holds `path`."""
    path, best = Path(path).resolve(), ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def cpu():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    isas = ("avx512bw", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON")
    isa = next((name for flag, name in isas if flag in flags), "baseline")
    model = fields.get("model name", platform.machine())
    family = f", family {fields['cpu family']} model {fields['model']}" if "cpu family" in fields else ""
    virtual = ", virtual machine" if "hypervisor" in flags else ""
    return f"{model} ({isa}{family}{virtual}), {len(os.sched_getaffinity(0))} cores"


def machine(data):
    return {"cpu": cpu(), "memory": f"{memory('MemTotal') / 2**30:.1f} GiB", "kernel": f"Linux {platform.release()}",
            "filesystem": file_system(data)}
