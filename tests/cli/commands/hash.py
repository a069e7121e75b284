#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hash.py CKMERGE
`ckmerge hash` against hashlib, zlib and sha256sum's own lists, over sizes around every border that the sums know: nothing,
AutoV1's mebibyte and its 64 KiB, blocks, files with and without a safetensors header."""
import hashlib
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

ckmerge = os.path.abspath(sys.argv[1])
faults = []
MIB = 1 << 20


def expect(good, sentence):
    if not good:
        faults.append(sentence)


def run(*words, cwd, **keywords):
    return subprocess.run([ckmerge, "hash", *words, "--hash-cache", "none"], cwd=cwd, capture_output=True, **keywords)


def expected(data, tensors):
    sha256 = hashlib.sha256(data).hexdigest()
    autov3 = hashlib.sha256(data[tensors:]).hexdigest() if tensors else None
    return {"size": len(data), "sha256": sha256, "autov1": hashlib.sha256(data[MIB:MIB + 65536]).hexdigest()[:8],
            "autov2": sha256[:10], "autov3": autov3 and autov3[:12], "tensor_sha256": autov3, "crc32": f"{zlib.crc32(data):08x}"}


def safetensors(size, header_padding, seed):
    """Bytes of `size` in all, and where the tensors begin."""
    head = json.dumps({"w": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}).encode() + b" " * header_padding
    count = size - 8 - len(head)
    for _ in range(3):  # the count's digits are part of the header
        head = json.dumps({"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode() + b" " * header_padding
        count = size - 8 - len(head)
    return struct.pack("<Q", len(head)) + head + random.Random(seed).randbytes(count), 8 + len(head)


def check_sums(folder):
    files = {}
    for seed, size in enumerate((0, 1, 7, 8, 63, 64, 65, MIB - 1, MIB, MIB + 1, MIB + 65535, MIB + 65536, MIB + 65537, 2 * MIB,
                                 3 * MIB + 5, 7 * MIB + 12345)):
        # No text, or the small ones would be taken for another kind of file; the verdict is the same.
        data = b"\xff" + random.Random(seed).randbytes(size - 1) if size else b""
        files[f"raw-{size}.ckpt"] = data, None
    for seed, (size, padding) in enumerate(((200, 0), (MIB, 3), (MIB + 100, MIB - 20), (2 * MIB + 77, 2 * MIB - 300),
                                            (5 * MIB + 1, 1), (6 * MIB, 3 * MIB))):
        data, tensors = safetensors(size, padding, seed)
        assert len(data) == size
        files[f"st-{size}-{padding}.safetensors"] = data, tensors
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    for options in ((), ("--threads", "1"), ("--threads", "7")):
        done = run(*files, "--json", *options, cwd=folder)
        expect(done.returncode == 0 and not done.stderr, f"exit {done.returncode}: {done.stderr}")
        found = json.loads(done.stdout)["files"]
        expect([entry["path"] for entry in found] == list(files), f"order {options}: {[entry['path'] for entry in found]}")
        for entry in found:
            want = {"path": entry["path"]} | expected(*files[entry["path"]])
            expect(entry == want, f"{options}: {entry}, not {want}")
    text = run(*files, cwd=folder).stdout.decode()
    for data, tensors in files.values():
        want = expected(data, tensors)
        for key in ("sha256", "autov1", "autov2", "autov3", "crc32"):
            expect(want[key] is None or want[key] in text, f"the text lacks {key} {want[key]}")


def check_lists(folder):
    names = ["plain.ckpt", "with space", "new\nline", "back\\slash", "brackets (1) = 2", "*star", " space", "caf\u00e9"]
    for i, name in enumerate(names):
        (folder / name).write_bytes(random.Random(i).randbytes(1000 * i))
    sums = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names]

    def escape(name):
        return name.replace("\\", "\\\\").replace("\n", "\\n")

    lists = {"two": "".join(f"{chr(92) if escape(n) != n else ''}{s}  {escape(n)}\n" for s, n in zip(sums, names)),
             "star": "".join(f"{chr(92) if escape(n) != n else ''}{s.upper()} *{escape(n)}\r\n" for s, n in zip(sums, names)),
             "tag": "# a comment\n\n" + "".join(f"{chr(92) if escape(n) != n else ''}SHA256 ({escape(n)}) = {s}\n"
                                               for s, n in zip(sums, names)),
             "openssl": f"SHA256({names[0]})= {sums[0]}\n", "one": f"{sums[0]} {names[0]}"}
    if shutil.which("sha256sum"):
        for option in ("-b", "-t", "--tag"):
            lists["sha256sum" + option] = subprocess.run(["sha256sum", option, "--", *names], cwd=folder, check=True, text=True,
                                                         stdout=subprocess.PIPE).stdout
    else:
        print("NOT RUN: lists that sha256sum wrote (no sha256sum)")
    for name, text in lists.items():
        (folder / "list").write_text(text, encoding="utf-8")
        done = run("--check", "list", cwd=folder)
        expect(done.returncode == 0 and done.stdout.count(b": OK\n") == (1 if name in ("openssl", "one") else len(names)),
               f"{name}: exit {done.returncode}, {done.stdout} {done.stderr}")
        found = json.loads(run("--check", "list", "--json", cwd=folder).stdout)["files"]
        expect([entry["path"] for entry in found] == names[:len(found)] and all(entry["ok"] for entry in found), f"{name}: {found}")
    (folder / "list").write_text(f"{sums[0]}  {names[0]}\n{'0' * 64}  {names[1]}\n{sums[2]}  gone\n")
    done = run("-c", "list", cwd=folder)
    expect(done.returncode == 6 and b"plain.ckpt: OK\nwith space: DIFFERS\ngone: cannot be read" in done.stdout, f"differs: {done}")
    failed = run("-c", "list", "--json", cwd=folder)
    error = json.loads(failed.stdout)["error"]
    expect(failed.returncode == 6 and error["code"] == "difference" and len(error["details"]) == 2, f"{error}")
    (folder / "list").write_text(f"{sums[0]}  gone\n")
    expect(run("-c", "list", cwd=folder).returncode == 1, "a missing file of a list is not exit 1")
    for bad in ("", "# nothing\n", "d41d8cd98f00b204e9800998ecf8427e  md5\n", f"{sums[0]}\n", f"{sums[0][:-1]}x  a\n",
                f"\\{sums[0]}  a\\x\n", f"{sums[0]}  a\nrubbish\n"):
        (folder / "list").write_text(bad)
        done = run("-c", "list", cwd=folder)
        expect(done.returncode == 3 and not done.stdout, f"the list {bad!r}: {done}")


def check_failures(folder):
    (folder / "good").write_bytes(b"\xff" * 100)
    (folder / "folder").mkdir()
    done = run("gone", "good", "folder", cwd=folder)
    expect(done.returncode == 1 and hashlib.sha256(b"\xff" * 100).hexdigest().encode() in done.stdout, f"beside unreadable: {done}")
    expect(b"gone" in done.stderr and b"folder" in done.stderr, f"both are not told: {done.stderr}")
    expect(run(cwd=folder).returncode == 2 and run("a", "-c", "b", cwd=folder).returncode == 2, "usage")
    expect(run("--check", "", cwd=folder).returncode == 2, "a list without a name")
    evil = "\x1b[31m\u202eevil"
    (folder / evil).write_bytes(b"x")
    expect(b"\x1b" not in run(evil, cwd=folder).stdout, "an escape sequence reaches the terminal")
    with open(folder / "huge", "wb") as file:  # a hole; it is cut while it is read
        file.truncate(40 << 30)
    process = subprocess.Popen([ckmerge, "hash", "huge", "--hash-cache", "none"], cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    while not os.path.exists(f"/proc/{process.pid}/task") or len(os.listdir(f"/proc/{process.pid}/task")) < 3:
        if process.poll() is not None:
            break
    os.truncate(folder / "huge", 1000)
    out, err = process.communicate(timeout=60)
    expect(process.returncode == 3 and b"truncated" in err, f"truncated: {process.returncode} {out} {err}")
    with open(folder / "huge", "wb") as file:
        file.truncate(40 << 30)
    process = subprocess.Popen([ckmerge, "hash", "huge", "--hash-cache", "none"], cwd=folder, stderr=subprocess.PIPE)
    while len(os.listdir(f"/proc/{process.pid}/task")) < 3 and process.poll() is None:
        pass
    process.terminate()
    expect(process.wait(timeout=30) == 143, f"interrupted: {process.returncode}")


for check in (check_sums, check_lists, check_failures):
    with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
        check(pathlib.Path(name))
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
