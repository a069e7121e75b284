#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: refusals.py CKMERGE [san] | refusals.py --write FOLDER
PyTorch files that are damaged, at odds with themselves, or name what no checkpoint may. Each is refused with exit status 3, or
opened and inert; in less than 100 ms and 64 MiB; and nothing is opened, started or connected, which strace shows.
`san`: the program is slowed down by sanitizers, so that times and sizes say nothing."""
import collections
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from corpus import corpus
from torch_files import safetensors


def limits():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def timed(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limits)
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10


def check(ckmerge, path, name, words, slow):
    rc, out, err, seconds, memory = timed([ckmerge, "plan", path, "-m", "copy"])
    if words is None:
        assert rc == 0, f"{name}: exit {rc}: {err}"
    else:
        assert rc in (3, 4), f"{name}: exit {rc}: {out}{err}"
        assert words in err, f"{name}: told as {err!r}, expected {words!r}"
    if name.startswith("named: "):
        assert rc == 3 and "unsafe: it would run" in err, f"{name}: {err!r}"
    for _ in range(3):  # the machine may be busy: the best of four
        if seconds > 0.1 and not slow:
            seconds = min(seconds, timed([ckmerge, "plan", path, "-m", "copy"])[3])
    assert slow or seconds < 0.1, f"{name}: {seconds:.3f} s"
    assert slow or memory < 64 << 20, f"{name}: {memory >> 20} MiB"
    rc, out, err, _, _ = timed([ckmerge, "inspect", path])
    assert rc in (0, 3, 4), f"{name}: inspect: exit {rc}: {err}"
    assert "\x1b" not in out + err, name
    if name.startswith("named: "):
        assert (rc == 0 and f"unsafe  {words}" in out) or (rc == 3 and words in err), f"{name}: inspect: {out}{err}"
    return seconds, memory


def traced(ckmerge, paths, folder):
    """Every call that opens, starts or connects, while all files are opened; `paths` and the baseline's alone are allowed."""
    def calls(command, log):
        subprocess.run(["strace", "-f", "-o", log, "-e", "trace=%file,%process,%network", *command], capture_output=True)
        found = pathlib.Path(log).read_text()
        return [line.split(None, 1)[1] for line in found.splitlines() if re.search(r"^\d+ +\w+\(", line)]

    safe = os.path.join(folder, "safe.safetensors")
    pathlib.Path(safe).write_bytes(safetensors({"w": ("F32", [4], bytes(16))}))
    opened = lambda lines: {m.group(2) for line in lines if (m := re.match(r'(\w+)\((?:AT_FDCWD, )?"([^"]*)"', line))}
    names = lambda lines: {re.match(r"\w+", line).group() for line in lines}
    for command in (["inspect"], ["plan", "-m", "linear"]):
        baseline = calls([ckmerge, *command, safe], os.path.join(folder, "log"))
        assert safe in opened(baseline), "strace shows nothing"
        seen = calls([ckmerge, *command, *paths], os.path.join(folder, "log"))
        assert set(paths) <= opened(seen), "not every file was opened"
        strange = opened(seen) - opened(baseline) - set(paths)
        assert not strange, f"opened besides: {strange}"
        assert names(seen) <= names(baseline), f"called besides: {names(seen) - names(baseline)}"


def main():
    if sys.argv[1] == "--write":
        for index, (name, data, _) in enumerate(corpus()):
            pathlib.Path(sys.argv[2], f"{index:03d} {re.sub(r'[^A-Za-z0-9.,_()-]+', ' ', name)}").write_bytes(data)
        return
    ckmerge, slow = os.path.abspath(sys.argv[1]), "san" in sys.argv[2:]
    faults = []
    with tempfile.TemporaryDirectory(prefix="ckmerge-refusals-") as folder:
        paths, worst = [], collections.Counter()
        for index, (name, data, words) in enumerate(corpus()):
            path = os.path.join(folder, f"{index}.ckpt")
            pathlib.Path(path).write_bytes(data)
            paths.append(path)
            try:
                seconds, memory = check(ckmerge, path, name, words, slow)
            except AssertionError as fault:
                faults.append(str(fault))
                continue
            worst["ms"] = max(worst["ms"], int(seconds * 1000))
            worst["MiB"] = max(worst["MiB"], memory >> 20)
        if faults:
            sys.exit("\n".join(faults))
        if slow:
            print("NOT RUN: the limits on time and memory (sanitizers)")
        elif not shutil.which("strace") or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
            print("NOT RUN: that nothing is opened, started or connected (no strace, or it may not trace)")
        else:
            traced(ckmerge, paths, folder)
        print(f"{len(paths)} files, each in at most {worst['ms']} ms and {worst['MiB']} MiB")


main()
