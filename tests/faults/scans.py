#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: scans.py CKMERGE FAILING_CALLS
What passes is never recorded of a file: each open, read, map and look at the files of a scan fails in turn, once or from
then on, and descriptors run out. Such a scan ends well, counts and tells what it could not read, and loses nothing that
was known; the next one makes the registry what it would have been."""
import errno
import json
import os
import resource
import sqlite3
import struct
import sys

import scene
from scene import expect

KINDS = (("open", "EIO"), ("open", "EMFILE"), ("read", "EIO"), ("mmap", "EIO"), ("mmap", "ENOMEM"), ("stat", "EIO"))
FILES = 5
COLUMNS = "path, size, form, kind, tensors, dtypes, trouble, legacy_hash, gone"
DATABASE = "registry.db"


def rows(place):
    with sqlite3.connect(place / DATABASE) as database:
        return set(database.execute(f"SELECT {COLUMNS} FROM files"))


def scan(place, folder, *words, **keywords):
    """The models' folder is named by its path: relative paths count as the test's, and the registry's is not."""
    return place.run("scan", str(folder), "--registry", str(place / DATABASE), "--hash-cache", "none", *words, **keywords)


def with_fault(place, folder, fault):
    (place / "counts").write_bytes(bytes(24))
    environment = {**scene.CLEAN, "CKMERGE_FAULT": fault, "CKMERGE_FAULT_FOLDER": str(folder), "LC_ALL": "C",
                   "CKMERGE_FAULT_COUNTS": str(place / "counts"), "LD_PRELOAD": os.path.abspath(sys.argv[2])}
    result = scan(place, folder, "--json", env=environment)
    return result, struct.unpack("3Q", (place / "counts").read_bytes())[1]


def forget_registry(place):
    for name in place.names():
        if name.startswith(DATABASE):
            (place / name).unlink()


def check_report(result, known, where):
    report = json.loads(result.out)
    expect(report["unread"] <= len(report["troubles"]), where + f"{report['unread']} unread, {report['troubles']}")
    seen = report["unchanged"] + report["added"] + report["moved"] + report["unread"]
    expect(known or seen == report["found"] or not report["unread"], where + f"the counts do not add up: {report}")
    return report


def grow_older(folder):
    """The files are others than those that the registry knows, by their times."""
    for name in os.listdir(folder):
        before = os.stat(os.path.join(folder, name)).st_mtime
        os.utime(os.path.join(folder, name), (before + 1, before + 1))


def failing_calls(place, folder, whole):
    """Of a registry that is not there yet, and of one that knows the files in an older state."""
    told = 0
    for kind, error in KINDS:
        for mode, known in (("once", False), ("always", False), ("always", True)):
            for n in range(1, 100):
                forget_registry(place)
                if known:
                    expect(scan(place, folder).code == 0, "a scan without faults")
                    grow_older(folder)
                result, fired = with_fault(place, folder, f"{kind} {getattr(errno, error)} {n} {mode}")
                where = f"{kind} number {n} {mode} {error}, {'known' if known else 'new'}: {result}: "
                refused = result.code == 1 and str(folder) in result.out.decode()  # the folder itself, which nobody can search
                if expect(result.code == 0 or refused, where + f"exit 0 expected: {result.out}") and result.code == 0:
                    report = check_report(result, known, where)
                    told += report["unread"]
                    expect(rows(place) <= whole, where + f"recorded: {rows(place) - whole}")
                    expect(not known or rows(place) == whole, where + "what was known is lost")
                again = scan(place, folder)
                expect(again.code == 0 and not again.err and rows(place) == whole, where + f"the next scan: {again}")
                if not fired:
                    break
    expect(told > 20, f"{told} files were told to be unread: is the library loaded?")
    print(f"{told} files unread, and told")


def few_descriptors(place, folder, whole):
    for limit in range(6, 14):
        forget_registry(place)
        result = scan(place, folder, "--json", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        if result.code != 0:  # too few for the registry itself
            expect(result.code in (1, 127) and limit < 10, f"{limit} descriptors: {result}")
            continue
        check_report(result, False, f"{limit} descriptors: ")
        expect(rows(place) <= whole, f"{limit} descriptors: recorded: {rows(place) - whole}")
        expect(limit < 10 or rows(place) == whole, f"{limit} descriptors are not enough: {result.out}")
        expect(scan(place, folder).code == 0 and rows(place) == whole, f"the scan after {limit} descriptors")


def forgetting(place, folder, whole):
    """A file that cannot be looked at is not gone."""
    forget_registry(place)
    expect(scan(place, folder).code == 0 and rows(place) == whole, "a scan without faults")
    environment = {**scene.CLEAN, "CKMERGE_FAULT": f"stat {errno.EIO} 1 always", "CKMERGE_FAULT_FOLDER": str(folder),
                   "CKMERGE_FAULT_COUNTS": str(place / "counts"), "LD_PRELOAD": os.path.abspath(sys.argv[2])}
    scan(place, folder, "--forget", env=environment)
    expect(rows(place) == whole, "files that could not be looked at were forgotten")


def main(ckmerge):
    with scene.Folder(ckmerge) as place, scene.Folder(ckmerge) as models:
        for i in range(FILES - 1):
            scene.write_random(models / f"{i}.safetensors", i, tensors=1, elements=4)
        (models / "spoilt.safetensors").write_bytes(struct.pack("<Q", 100) + b"{" * 100)
        for name in models.names():
            os.utime(models / name, (10 ** 9, 10 ** 9))
        folder = os.path.realpath(models.path)
        first = scan(place, folder)
        whole = rows(place)
        expect(first.code == 0 and len(whole) == FILES, f"a scan without faults: {first}")
        expect(sum(row[6] is not None for row in whole) == 1, f"what the file itself is, is recorded: {whole}")
        for check in (failing_calls, few_descriptors, forgetting):
            check(place, folder, whole)
    scene.finish()


main(os.path.abspath(sys.argv[1]))
