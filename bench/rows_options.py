# SPDX-License-Identifier: Apache-2.0
"""Rows about what an option costs: the same merge or plan with it and without it, interleaved."""
import hashlib
import json
import shutil
import time

from bars import MIB
from measure import NotRun, drop_page_cache, interleave, run
from rows import ALPHA, PAIR_SIZE, PLAN_COUNT, result, size_text, unless_equal

# For the generator's names, t...t and a number: as many as a set of block weights has, most of them of one shape, as there.
PATTERNS = [word for option, texts in (
    ("--only", [rf"^t+\d*{block:02}\d\d$" for block in range(45)] + [r"^t+(12|34)+5", r"[13579]{5}$"]),
    ("--discard", ["0{5}$", r"[79]99\d\d$", *(rf"^t+\d*{digit}{digit}{digit}\d$" for digit in range(8))]),
    ("--exclude", ["5.5.5", r"(?i)T\d+8642", r"\D1\d+1$"])) for text in texts for word in (option, text)]


def cold_merge(bench, *options):
    a, b = bench.pair(bench.options.size)
    out = bench.data / "out.safetensors"
    out.unlink(missing_ok=True)
    drop_page_cache()
    return run([bench.options.build / "ckmerge", "merge", a, b, "--alpha", ALPHA, "-o", out, "-q", *options]).seconds


def slerp(bench):
    values, said = interleave(bench.options.rounds, {
        "weighted_sum": lambda: cold_merge(bench), "ckmerge": lambda: cold_merge(bench, "-m", "slerp")}, bench.log)
    commands = [f"ckmerge merge A B -m slerp --alpha {ALPHA} -o O -q", f"ckmerge merge A B --alpha {ALPHA} -o O -q"]
    return {"slerp": result(values, "weighted_sum", commands, said, unless_equal(bench.options.size, PAIR_SIZE))}


def sha256_seconds(size):
    """What OpenSSL on one core needs for so many bytes, from 256 MiB of them."""
    block = bytes(1 << 28)
    start = time.perf_counter()
    hashlib.sha256(block).digest()
    return (time.perf_counter() - start) / len(block) * size


def hashes(bench):
    a, _ = bench.pair(bench.options.size)
    total = 3 * a.stat().st_size
    digest = []

    def without():
        digest.append(sha256_seconds(total))
        return cold_merge(bench)

    values, said = interleave(bench.options.rounds, {
        "without --hash": without,
        "ckmerge": lambda: cold_merge(bench, "--hash", "--hash-cache", "none")}, bench.log)
    values["SHA-256 of all bytes, one core"] = digest
    values["allowed"] = [max(1.3 * seconds, sha) for seconds, sha in zip(values["without --hash"], digest)]
    commands = [f"ckmerge merge A B --alpha {ALPHA} -o O -q --hash --hash-cache none",
                f"ckmerge merge A B --alpha {ALPHA} -o O -q"]
    return {"hash": result(values, "allowed", commands, said, unless_equal(bench.options.size, PAIR_SIZE))}


def patterns(bench):
    count = bench.options.plan_count
    arguments = ("--arch", "many", "--count", str(count), "--name-size", "20")
    a, b = bench.checkpoint(bench.data, *arguments), bench.checkpoint(bench.data, *arguments, "--tune", "2")
    plan = [bench.options.build / "ckmerge", "plan", a, b, "--json"]
    run(plan, discard=True)  # the files' first touch
    values, said = interleave(bench.options.rounds, {
        "plan without": lambda: run(plan, discard=True).seconds,
        "plan with": lambda: run([*plan, *PATTERNS], discard=True).seconds}, bench.log)
    values["ckmerge"] = [x - y for x, y in zip(values["plan with"], values["plan without"])]
    told = f"{len(PATTERNS) // 2} patterns of --only, --discard and --exclude"
    commands = [f"ckmerge plan A B --json, with {told}, >/dev/null, less the same without (PATTERNS of rows_options.py)"]
    return {"patterns": result(values, None, commands, said, None if count == PLAN_COUNT else f"{count} tensors")}


def read_seconds(bench, path):
    """Seconds that the disk needs to read a file, four blocks at a time."""
    if not shutil.which("fio"):
        raise NotRun("fio is missing (apt-get install fio)")
    drop_page_cache()
    size = path.stat().st_size & -(16 * MIB)
    report = run(["fio", "--direct=1", "--bs=4M", "--ioengine=psync", "--thread", "--output-format=json", "--name=read", "--rw=read",
                  "--numjobs=4", f"--size={size // 4}", f"--offset_increment={size // 4}", f"--filename={path}"]).output
    return max(job["job_runtime"] for job in json.loads(report[report.index("{"):])["jobs"]) / 1000


def hash_file(bench):
    size = 2 * bench.options.size
    path = bench.checkpoint(bench.data, "--arch", "blocks", "--size", size_text(size))
    sha, disk = [], []

    def yardsticks():
        sha.append(sha256_seconds(path.stat().st_size))
        disk.append(read_seconds(bench, path))
        return max(sha[-1], disk[-1])

    def ours():
        drop_page_cache()
        return run([bench.options.build / "ckmerge", "hash", path, "-q", "--hash-cache", "none"]).seconds

    values, said = interleave(bench.options.rounds, {"the slower": yardsticks, "ckmerge": ours}, bench.log)
    values |= {"SHA-256 of all bytes, one core": sha, "fio": disk}
    commands = ["ckmerge hash A -q --hash-cache none", "fio --direct=1 --bs=4M --ioengine=psync --thread, four jobs: --rw=read a quarter of A"]
    return {"hash-file": result(values, "the slower", commands, said, unless_equal(size, 2 * PAIR_SIZE))}


def small_files(folder, count):
    for i in range(count):
        header = json.dumps({"__metadata__": {"format": "pt", "title": f"model {i}"},
                             "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        path = folder / str(i // 500) / f"model-{i}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(len(header).to_bytes(8, "little") + header + i.to_bytes(8, "little"))


def scan(bench):
    folder, count = bench.data / "scan", 10_000
    command = [bench.options.build / "ckmerge", "scan", folder, "-q", "--registry", folder / "registry.db", "--hash-cache", "none"]
    small_files(folder, count)
    try:
        time.sleep(1)  # younger files may still change
        run(command)
        values, said = interleave(bench.options.rounds, {"ckmerge": lambda: run(command).seconds}, bench.log)
    finally:
        shutil.rmtree(folder)
    return {"scan": result(values, None, ["ckmerge scan D -q --hash-cache none, the second time and on"], said)}


MEASURES = {"slerp": slerp, "hash": hashes, "patterns": patterns, "hash-file": hash_file, "scan": scan}
