#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: doctor.py CKMERGE
What `ckmerge doctor` says, against what Python finds on the same machine, and what it says of machines with a fault."""
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ckmerge = os.path.abspath(sys.argv[1])
faults = []


def expect(good, sentence):
    if not good:
        faults.append(sentence)


def run(*words, limits=(), user=None, **variables):
    def limit():
        for which, value in limits:
            resource.setrlimit(which, (value, value))

    kept = {key: value for key, value in os.environ.items() if not key.startswith("CKMERGE_")}
    kept |= {key: value for key, value in variables.items() if value is not None}
    for key in [key for key, value in variables.items() if value is None]:
        kept.pop(key, None)
    return subprocess.run([ckmerge, "doctor", *words], capture_output=True, text=True, env=kept, preexec_fn=limit,
                          user=user)


def facts(*words, **keywords):
    done = run(*words, "--json", **keywords)
    expect(done.returncode == 0 and not done.stderr, f"{words}: exit {done.returncode}, {done.stderr}")
    return json.loads(done.stdout)


def says(document, *parts):
    return any(all(part in problem for part in parts) for problem in document["problems"])


def mount_type(path):
    best = ("", "")
    for line in open("/proc/self/mountinfo", encoding="utf-8"):
        left, right = line.split(" - ")
        point = left.split()[4]
        if (str(path) + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
            best = (point, right.split()[0])
    return best[1]


with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as folder:
    folder = pathlib.Path(folder).resolve()
    home = folder / "home"
    home.mkdir()
    place = folder / "place"
    place.mkdir()
    HOME = {"HOME": str(home), "XDG_CACHE_HOME": None, "XDG_DATA_HOME": None}
    found = facts(str(place), **HOME)
    expect(list(found) == ["version", "compiler", "processor", "kernels", "isa", "forced_isa", "devices", "no_device",
                           "memory", "limits", "libraries", "hash_cache", "registry", "folder", "problems"], f"keys: {list(found)}")
    version = subprocess.run([ckmerge, "--version"], stdout=subprocess.PIPE, text=True).stdout.split()[1]
    expect(found["version"] == version, f"version {found['version']}")
    expect(found["processor"]["affinity"] == len(os.sched_getaffinity(0)), f"processor: {found['processor']}")
    expect(1 <= found["processor"]["used"] <= found["processor"]["affinity"], f"processor: {found['processor']}")
    expect(found["isa"] == found["kernels"][0] and found["kernels"][-1] == "baseline", f"kernels: {found['kernels']}")
    expect(found["forced_isa"] is None, "forced_isa")
    expect((found["devices"] == []) == (found["no_device"] is not None), f"devices: {found['devices']} {found['no_device']}")
    expect(found["memory"]["default_budget"] == 128 << 20, f"memory: {found['memory']}")
    limits = found["limits"]
    expect(limits["page_size"] == os.sysconf("SC_PAGE_SIZE"), f"limits: {limits}")
    expect(limits["open_files"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0], f"limits: {limits}")
    expect(limits["maps"] == int(open("/proc/sys/vm/max_map_count").read()), f"limits: {limits}")
    expect(sorted(found["libraries"]) == ["CLI11", "OpenSSL", "SQLite", "simdjson", "zlib"], f"libraries: {found['libraries']}")
    for name, text in found["libraries"].items():
        expect(text[0].isdigit() and "." in text, f"{name}: {text}")
    status = os.statvfs(place)
    expect(found["folder"]["size"] == status.f_blocks * status.f_frsize, f"folder: {found['folder']}")
    expect(found["folder"]["filesystem"] == mount_type(place), f"folder: {found['folder']}, not {mount_type(place)}")
    expect(found["folder"]["writable"] and found["folder"]["writes"].split(",")[0] in ("direct writes", "buffered writes"),
           f"folder: {found['folder']}")
    expect(list(place.iterdir()) == [], f"left behind: {list(place.iterdir())}")
    expect(found["hash_cache"] == {"path": f"{home}/.cache/ckmerge/hashes", "writable": True}, f"{found['hash_cache']}")
    expect(not (home / ".cache").exists(), "the cache's folder was made")

    if os.path.isdir("/dev/shm") and mount_type("/dev/shm") == "tmpfs":
        memory = facts("/dev/shm")["folder"]
        expect(memory["in_memory"] and memory["filesystem"] == "tmpfs", f"/dev/shm: {memory}")
    else:
        print("NOT RUN: a folder in memory (/dev/shm is no tmpfs)")

    gone = facts(str(folder / "gone"))
    expect(says(gone, "gone cannot be used", "another folder") and gone["folder"]["writes"] is None, f"gone: {gone['problems']}")
    (folder / "file").touch()
    expect(says(facts(str(folder / "file")), "is not a folder"), "a file is taken for a folder")
    NOBODY = 65534
    folder.chmod(0o755)
    place.chmod(0o555)
    user = NOBODY if os.geteuid() == 0 else None
    try:
        closed = facts(str(place), user=user)
        expect(says(closed, "place cannot be written: Permission denied", "another folder"), f"closed: {closed['problems']}")
        expect(not closed["folder"]["writable"], "a folder that cannot be written is called writable")
    except PermissionError:
        print("NOT RUN: doctor in a folder that may not be written (only root can run this program)")
    place.chmod(0o755)
    small = facts(str(place), limits=[(resource.RLIMIT_FSIZE, 10_000_000), (resource.RLIMIT_NOFILE, 32)])
    expect(small["limits"]["file_size"] == 10_000_000 and says(small, "10.0 MB at most", "ulimit -f"), f"{small['problems']}")
    expect(says(small, "only 32 files", "ulimit -n"), f"{small['problems']}")
    tight = facts(str(place), limits=[(resource.RLIMIT_AS, 1 << 30)]) if "san" not in sys.argv[2:] else None
    if tight:
        expect(tight["limits"]["address_space"] == 1 << 30 and says(tight, "1.00 GiB of address space"), f"{tight['problems']}")
    else:
        print("NOT RUN: doctor with little address space (sanitizers need all of it)")
    forced = facts(str(place), CKMERGE_ISA="baseline")
    expect(forced["isa"] == "baseline" and forced["forced_isa"] == "baseline", f"forced: {forced['isa']}")
    bogus = facts(str(place), CKMERGE_ISA="mmx")
    expect(bogus["isa"] is None and says(bogus, "'mmx'", "baseline"), f"CKMERGE_ISA=mmx: {bogus['problems']}")
    homeless = facts(str(place), HOME=None, XDG_CACHE_HOME=None)
    expect(homeless["hash_cache"] == {"path": None, "writable": False}, f"{homeless['hash_cache']}")
    blocked = facts(str(place), XDG_CACHE_HOME=str(folder / "file"))
    expect(says(blocked, "cache of hashes", "--hash-cache"), f"{blocked['problems']}")
    data = folder / "data"
    expect(found["registry"] == {"path": f"{home}/.local/share/ckmerge/registry.db", "there": False, "checkpoints": 0},
           f"{found['registry']}")
    (place / "x.safetensors").write_bytes(b"\2" + bytes(7) + b"{}")
    subprocess.run([ckmerge, "scan", "-q", str(place), "--registry", str(data / "ckmerge/registry.db")], check=True)
    (place / "x.safetensors").unlink()
    expect(facts(str(place), XDG_DATA_HOME=str(data))["registry"] == {"path": f"{data}/ckmerge/registry.db", "there": True,
                                                                      "checkpoints": 1}, "the registry is not seen")
    (data / "ckmerge/registry.db").write_bytes(b"damaged" * 100)
    expect(says(facts(str(place), XDG_DATA_HOME=str(data)), "registry.db: is damaged", "ckmerge scan"), "damage is not told")
    relative = facts(str(place), HOME=str(home), XDG_CACHE_HOME="cache")
    expect(relative["hash_cache"]["path"] == f"{home}/.cache/ckmerge/hashes", "a relative XDG_CACHE_HOME is used")

    text = run(str(place), **HOME).stdout
    for part in ("GPU", found["isa"] + " (used)", "simdjson", found["folder"]["writes"]):
        expect(part in text, f"the text lacks {part!r}:\n{text}")
    here = subprocess.run([ckmerge, "doctor", "--json"], cwd=place, capture_output=True, text=True)
    expect(json.loads(here.stdout)["folder"]["path"] == ".", "the folder is not this one unless named")
    expect(run("a", "b").returncode == 2, "two folders are taken")

for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
