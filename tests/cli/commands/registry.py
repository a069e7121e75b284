#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registry.py CKMERGE
`ckmerge scan`, `list`, `show` and @NAME: what is found below folders, under which names, and what becomes of it when it
moves, changes or goes. A1111's names are made here once more, as its CheckpointInfo makes them; the database is read with
Python's sqlite3; sums are hashlib's."""
import hashlib
import os
import shutil
import sqlite3
import zlib

from registry_place import checkpoint, expect, finish, settle


def splitext(name):
    return os.path.splitext(name)[0]


def checkpoint_info(name, legacy, sha256):
    """As A1111's CheckpointInfo: ids, title and the rest, of a name below the folder of models."""
    base = splitext(os.path.basename(name))
    short = sha256[:10] if sha256 else None
    title = f"{name} [{short}]" if short else name
    model_name = splitext(name.replace("/", "_").replace("\\", "_"))
    ids = [legacy, model_name, title, name, base, f"{name} [{legacy}]"]
    if short:
        ids += [short, sha256, f"{name} [{short}]", f"{base} [{short}]"]
    return {"name": name, "name_for_extra": base, "model_name": model_name, "title": title, "legacy_hash": legacy,
            "short_title": f"{base} [{short}]" if short else base, "sha256": sha256, "short_hash": short, "aliases": set(ids)}


def check_names(place):
    """Names, sums and the tables, for a folder of files of all forms."""
    place.make("models/a.safetensors", *checkpoint(seed=1))
    place.make("models/sub/b c.safetensors", *checkpoint(2048))
    place.make("models/deep/er/.x.y.safetensors")  # hidden
    place.make("models/deep/er/x.y.SAFETENSORS", meta={"format": "pt", "k": "v"})
    (place / "models/zip.ckpt").write_bytes(b"PK\3\4" + bytes(2 << 20))
    (place / "models/old.pt").write_bytes(b"\x80\2\x8a\x0alF" + bytes(100))
    (place / "models/llm.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(100))
    (place / "models/firmware.bin").write_bytes(b"\xff\xfe" * 100)
    (place / "models/readme.txt").write_text("no checkpoint")
    (place / "models/.git").mkdir()
    place.make("models/.git/hidden.safetensors")
    os.mkfifo(place / "models/pipe.safetensors")
    (place / "models/gone.safetensors").symlink_to("nowhere")
    (place / "models/loop").symlink_to("..")
    settle()
    expect(place.run("list", status=2).stderr.count(b"ckmerge scan DIR") == 1, "what to do without a registry is not said")
    expect(not place.database.exists(), "list makes a registry")
    report = place.json("scan", "models")
    names = ["a.safetensors", "deep/er/x.y.SAFETENSORS", "llm.gguf", "old.pt", "sub/b c.safetensors", "zip.ckpt"]
    expect(report["found"] == len(names) + 1 and report["added"] == len(names) and report["troubles"] == [], f"found: {report}")
    expect(place.names() == names, f"names: {place.names()}")
    forms = {file["name"]: file["form"] for file in place.json("list")["files"]}
    expect(forms == dict(zip(names, ("safetensors", "safetensors", "gguf", "pickle", "safetensors", "zip"))), f"forms: {forms}")
    for hashed in (False, True):
        if hashed:
            report = place.json("scan", "--hash", "models")
            expect(report["hashed"] == len(names), f"hashed: {report}")
        for name in names:
            data = (place / "models" / name).read_bytes()
            legacy = hashlib.sha256(data[1 << 20:(1 << 20) + 65536]).hexdigest()[:8]
            want = checkpoint_info(name, legacy, hashlib.sha256(data).hexdigest() if hashed else None)
            shown = place.json("show", name)
            found = {key: shown[key] for key in want} | {"aliases": set(shown["aliases"])}
            expect(found == want, f"{name}: {found}, not {want}")
            expect(shown["path"] == str(place / "models" / name) and shown["state"] == "there", f"{name}: {shown}")
            if hashed:
                autov3 = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little"):]).hexdigest()
                expect(shown["crc32"] == f"{zlib.crc32(data):08x}", f"{name}: {shown['crc32']}")
                expect(shown["tensor_sha256"] == (autov3 if shown["form"] == "safetensors" else None), f"{name}: AutoV3")
    shown = place.json("show", "x.y")
    expect(shown["metadata"] == {"format": "pt", "k": "v"} and shown["dtypes"] == {"F32": 1}, f"metadata: {shown}")
    expect(shown["tensors"] == 1 and shown["parameters"] == 4 and shown["size"] == os.path.getsize(shown["path"]), f"{shown}")
    kinds = {file["name"]: (file["architecture"], file["kind"]) for file in place.json("list", "safetensors")["files"]}
    expect(kinds["a.safetensors"] == ("sd1", "checkpoint") and kinds["sub/b c.safetensors"] == ("sdxl", "checkpoint"), f"{kinds}")
    expect(place.names("SUB", "sdxl") == ["sub/b c.safetensors"] and place.names("sub", "sd1x") == [], "a query of two words")
    with sqlite3.connect(place.database) as database:
        expect(database.execute("PRAGMA journal_mode").fetchone() == ("wal",), "the journal is no write-ahead log")
        expect(database.execute("PRAGMA integrity_check").fetchone() == ("ok",), "integrity")
        rows = dict(database.execute("SELECT path, sha256 FROM files"))
        expect(rows == {str(place / "models" / name): hashlib.sha256((place / "models" / name).read_bytes()).hexdigest()
                        for name in names}, f"rows: {rows}")
        expect(database.execute("SELECT path FROM roots").fetchall() == [(str(place / "models"),)], "roots")
    for alias in checkpoint_info("a.safetensors", "e3b0c442", rows[str(place / "models/a.safetensors")])["aliases"] - {
            "e3b0c442", "a.safetensors [e3b0c442]"} | {str(place / "models/a.safetensors"),
                                                       rows[str(place / "models/a.safetensors")][:6]}:
        done = place.json("inspect", "@" + alias)
        expect(done["files"][0]["path"] == str(place / "models/a.safetensors"), f"@{alias}: {done}")


def check_states(place):
    """What moves, changes, goes and comes back."""
    a, b = place.make("m/a.safetensors", seed=1), place.make("m/b.safetensors", seed=2)
    settle()
    place.run("scan", "m", "--hash")
    sha = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (a, b)}
    again = place.json("scan", "m")
    expect((again["unchanged"], again["added"], again["changed"]) == (2, 0, 0), f"unchanged: {again}")
    # A rename, and a move to another disk, which keeps the modification time only.
    (place / "m/new").mkdir()
    a.rename(place / "m/new/renamed.safetensors")
    shutil.copy2(b, place / "m/new/b.safetensors")
    b.unlink()
    gone = place.run("inspect", "@a", status=1)
    expect(b"no longer there" in gone.stderr, f"gone: {gone.stderr}")
    expect([file["state"] for file in place.json("list")["files"]] == ["gone", "gone"], "files that moved are not seen to be gone")
    moved = place.json("scan")
    expect(moved["moved"] == 2 and moved["gone"] == 0 and moved["added"] == 0, f"moved: {moved}")
    found = {file["name"]: file["sha256"] for file in place.json("list")["files"]}
    expect(found == {"new/b.safetensors": sha["b.safetensors"], "new/renamed.safetensors": sha["a.safetensors"]}, f"sums: {found}")
    # Other bytes under the same name, of the same size.
    changed = place.make("m/new/b.safetensors", seed=9)
    settle()
    by_hash = place.run("inspect", "@" + sha["b.safetensors"][:10], status=3)
    expect(b"was changed" in by_hash.stderr, f"a stale hash: {by_hash.stderr}")
    place.run("inspect", "@b")
    report = place.json("scan")
    expect(report["changed"] == 1, f"changed: {report}")
    expect(place.json("show", "b")["sha256"] is None, "a changed file keeps its old sum")
    place.run("inspect", "@" + sha["b.safetensors"][:10], status=2)
    place.run("scan", "--hash")
    expect(place.json("show", "b")["sha256"] == hashlib.sha256(changed.read_bytes()).hexdigest(), "the new sum")
    # Gone, back again with its sums, and forgotten.
    changed.rename(place / "elsewhere")
    expect(place.json("scan")["gone"] == 1 and place.json("scan")["gone"] == 0, "gone is told more than once")
    (place / "elsewhere").rename(changed)
    place.run("scan")
    back = place.json("show", "b")
    expect(back["state"] == "there" and back["sha256"] == hashlib.sha256(changed.read_bytes()).hexdigest(), f"back: {back}")
    changed.unlink()
    expect(place.json("scan", "--forget")["forgotten"] == 1 and place.names() == ["new/renamed.safetensors"], "forgotten")
    # So fresh that it may change without a trace: looked at again.
    place.make("m/fresh.safetensors")
    place.run("scan")
    settle()
    with sqlite3.connect(place.database) as database:
        settled = database.execute("SELECT settled FROM files WHERE name = 'fresh.safetensors'").fetchone()[0]
    place.run("scan")
    with sqlite3.connect(place.database) as database:
        after = database.execute("SELECT settled FROM files WHERE name = 'fresh.safetensors'").fetchone()[0]
    expect((settled, after) in ((0, 1), (1, 1)), f"settled: {settled}, {after}")
    # A file of this very moment keeps its sums, one with a time of its own choosing too.
    place.make("m/now.safetensors", seed=7)
    os.utime(place.make("m/future.safetensors", seed=8), (4e9, 4e9))
    place.run("scan", "--hash")
    again = place.json("scan")
    expect(place.json("show", "now")["sha256"] and place.json("show", "future")["sha256"], f"fresh sums are dropped: {again}")
    # An unplugged disk is no reason to forget.
    (place / "m").rename(place / "unplugged")
    away = place.run("scan", status=2)
    expect(b"still there" in away.stderr and len(place.names()) == 4, f"unplugged: {away.stderr}")
    place.run("scan", "m", status=1)


def check_folders(place):
    """Components of folders, which are called alike, go by their folders, scanned or written."""
    for folder in ("one/vae/diffusion_pytorch_model", "one/text_encoder/model", "two/vae/diffusion_pytorch_model", "llama/model"):
        place.make(f"m/sub/{folder}.safetensors", seed=len(folder))
    (place / "elsewhere/four/vae").mkdir(parents=True)
    settle()
    place.run("scan", "m")
    titles = sorted(file["title"] for file in place.json("list")["files"])
    expect(titles == ["sub/llama", "sub/one/text_encoder", "sub/one/vae", "sub/two/vae"], f"titles: {titles}")
    for name in ("one/vae", "sub/one/vae", "@two/vae", "llama", "one/text_encoder", "sub/one/vae/diffusion_pytorch_model.safetensors"):
        place.run("show", name)
    path = place.json("inspect", "@two/vae")["files"][0]["path"]
    expect(path.endswith("sub/two/vae/diffusion_pytorch_model.safetensors"), f"@two/vae: {path}")
    place.run("merge", "@one/vae", "@two/vae", "-o", "elsewhere/four/vae/diffusion_pytorch_model.safetensors")
    expect(place.json("show", "four/vae")["title"] == "four/vae", "a result outside of what was scanned")


def check_shards(place):
    """Shards are one entry, called as their folder is; those that are not all there are files by themselves."""
    shard = "m/sub/llama/model-0000{}-of-00003.safetensors"
    for k in (1, 2):
        place.make(shard.format(k), (f"w{k}", "F32", [1], bytes(4)))
    settle()
    place.run("scan", "m")
    expect(len(place.names()) == 2, f"shards without one of them: {place.names()}")
    place.make(shard.format(3), ("w3", "F32", [1], bytes(4)))
    settle()
    place.run("scan", "m", "--hash")
    [entry] = place.json("list")["files"]
    size = sum((place / shard.format(k)).stat().st_size for k in (1, 2, 3))
    expect((entry["title"], entry["form"], entry["size"], entry["sha256"]) == ("sub/llama", "folder", size, None), f"{entry}")
    expect(entry["tensors"] == 3 and place.json("show", "llama")["tensors"] == 3, f"{entry}")
    again = place.json("scan")
    expect((again["unchanged"], again["changed"], again["gone"]) == (1, 0, 0), f"again: {again}")


def check_ambiguity(place):
    for folder, seed in (("one", 1), ("two", 2)):
        place.make(f"m/{folder}/same.safetensors", seed=seed)
    shutil.copy(place / "m/one/same.safetensors", place / "m/copy.safetensors")
    (place / "m/three").mkdir()
    os.link(place / "m/two/same.safetensors", place / "m/three/link.safetensors")
    settle()
    place.run("scan", "m", "--hash")
    error = place.json("merge", "@same", "@two_same", "-o", "out.safetensors", status=2)["error"]
    expect(len(error["details"]) == 2 and all("same.safetensors [" in line for line in error["details"]), f"candidates: {error}")
    sums = {name: hashlib.sha256((place / name).read_bytes()).hexdigest() for name in ("m/copy.safetensors",
                                                                                     "m/two/same.safetensors")}
    # Equal bytes under different names are different inputs: the name goes into the recipe. Two names of one file are not.
    expect(len(place.json("inspect", "@" + sums["m/copy.safetensors"], status=2)["error"]["details"]) == 2, "copies")
    place.run("inspect", "@" + sums["m/two/same.safetensors"])
    both = place.json("merge", "@nope", "@same", "-o", "out.safetensors", status=2)["error"]
    expect(len(both["details"]) == 4, f"both faults at once: {both}")
    near = place.run("inspect", "@two_sane", status=2).stderr
    expect(b"called 'two_sane'" in near, f"unknown: {near}")
    expect(b"did you mean '@copy'" in place.run("inspect", "@coppy", status=2).stderr, "no suggestion")
    place.run("show", "one/same.safetensors")
    place.run("show", "@one_same")
    place.run("show", status=2)
    # A file that is called so is named with its folder.
    place.make("@same", seed=3)
    expect(place.json("inspect", "./@same")["files"][0]["path"] == "./@same", "./@same")


finish(check_names, check_states, check_folders, check_shards, check_ambiguity)
