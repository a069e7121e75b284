#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registry.py CKMERGE [few]
The registry under kill -9, four writers and damage. Python's sqlite3 is the judge: after every blow the database is sound
and has nothing but true entries, and the next scan completes it."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

ckmerge = os.path.abspath(sys.argv[1])
KILLS, DAMAGES, ROUNDS, FILES = (10, 20, 2, 200) if "few" in sys.argv[2:] else (40, 80, 6, 400)
SEED = 1
faults = []


def expect(good, sentence):
    if not good:
        faults.append(sentence)


def make(path, number):
    header = json.dumps({"__metadata__": {"number": str(number), "padding": "x" * 200},
                         "w": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<q", number))


def start(folder, *words):
    words = [*words, "--hash-cache", "none"] if words[0] in ("scan", "merge") else words
    env = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.Popen([ckmerge, *map(str, words)], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(folder, *words):
    process = start(folder, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def rows(path):
    """path -> (sha256, metadata) of a database that must be sound."""
    with sqlite3.connect(path) as database:
        sound = database.execute("PRAGMA integrity_check").fetchall()
        expect(sound == [("ok",)], f"integrity: {sound[:3]}")
        found = {path: (sha256, metadata) for path, sha256, metadata in database.execute("SELECT path, sha256, metadata FROM files")}
        orphans = database.execute("SELECT count(*) FROM aliases WHERE file NOT IN (SELECT id FROM files)").fetchone()[0]
        expect(orphans == 0, f"{orphans} aliases of no file")
        poor = database.execute("SELECT count(*) FROM files WHERE id NOT IN (SELECT file FROM aliases)").fetchone()[0]
        expect(poor == 0, f"{poor} files without a name")
        return found


def check_true(found, where):
    for path, (sha256, metadata) in found.items():
        data = pathlib.Path(path).read_bytes()
        number = struct.unpack("<q", data[-8:])[0]
        expect(json.loads(metadata)["number"] == str(number), f"{where}: {path} has the metadata {metadata}")
        expect(sha256 in (None, hashlib.sha256(data).hexdigest()), f"{where}: {path} has the sum {sha256}")


def kills(folder):
    """kill -9 at moments of a scan from its first instruction to behind its end, each time of a registry that is there or
    not; the next scan goes on."""
    for i in range(FILES):
        make(folder / f"m/{i % 7}/{i}.safetensors", i)
    database = folder / "r.db"
    time.sleep(0.1)
    begin = time.monotonic()
    code, out, err = run(folder, "scan", "m", "--hash", "--registry", database)
    duration = time.monotonic() - begin
    expect(code == 0, f"scan: {code} {err}")
    whole = rows(database)
    expect(len(whole) == FILES and all(sha for sha, _ in whole.values()), f"{len(whole)} of {FILES} files")
    counts, rng = [], random.Random(SEED)
    for k in range(KILLS):
        if k % 2 == 0:
            for part in folder.glob("r.db*"):
                part.unlink()
        process = start(folder, "scan", "m", "--hash", "--registry", database)
        time.sleep(duration * 1.1 * rng.random())
        process.kill()
        process.communicate()
        if database.exists() and database.stat().st_size:
            try:
                found = rows(database)
            except sqlite3.OperationalError as error:  # killed before the tables were made
                expect("no such table" in str(error), f"after a kill: {error}")
                found = {}
            check_true(found, "after a kill")
            counts.append(sum(sha is not None for sha, _ in found.values()))
        if k % 5 == 4:
            code, _, err = run(folder, "scan", "m", "--hash", "--registry", database)
            expect(code == 0 and not err, f"the scan after a kill: {code} {err}")
            expect(rows(database) == whole, "the scan after a kill does not complete the registry")
    print(f"{KILLS} kills; sums that were there after them: {sorted(set(counts))[:5]} ... {max(counts, default=0)}")


def writers(folder):
    """Four at once: two scans of the same folders, one of others, and merges that register themselves, all of which make
    the registry at once or find it half made."""
    for i in range(FILES // 2):
        make(folder / f"a/{i}.safetensors", i)
        make(folder / f"b/{i}.safetensors", 1000 + i)
    time.sleep(0.1)
    for k in range(ROUNDS):
        database = folder / f"r{k}.db"
        if k % 2:
            run(folder, "scan", "b", "--registry", database)
        else:
            for out in folder.glob("b/out*"):
                out.unlink()
        scans = [start(folder, "scan", "--hash", *places, "--registry", database) for places in (["a"], ["a", "b"], ["b"], ["a"])]
        merges = []
        if k % 2:
            merges = [start(folder, "merge", f"a/{j}.safetensors", "-m", "copy", "-o", f"b/out{k}-{j}.safetensors", "--hash",
                            "--registry", database) for j in range(4)]
        for process in scans + merges:
            out, err = process.communicate(timeout=120)
            expect(process.returncode == 0 and not err, f"writer: {process.returncode} {err.decode()}")
        found = rows(database)
        check_true({path: row for path, row in found.items() if "/out" not in path}, "four writers")
        want = {str(path) for path in [*folder.glob("a/*"), *folder.glob("b/*")] if "/out" not in str(path)}
        expect(want <= set(found) and all(found[path][0] for path in want), f"four writers: {len(set(found) & want)} of {len(want)}")
        for j in range(4) if k % 2 else ():
            path = folder / f"b/out{k}-{j}.safetensors"
            expect(found.get(str(path), [None])[0] == hashlib.sha256(path.read_bytes()).hexdigest(), f"{path} is not registered")


def damages(folder):
    """Bytes overwritten, cut off and swapped: every command ends as it should, what is damaged is kept, what is left is true."""
    for i in range(FILES // 4):
        make(folder / f"m/{i}.safetensors", i)
    time.sleep(0.1)
    good = folder / "good.db"
    run(folder, "scan", "m", "--hash", "--registry", good)
    whole, data, rng = rows(good), good.read_bytes(), random.Random(SEED)
    saved = []
    for k in range(DAMAGES):
        for part in folder.glob("r.db*"):
            part.unlink()
        spoilt = bytearray(data)
        kind = k % 4
        if kind == 0:  # some pages
            for _ in range(rng.randrange(1, 6)):
                at = rng.randrange(0, len(data), 512)
                spoilt[at:at + 512] = rng.randbytes(512)
        elif kind == 1:
            del spoilt[rng.randrange(1, len(data)):]
        elif kind == 2:  # pages in each other's place
            a, b = (4096 * rng.randrange(1, len(data) // 4096) for _ in range(2))
            spoilt[a:a + 4096], spoilt[b:b + 4096] = data[b:b + 4096], data[a:a + 4096]
        else:
            spoilt[0:rng.randrange(1, 200)] = rng.randbytes(rng.randrange(1, 200))
        database = folder / "r.db"
        database.write_bytes(spoilt)
        code, _, err = run(folder, "list", "--registry", database)
        refused = code == 2 and ("another program" in err or "newer ckmerge" in err)  # its very name was overwritten
        expect(code == 0 or refused or (code in (1, 3) and err.startswith("error: ")), f"list, damage {k}: {code} {err}")
        code, _, err = run(folder, "scan", "m", "--hash", "--registry", database)
        if refused:
            expect(code == 2 and database.read_bytes() == spoilt, f"damage {k}: a file that is no registry was touched")
            continue
        expect(code == 0, f"scan, damage {k}: {code} {err}")
        found = rows(database)
        expect(set(whole) <= set(found), f"damage {k}: {len(set(found) & set(whole))} of {len(whole)} files")
        if "damaged" in err:
            expect((folder / "r.db.damaged-1").read_bytes()[100:1000] == spoilt[100:1000] or kind, f"damage {k}: not kept")
            saved.append(int(err.split("what could be saved, ")[1].split(" ")[0]))
    # Cut off, it gives back what lies before the cut, and the folders that were scanned.
    for part in folder.glob("r.db*"):
        part.unlink()
    (folder / "r.db").write_bytes(data[:len(data) * 9 // 10])
    code, _, err = run(folder, "scan", "--registry", folder / "r.db")
    kept = re.search(r"what could be saved, (\d+) checkpoints", err)
    expect(code == 0 and kept and int(kept[1]) >= len(whole) // 4, f"a tenth cut off: {code} {err}")
    print(f"{DAMAGES} damages, {len(saved)} of them seen by scan; entries saved: {sorted(saved)[:3]} ... {sorted(saved)[-3:]} of {len(whole)}")
    # Four find the damage at once: one sets it aside.
    for _ in range(12):
        for part in folder.glob("r.db*"):
            part.unlink()
        (folder / "r.db").write_bytes(data[:4096] + rng.randbytes(4096) + data[8192:])  # what can be read is copied: it takes a while
        for process in [start(folder, "scan", "m", "--registry", "r.db") for _ in range(4)]:
            out, err = process.communicate(timeout=120)
            expect(process.returncode == 0, f"four find damage: {process.returncode} {err.decode()}")
        aside = [path.name for path in folder.glob("r.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
        expect(aside == ["r.db.damaged-1"] and set(rows(folder / "r.db")) == set(whole), f"four find damage: {aside}")


def held(folder):
    """A process that was stopped in the middle of a transaction: a scan gives up after ten seconds, a merge is done."""
    make(folder / "m/a.safetensors", 1)
    run(folder, "scan", "m", "--registry", "r.db")
    make(folder / "m/b.safetensors", 2)
    holder = sqlite3.connect(folder / "r.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    scan = start(folder, "scan", "m", "--registry", "r.db")
    merge = start(folder, "merge", "m/a.safetensors", "-m", "copy", "-o", "out.safetensors", "--registry", "r.db")
    code, out, err = run(folder, "list", "--registry", "r.db")
    expect(code == 0 and "a.safetensors" in out and time.monotonic() - begin < 8, f"readers wait: {code} {err}")
    said = scan.communicate(timeout=60)[1].decode()
    expect(scan.returncode == 1 and "more than ten seconds" in said, f"scan of a held registry: {scan.returncode} {said}")
    said = merge.communicate(timeout=60)[1].decode()
    expect(merge.returncode == 0 and said.startswith("warning: ") and (folder / "out.safetensors").exists(), f"merge: {said}")
    expect(time.monotonic() - begin < 40, "the registry is waited for too long")
    holder.execute("ROLLBACK")
    code, _, err = run(folder, "scan", "m", "--registry", "r.db")
    expect(code == 0 and len(rows(folder / "r.db")) == 2, f"scan afterwards: {code} {err}")


for check in (kills, writers, damages, held):
    path = pathlib.Path(tempfile.mkdtemp(prefix="ckmerge-faults-")).resolve()
    try:
        check(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
for fault in faults[:50]:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
