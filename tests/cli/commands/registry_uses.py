#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registry_uses.py CKMERGE
The registry in use: merges that register themselves and the lineage of their results, names and metadata that strangers
made, the folders of other programs, and files at the registry's place that are none."""
import hashlib
import json
import os
import shutil
import sqlite3

from registry_place import checkpoint, expect, finish, settle


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
    want = leaf("abc") | {"made_by": "weighted_sum, alpha 0.5", "inputs": [ab, leaf("c")]}
    found = place.json("show", "abc")["lineage"]
    expect(found == want, f"lineage: {found}, not {want}")
    text = place.run("show", "abc").stdout.decode()
    expect(text.index("made by weighted_sum, alpha 0.5 of") < text.index("made by weighted_sum, alpha 0.25 of") < text.index("B  b.safetensors ["),
           f"lineage: {text}")
    # What is no longer there is known from what its descendants recorded.
    (place / "m/ab.safetensors").unlink()
    place.run("scan", "m", "--forget")
    ab_gone = {"name": "ab.safetensors", "sha256": sums["ab"], "path": None, "made_by": "Weighted sum, multiplier 0.25",
               "cut": False, "inputs": [leaf("a"), leaf("b")]}
    found = place.json("show", "abc")["lineage"]["inputs"][0]
    expect(found == ab_gone, f"lineage of a file that is gone: {found}, not {ab_gone}")
    # Files that options name.
    unet = place.make("m/unet.safetensors", ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", "F32", [1, 768], bytes(3072)))
    place.run("scan", "m")
    place.run("compose", "--unet", "@unet", "-o", "composed.safetensors")
    before = unet.read_bytes()
    place.run("convert", "@a", "@unet", "-f")
    expect(unet.read_bytes() == before and (place / "@unet").exists(), "what convert writes is no name of the registry")
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
    expect(kinds == {"e.safetensors": "embedding", "l.safetensors": "adapter", "sub/a.safetensors": "checkpoint",
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
                        ("a: " + "[" * 200, 3), ("", 0)):
        (place / "bad.yaml").write_text(bad)
        place.run("scan", "bad.yaml", "--registry", "bad.db", status=status, timeout=20)
    place.make("empty/z.safetensors", ("w", "F32", [0], b""), ("x", "F32", [0, 4], b""))
    place.run("scan", "empty", "--registry", "z.db")
    expect(b"its tensors are all empty" in place.run("list", "--registry", "z.db").stdout, "a valid file of empty tensors")
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
    mode = (place / "new/folder/r.db").stat().st_mode & 0o777
    expect(mode == 0o600, f"a registry may be read by others: {mode:o}")
    with sqlite3.connect(place / "new/folder/r.db") as database:
        database.execute("PRAGMA user_version = 99")
    done = place.run("list", "--registry", "new/folder/r.db", status=2)
    expect(b"newer ckmerge" in done.stderr, f"newer: {done.stderr}")
    place.run("scan", "m", "--registry", "file:x?mode=memory")
    expect((place / "file:x?mode=memory").exists(), "a name is taken for a URI")
    (place / "empty.db").write_bytes(b"")
    done = place.run("list", "--registry", "empty.db", status=2)
    expect(b"is empty; `ckmerge scan DIR` makes" in done.stderr and (place / "empty.db").stat().st_size == 0, f"empty: {done.stderr}")
    place.run("scan", "m", "--registry", "empty.db")
    expect(place.names("--registry", "empty.db") == ["a.safetensors"], "an empty file that a scan fills")
    done = place.run("list", "--registry", "m", status=2)
    expect(b"is a folder; give --registry a file" in done.stderr, f"a folder: {done.stderr}")
    del place.env["HOME"]
    expect(b"--registry FILE" in place.run("list", status=2).stderr, "no home")


finish(check_merges, check_hostile, check_places, check_files)
