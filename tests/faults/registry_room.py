#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registry_room.py CKMERGE FAILING_CALLS
A disk or a quota that refuses the registry: a new one is there whole or not at all, with nothing beside it, and a damaged
one stays what it was. The sentence says what happened."""
import errno
import os
import resource
import sqlite3
import struct
import sys

import scene
from scene import expect

KINDS = (("write", "ENOSPC"), ("write", "EDQUOT"), ("open", "ENOSPC"), ("open", "EDQUOT"), ("ftruncate", "EDQUOT"),
         ("fsync", "EDQUOT"), ("rename", "ENOSPC"))
TRIES = [*range(1, 10), *range(10, 60, 7)]
DATABASE = "data/ckmerge/registry.db"
BELONGING = {"registry.db", "registry.db-wal", "registry.db-shm", "registry.db-journal"}


def is_sound(path):
    """Its tables too; a registry that a full disk has kept from the first entry is one."""
    try:
        with sqlite3.connect(f"file:{path}?mode=rw", uri=True) as database:
            database.execute("SELECT count(*) FROM roots, files")
            return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.Error:
        return False


def scan(place, models, fault=None, **keywords):
    environment = {**scene.CLEAN, "LC_ALL": "C"}
    if fault:
        (place / "counts").write_bytes(bytes(24))
        environment |= {"CKMERGE_FAULT": fault, "CKMERGE_FAULT_FOLDER": os.path.realpath(place.path),
                        "CKMERGE_FAULT_COUNTS": str(place / "counts"), "LD_PRELOAD": os.path.abspath(sys.argv[2])}
    database = os.path.join(os.path.realpath(place.path), DATABASE)
    return place.run("scan", os.path.realpath(models.path), "--registry", database, "--hash-cache", "none", env=environment, **keywords)


def fired(place):
    return struct.unpack("3Q", (place / "counts").read_bytes())[1]


def clear(place):
    folder = place / "data/ckmerge"
    if folder.exists():
        for name in os.listdir(folder):
            (folder / name).unlink()
        folder.rmdir()
        (place / "data").rmdir()


def check_sentence(result, where):
    text = result.text().splitlines()[-1]  # that a damaged one was set aside may have been told before
    expect(result.code in (1, 5) and text.startswith("error: ") and "registry.db" in text, where)
    expect("free some space" in text or "cannot be" in text, where)


def new_one(place, models):
    refused = 0
    for kind, error in KINDS:
        for n in TRIES:
            clear(place)
            result = scan(place, models, f"{kind} {getattr(errno, error)} {n} always")
            where = f"a new registry, {kind} number {n} {error}: {result}: "
            if not fired(place):
                break
            if result.code != 0:
                refused += 1
                check_sentence(result, where)
            if (place / DATABASE).exists():
                names = set(os.listdir(place / "data/ckmerge"))
                expect(names <= BELONGING and is_sound(place / DATABASE), where + f"{names} are there")
            else:
                expect(result.code != 0 and not (place / "data").exists(), where + "something is left")
            again = scan(place, models)
            expect(again.code == 0 and not again.err and is_sound(place / DATABASE), where + f"the next scan: {again}")
    expect(refused > 10, f"{refused} scans were refused: is the library loaded?")
    print(f"{refused} scans refused")


def file_size_limit(place, models):
    for limit in (0, 1024, 4096, 8192, 20000):
        clear(place)
        result = scan(place, models, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        where = f"files of {limit} bytes: {result}: "
        expect(result.code == 5 and "File too large; free some space" in result.text(), where)
        expect(not (place / "data").exists(), where + "something is left")


def damaged_one(place, models):
    clear(place)
    expect(scan(place, models).code == 0, "a scan without faults")
    data = bytearray((place / DATABASE).read_bytes())
    data[4096:4196] = bytes(100)
    for kind, error in KINDS:
        for n in TRIES:
            clear(place)
            (place / DATABASE).parent.mkdir(parents=True)
            (place / DATABASE).write_bytes(data)
            result = scan(place, models, f"{kind} {getattr(errno, error)} {n} always")
            where = f"a damaged registry, {kind} number {n} {error}: {result}: "
            if not fired(place):
                break
            names = set(os.listdir(place / "data/ckmerge"))
            kept = [name for name in names if name.endswith(".damaged-1")]
            if kept:
                expect((place / "data/ckmerge" / kept[0]).read_bytes() == data and is_sound(place / DATABASE), where + "set aside")
            else:
                expect((place / DATABASE).read_bytes() == data, where + "the damaged registry has changed")
                expect(result.code != 0, where + "it is not told")
            expect({name for name in names if ".damaged-1" not in name} <= BELONGING, where + f"{names} are there")
            if result.code != 0:
                check_sentence(result, where)
            again = scan(place, models)
            expect(again.code == 0 and is_sound(place / DATABASE), where + f"the next scan: {again}")


def main(ckmerge):
    with scene.Folder(ckmerge) as place, scene.Folder(ckmerge) as models:
        for i in range(3):
            scene.write_random(models / f"{i}.safetensors", i, tensors=1, elements=4)
            os.utime(models / f"{i}.safetensors", (10 ** 9, 10 ** 9))
        for check in (new_one, file_size_limit, damaged_one):
            check(place, models)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
