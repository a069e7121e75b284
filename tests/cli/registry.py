#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registry.py CKMERGE
`ckmerge scan`, `list`, `show` and @NAME: what is found below folders, under which names, and what becomes of it when it
moves, changes or goes. A1111's names are made here once more, as its CheckpointInfo makes them; the database is read with
Python's sqlite3; sums are hashlib's."""
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
faults = []
UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
CROSS = UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def expect(good, sentence):
    if not good:
        faults.append(sentence)


class Place:
    """A folder with its own home, and runs of ckmerge in it."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder).resolve()
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("CKMERGE_", "XDG_"))}
        self.env |= {"HOME": str(self.path / "home"), "TERM": "dumb"}
        self.database = self.path / "home/.local/share/ckmerge/registry.db"

    def __truediv__(self, name):
        return self.path / name

    def run(self, *words, status=0, **keywords):
        done = subprocess.run([ckmerge, *(word if isinstance(word, bytes) else str(word) for word in words)], cwd=self.path, env=self.env, capture_output=True, **keywords)
        expect(done.returncode == status, f"{words}: exit {done.returncode}, not {status}: {done.stdout} {done.stderr}")
        return done

    def json(self, *words, **keywords):
        text = self.run(*words, "--json", **keywords).stdout
        try:
            return json.loads(text)
        except ValueError:
            expect(False, f"{words}: no document: {text}")
            return {}

    def names(self, *words):
        return [file["name"] for file in self.json("list", *words)["files"]]

    def make(self, name, *tensors, meta=None, seed=0):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = tensors or (("w", "F32", [4], struct.pack("<4f", seed, 1, 2, 3)),)
        make_inputs.write(path, meta or {"format": "pt"}, list(tensors), True)
        return path


def settle():
    """Files of the last 50 ms count as ones that may still change."""
    time.sleep(0.08)


def checkpoint(cross=768, seed=0):
    return [(CROSS, "F16", [1, cross], bytes(2 * cross)), (VAE + "decoder.conv_in.bias", "F32", [1], struct.pack("<f", seed)),
            (TEXT + "x", "F32", [1], struct.pack("<f", seed))]


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


def check_merges(place):
    """Results register themselves, with their sums, and their lineage is told."""
    a, b, c = (place.make(f"m/{name}.safetensors", seed=seed) for seed, name in enumerate("abc"))
    place.run("merge", a, b, "-o", "m/unasked.safetensors")
    expect(not place.database.exists(), "a merge makes a registry")
    warned = place.run("merge", a, b, "-o", "m/x.safetensors", "-f", "--registry", "none.db")
    expect(b"not registered" in warned.stderr and not (place / "none.db").exists(), f"--registry none.db: {warned.stderr}")
    settle()
    place.run("scan", "m")
    place.run("merge", "@a", "@b", "--alpha", "0.25", "-o", "m/ab.safetensors", "--hash")
    place.run("merge", "@ab", "@c", "-o", "m/abc.safetensors", "--hash")
    place.run("merge", "@ab", "@c", "-o", "m/plain.safetensors")
    place.run("merge", "@ab", "@c", "-o", "m/not.safetensors", "--no-register")
    place.run("merge", "@ab", "@c", "--alpha", "0.1", "-o", "elsewhere.safetensors", "--hash")
    names = place.names()
    expect({"ab.safetensors", "abc.safetensors", "plain.safetensors", "elsewhere.safetensors"} <= set(names), f"{names}")
    expect("not.safetensors" not in names, "--no-register registers")
    sums = {name: hashlib.sha256((place / f"m/{name}.safetensors").read_bytes()).hexdigest() for name in ("a", "b", "c", "ab", "abc")}
    expect(place.json("show", "abc")["sha256"] == sums["abc"], "the result's sum")
    expect(place.json("show", "a")["sha256"] == sums["a"], "the inputs' sums are not kept")
    expect(place.json("show", "plain")["sha256"] is None, "a sum that nobody asked for")
    place.run("inspect", "@" + sums["abc"][:10])
    expect(place.json("scan", "m")["changed"] == 0 and place.json("show", "abc")["sha256"] == sums["abc"], "a scan drops sums")

    def leaf(name):
        return {"name": f"{name}.safetensors", "sha256": sums[name], "path": str(place / f"m/{name}.safetensors"),
                "made_by": None, "cut": False, "inputs": []}

    ab = leaf("ab") | {"made_by": "weighted_sum, alpha 0.25", "inputs": [leaf("a"), leaf("b")]}
    want = leaf("abc") | {"made_by": "weighted_sum", "inputs": [ab, leaf("c")]}
    found = place.json("show", "abc")["lineage"]
    expect(found == want, f"lineage: {found}, not {want}")
    text = place.run("show", "abc").stdout.decode()
    expect(text.index("made by weighted_sum of") < text.index("made by weighted_sum, alpha 0.25 of") < text.index("B  b.safetensors ["),
           f"lineage: {text}")
    # What is no longer there is known from what its descendants recorded.
    (place / "m/ab.safetensors").unlink()
    place.run("scan", "m", "--forget")
    ab_gone = {"name": "ab.safetensors", "sha256": sums["ab"], "path": None, "made_by": "Weighted sum, multiplier 0.25",
               "cut": False, "inputs": [leaf("a"), leaf("b")]}
    found = place.json("show", "abc")["lineage"]["inputs"][0]
    expect(found == ab_gone, f"lineage of a file that is gone: {found}, not {ab_gone}")
    # run binds by letter.
    place.run("run", "@abc", "A=@elsewhere", "B=@c", "-o", "again.safetensors", status=4)
    shutil.copy(place / "m/abc.safetensors", place / "m/first.safetensors")
    place.run("run", "@abc", "--models", "m", "-o", "again.safetensors", status=2)
    # The registry is of no use: the merge is done all the same.
    place.database.chmod(0o444)
    place.database.write_bytes(b"damaged" * 1000)
    done = place.run("merge", a, b, "-o", "m/after.safetensors")
    expect(b"damaged" in done.stderr and (place / "m/after.safetensors").exists(), f"damaged: {done.stderr}")
    for part in place.database.parent.iterdir():
        part.unlink()
    place.database.mkdir()
    place.run("merge", a, b, "-o", "m/folder.safetensors")


def check_hostile(place):
    """Names and metadata of strangers, on the terminal and in the database."""
    evil = "\x1b[31mred\u202e\n.safetensors"
    bytes_name = os.fsencode(place / "m") + b"/\xff\xfe.safetensors"
    place.make("m/" + evil, meta={"\x1b]0;title\x07": "\x1b[2J", "format": "pt", "big": "x" * 300000, "nul": "\0"})
    shutil.copy(place / "m" / evil, bytes_name)
    place.make("m/'; DROP TABLE files; --.safetensors", seed=1)
    place.make("m/%s%n\\.safetensors", seed=2)
    deep = place / "m" / "/".join(["d" * 200] * 15)
    deep.mkdir(parents=True)
    shutil.copy(place / "m" / evil, deep / "deep.safetensors")
    recipe = {"type": "webui", "primary_model_hash": "0" * 64, "interp_method": "\x1b[1mWeighted", "multiplier": 0.5}
    loop = {"0" * 64: {"name": "\x1bloop", "legacy_hash": None, "sd_merge_recipe": recipe}}
    place.make("m/loop.safetensors", meta={"sd_merge_recipe": json.dumps(recipe), "sd_merge_models": json.dumps(loop)})
    place.make("m/broken.safetensors", meta={"sd_merge_recipe": "{", "ckmerge.recipe": "[[[[", "sd_merge_models": "7"})
    fan = {f"{i:064x}": {"name": f"n{i}", "sd_merge_recipe": {"interp_method": "x", **{
        f"{key}_model_hash": f"{i + 1:064x}" for key in ("primary", "secondary", "tertiary")}}} for i in range(1000)}
    place.make("m/fan.safetensors", meta={"sd_merge_recipe": json.dumps(fan[f"{0:064x}"]["sd_merge_recipe"]),
                                          "sd_merge_models": json.dumps(fan)})
    settle()
    for words in (("scan", "m", "--hash"), ("list",), ("show", evil), ("show", "loop"), ("show", "fan"), ("list", "\x1b")):
        done = place.run(*words, timeout=60)
        for stream in (done.stdout, done.stderr):
            expect(not any(byte < 0x20 and byte != 0x0a for byte in stream), f"{words}: controls reach the terminal: {stream[:300]}")
            expect("\u202e".encode() not in stream, f"{words}: an override reaches the terminal")
    metadata = place.json("show", evil)["metadata"]
    expect(metadata == {"\x1b]0;title\x07": "\x1b[2J", "format": "pt", "nul": "\0"}, f"metadata: {metadata}")
    shown = place.json("show", bytes_name)
    expect(shown["name"] == "\ufffd\ufffd.safetensors", f"bytes that are no UTF-8: {shown.get('name')}")
    with sqlite3.connect(place.database) as database:
        paths = {os.fsencode(path) if isinstance(path, str) else path for path, in database.execute("SELECT path FROM files")}
        expect(bytes_name in paths and os.fsencode(place / "m" / evil) in paths and len(paths) == 8, f"paths: {paths}")
    tree = place.json("show", "loop")["lineage"]
    expect(tree["made_by"].endswith("Weighted, multiplier 0.5") and json.dumps(tree).count("loop") <= 4, f"loop: {tree}")
    expect(len(json.dumps(place.json("show", "fan")["lineage"])) < 1000000, "a fan of ancestors is not cut")
    expect(place.json("show", "broken")["lineage"]["made_by"] is None, "a broken recipe")
    place.run("inspect", "@'; DROP TABLE files; --")
    expect(len(place.names()) == 8, "entries are lost")


def check_places(place):
    """Installations of A1111 and ComfyUI, and ComfyUI's yaml."""
    place.make("webui/models/Stable-diffusion/sub/a.safetensors", *checkpoint())
    place.make("webui/models/VAE/v.safetensors")
    place.make("webui/models/Lora/l.safetensors")
    place.make("webui/embeddings/e.safetensors")
    place.make("webui/extensions/x.safetensors")
    place.make("comfy/models/checkpoints/c.safetensors", *checkpoint(1024))
    place.make("comfy/models/unet/u.safetensors")
    place.make("comfy/custom_nodes/n.safetensors")
    place.make("comfy/output/checkpoints/o.safetensors")
    place.make("extra/one/p.safetensors")
    place.make("extra/two/q.safetensors")
    place.make("home/three/r.safetensors")
    (place / "comfy/extra_model_paths.yaml").write_text(f"""
# of ComfyUI's form
a111:
    base_path: {place / 'extra'}
    checkpoints: one
    loras: |
         two
         nowhere
    custom_nodes: one
empty:
other:
    base_path: ~/
    is_default: true
    vae: three
relative:
    embeddings: ../extra/two/
""")
    settle()
    report = place.json("scan", "webui")
    expect(place.names() == ["e.safetensors", "l.safetensors", "sub/a.safetensors", "v.safetensors"], f"A1111: {place.names()}")
    kinds = {file["name"]: file["kind"] for file in place.json("list")["files"]}
    expect(kinds == {"e.safetensors": "embedding", "l.safetensors": "lora", "sub/a.safetensors": "checkpoint",
                     "v.safetensors": "vae"}, f"kinds: {kinds}")
    report = place.json("scan", "comfy")
    found = set(place.names()) - set(kinds)
    expect(found == {"c.safetensors", "u.safetensors", "o.safetensors", "p.safetensors", "q.safetensors", "r.safetensors"},
           f"ComfyUI: {found}")
    expect(len(report["troubles"]) == 1 and "nowhere" in report["troubles"][0], f"troubles: {report['troubles']}")
    expect(place.json("show", "c")["architecture"] == "sd2", "architecture")
    alone = place.json("scan", "comfy/extra_model_paths.yaml", "--registry", "own.db")
    expect(alone["found"] == 3, f"the yaml alone: {alone}")
    # A folder inside of one that was scanned: names are counted from the deepest.
    place.json("scan", ".", "--registry", "own.db")
    listed = [file["name"] for file in place.json("list", "p.safetensors", "--registry", "own.db")["files"]]
    expect(listed == ["p.safetensors"], f"deepest: {listed}")
    for bad, status in (("- a\n- b\n", 3), ("a: b\n", 3), ("a: [b\n", 3), ("a:\n  b: {c: d}\n", 3), ("x" * (2 << 20), 3),
                        ("a: " + "[" * 10000, 3), ("", 0)):
        (place / "bad.yaml").write_text(bad)
        place.run("scan", "bad.yaml", "--registry", "bad.db", status=status, timeout=20)
    place.run("scan", "webui/models/VAE/v.safetensors", status=2)
    place.run("scan", "gone", status=1)


def check_files(place):
    """What may be a registry and what is somebody's."""
    place.make("m/a.safetensors")
    settle()
    for name, content in (("photo.jpg", b"\xff\xd8\xff" * 100), ("notes", b"text\n"), ("other.db", None)):
        if content is None:
            with sqlite3.connect(place / name) as database:
                database.execute("CREATE TABLE x(y)")
            content = (place / name).read_bytes()
        else:
            (place / name).write_bytes(content)
        place.run("scan", "m", "--registry", name, status=2)
        place.run("merge", "m/a.safetensors", "-m", "copy", "-o", "out.safetensors", "-f", "--registry", name)
        expect((place / name).read_bytes() == content, f"{name} was written to")
    place.run("scan", "m", "--registry", "new/folder/r.db")
    with sqlite3.connect(place / "new/folder/r.db") as database:
        database.execute("PRAGMA user_version = 99")
    done = place.run("list", "--registry", "new/folder/r.db", status=2)
    expect(b"newer ckmerge" in done.stderr, f"newer: {done.stderr}")
    place.run("scan", "m", "--registry", "file:x?mode=memory")
    expect((place / "file:x?mode=memory").exists(), "a name is taken for a URI")
    del place.env["HOME"]
    expect(b"--registry FILE" in place.run("list", status=2).stderr, "no home")


for check in (check_names, check_states, check_ambiguity, check_merges, check_hostile, check_places, check_files):
    with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
        try:
            check(Place(name))
        except (KeyError, IndexError, OSError) as error:  # what follows a fault that is told
            faults.append(f"{check.__name__}: {error!r}")
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
