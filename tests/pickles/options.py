#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: options.py CKMERGE
What is said about PyTorch files and what can be said to them: --key and the recipe that records it, names that are changed,
values left out, classes that are not known, files with a name that is refused, and tensors that are codes."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pickle_words import ABSENT, REFUSED, in_dict, named, text as word, zipped
from torch_files import Storage, Tensor, read_safetensors, safetensors, stand_in, torch_stream, torch_zip

ckmerge = os.path.abspath(sys.argv[1])
folder = tempfile.TemporaryDirectory(prefix="ckmerge-options-")
os.chdir(folder.name)


def run(*words, rc=0):
    done = subprocess.run([ckmerge, *words], capture_output=True, text=True)
    assert done.returncode == rc, f"{words}: exit {done.returncode}, expected {rc}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def weights(*values):
    return {"w": Tensor(Storage("Float", struct.pack(f"<{len(values)}f", *values)), (len(values),))}


def values(path):
    return struct.unpack("<2f", read_safetensors(path)["w"][2])


def write(path, data):
    pathlib.Path(path).write_bytes(data)


# ---- which dict
write("two.pth", torch_zip({"params_ema": weights(1, 2), "params": weights(3, 4), "other": {"deep.er": weights(5, 6)}, "step": 7}))
write("one.pth", torch_stream(weights(10, 20)))
write("plain.safetensors", safetensors({"w": ("F32", [2], struct.pack("<2f", 10, 20))}))
write("none.pth", torch_zip({"weights": weights(1, 2), "config": {"a": 1}, "net": {"ema": 3, "g": weights(8, 9)}}))
run("merge", "two.pth", "-m", "copy", "-o", "o", "-q")
assert values("o") == (1, 2), "params_ema comes before params"
for key, wanted in (("params", (3, 4)), ("other.deep.er", (5, 6))):
    run("merge", "two.pth", "-m", "copy", "--key", key, "-o", "o", "-f", "-q")
    assert values("o") == wanted, key
run("merge", "two.pth", "one.pth", "--alpha", "0.5", "--key", "A=params", "-o", "o", "-f", "-q")
assert values("o") == (6.5, 12), "--key A=params"
run("merge", "plain.safetensors", "two.pth", "--alpha", "0.5", "--key", "params", "-o", "ab", "-q")
assert values("ab") == (6.5, 12), "--key for the PyTorch file alone"
text = run("plan", "none.pth", "-m", "copy", rc=3)
for line in ("no dict of tensors has a known name", "weights: a dict of 1, 1 tensor", "config: a dict of 1", "net.g: a dict of 1, 1 tensor"):
    assert line in text, f"{line!r} is not in {text}"
run("plan", "none.pth", "-m", "copy", "--key", "net.g")
assert "'nothing' is not in it" in run("plan", "none.pth", "-m", "copy", "--key", "nothing", rc=2)
assert "leads to no dict of tensors" in run("plan", "none.pth", "-m", "copy", "--key", "config", rc=2)
assert "given twice" in run("plan", "two.pth", "-m", "copy", "--key", "a", "--key", "b", rc=2)
assert "no input is a PyTorch file" in run("plan", "plain.safetensors", "-m", "copy", "--key", "params", rc=2)
assert "is a safetensors file" in run("plan", "plain.safetensors", "two.pth", "--key", "A=params", rc=2)
seen = json.loads(run("inspect", "--json", "--key", "params", "two.pth"))["files"][0]
assert (seen["form"], seen["key"], seen["beside"]) == ("torch zip", "params", ["step"]), seen
assert [(found["key"], found["taken"]) for found in seen["dicts"]] == [("params_ema", False), ("params", True), ("other.deep.er", False)], seen

# ---- where there is none by a known name: the key of the one with most tensors, however deep it lies
layer = weights(1, 2)["w"]
write("deep.pt", torch_zip({"a": {"b": {"c": {"w": layer, "v": layer}}}, "x": {"w": layer}}))
write("words.pth", torch_zip({"w": layer, "kind": "qint8", "flag": True, "n": 3}))
for path, key in (("deep.pt", "a.b.c"), ("words.pth", ".")):
    assert f"say which it is (--key {key})" in run("plan", path, "-m", "copy", rc=3), path
    run("plan", path, "-m", "copy", "--key", key)

# ---- storages that are parts of others, as torch had them before 0.4
root = struct.pack("<5f", 0, 1, 2, 3, 4)
whole, part = Storage("Float", root, key="a"), Storage("Float", root, key="a", view=("b", 2, 3))
write("parts.pth", torch_stream({"w": Tensor(part, (2,), version=1, offset=1), "all": Tensor(whole, (5,), version=1)}))
run("merge", "parts.pth", "-m", "copy", "-o", "o", "-f", "-q")
assert values("o") == (3, 4), values("o")
write("parts.pth", torch_stream({"w": Tensor(part, (2,), version=1, offset=2)}))
assert "outside of its storage" in run("plan", "parts.pth", "-m", "copy", rc=3)
write("parts.pth", torch_stream({"w": Tensor(Storage("Float", root, key="a", view=("b", 3, 3)), (2,), version=1)}))
assert "larger than its storage" in run("plan", "parts.pth", "-m", "copy", rc=3)

# ---- the recipe knows the key, and one without a key is what it always was
recipe = json.loads(json.loads(run("inspect", "--json", "ab"))["files"][0]["metadata"]["ckmerge.recipe"])
assert recipe["inputs"] == [{"name": "plain.safetensors", "sha256": None}, {"name": "two.pth", "sha256": None, "key": "params"}], recipe
run("run", "ab", "A=plain.safetensors", "B=two.pth", "-o", "again", "-q")
assert pathlib.Path("again").read_bytes() == pathlib.Path("ab").read_bytes()
run("run", "ab", "--models", ".", "-o", "found", "-q")
assert pathlib.Path("found").read_bytes() == pathlib.Path("ab").read_bytes()

# ---- what is told
write("notes.ckpt", torch_zip({"state_dict": {**weights(1, 2), "epoch": 3, "lr": 0.5, "tag": "x", "more": None}, "cb": stand_in("lightning.Callback")()}))
text = run("plan", "notes.ckpt", "-m", "copy")
assert "4 values that are no tensor were left out: epoch (the integer 3), lr (a number), tag (the text 'x'), more (None)" in text, text
assert "1 class or function is not known to be harmless in Python: lightning.Callback" in text, text
assert "torch zip, at state_dict" in text, text
notes = json.loads(run("plan", "--json", "notes.ckpt", "-m", "copy"))["inputs"][0]
assert notes["form"] == "torch zip" and notes["key"] == "state_dict" and len(notes["notes"]) == 3, notes
assert "unknown  lightning.Callback" in run("inspect", "notes.ckpt")

# ---- members are called by their names
half = named("__builtin__", "getattr") + named("ckmerge_test_absent", "Precision") + word("HALF") + b"\x86R"
write("member.ckpt", zipped(in_dict(half)))
write("nested.ckpt", zipped(in_dict(half + b")\x81")))
assert "x (ckmerge_test_absent.Precision.HALF)" in run("plan", "member.ckpt", "-m", "copy")
assert "x (an object of ckmerge_test_absent.Precision.HALF)" in run("plan", "nested.ckpt", "-m", "copy")

# ---- old text encoders, in every form
old = "cond_stage_model.transformer."
store = Storage("Float", struct.pack("<2f", 1, 3))
write("old.ckpt", torch_zip({"state_dict": {old + "encoder.w": Tensor(store, (2,)), "model.w": Tensor(store, (2,))}}))
write("new.safetensors", safetensors({old + "text_model.encoder.w": ("F32", [2], struct.pack("<2f", 3, 5)), "model.w": ("F32", [2], struct.pack("<2f", 3, 5))}))
write("old.safetensors", safetensors({old + "encoder.w": ("F32", [2], struct.pack("<2f", 1, 3))}))
write("both.safetensors", safetensors({old + name: ("F32", [2], struct.pack("<2f", 1, 3)) for name in ("encoder.w", "text_model.encoder.w")}))
text = run("merge", "old.ckpt", "new.safetensors", "-o", "renamed")
assert "1 tensor was renamed: cond_stage_model.transformer.* is now" in text, text
assert {n: struct.unpack("<2f", t[2]) for n, t in read_safetensors("renamed").items()} == {old + "text_model.encoder.w": (2, 4), "model.w": (2, 4)}
assert "renamed" in json.loads(run("plan", "--json", "old.safetensors", "-m", "copy"))["inputs"][0]["notes"][0]
assert "under its old name as well" in run("plan", "both.safetensors", "-m", "copy", rc=3)
assert old + "encoder.w" in run("inspect", "old.safetensors"), "inspect shows what is in the file"

# ---- what is refused by name
write("bad.ckpt", torch_zip({"state_dict": weights(1, 2), "x": stand_in(REFUSED)()}))
write("bad.bin", torch_stream({"state_dict": weights(1, 2), "x": stand_in(REFUSED)()}))
said = f"unsafe: it would run {REFUSED} in programs that load it with Python; nothing was run here. "
advice = "or take its tensors alone (ckmerge convert --from-unsafe)"
for path in ("bad.ckpt", "bad.bin"):
    for command in (("merge", path, "-m", "copy", "-o", "refused"), ("plan", path, "-m", "copy")):
        assert run(*command, rc=3).startswith(f"error: {path}: {said}"), command
        error = json.loads(run(*command, "--json", "-q", rc=3).partition("\nerror: ")[0])["error"]
        assert (error["code"], error["exit"], error["where"]) == ("malformed", 3, path), error
        assert error["message"].startswith(f"{path}: {said}") and error["message"].endswith(advice), error
    assert not os.path.exists("refused"), "nothing is written"
    text = run("inspect", path)
    assert f"unsafe  {REFUSED}" in text and "harmless  torch.FloatStorage" in text and "F32 [2]" in text, text
    found = json.loads(run("inspect", "--json", path))["files"][0]["globals"]
    assert {"name": REFUSED, "danger": "unsafe"} in found, found
write("module.ckpt", torch_zip({"state_dict": stand_in(REFUSED)()}))
for words in (("inspect", "module.ckpt"), ("convert", "--from-unsafe", "module.ckpt", "no.safetensors")):
    text = run(*words, rc=0 if words[0] == "inspect" else 3)
    assert f"it would run {REFUSED} in programs that load it with Python" in text and "save its" not in text, text
write("inst.ckpt", zipped(in_dict(b"(" + f"i{ABSENT}\n__call__\n".encode())))
write("obj.ckpt", zipped(in_dict(b"(" + named() + b"o")))
for path in ("inst.ckpt", "obj.ckpt"):
    assert "--from-unsafe" in run("plan", path, "-m", "copy", rc=3)
    run("convert", "--from-unsafe", path, "taken.safetensors", "-f")
    assert len(read_safetensors("taken.safetensors")) == 1, path
write("two.ckpt", torch_zip({"state_dict": weights(1, 2), "x": [stand_in(REFUSED), stand_in(f"{ABSENT}.__other__")]}))
error = json.loads(run("plan", "two.ckpt", "-m", "copy", "--json", rc=3).partition("\nerror: ")[0])["error"]
assert error["details"] == [REFUSED, f"{ABSENT}.__other__"], error

# ---- and what its tensors are, for who asks for them
for path in ("bad.ckpt", "bad.bin", "two.ckpt"):
    text = run("convert", "--from-unsafe", path, "taken.safetensors", "-f")
    assert f"warning: {path} would run {REFUSED}" in text and "nothing was run here" in text, text
    assert values("taken.safetensors") == (1, 2), path
done = json.loads(run("convert", "--from-unsafe", "--json", "two.ckpt", "taken.safetensors", "-f"))
assert f"{REFUSED}, {ABSENT}.__other__" in done["warnings"][0], done
assert "names nothing unsafe" in run("convert", "--from-unsafe", "notes.ckpt", "taken.safetensors", "-f")
assert "cannot hold code" in run("convert", "--from-unsafe", "bad.ckpt", "taken.ckpt", rc=2) and not os.path.exists("taken.ckpt")
run("merge", "--from-unsafe", "bad.ckpt", "-m", "copy", "-o", "taken.safetensors", rc=2)
assert "unsafe: it would run" in run("run", "taken.safetensors", "A=two.ckpt", "-o", "again.safetensors", rc=3)

# ---- codes
fp8 = ("F8_E4M3", [2], b"\x38\x40")
write("scaled.safetensors", safetensors({"x.weight": fp8, "x.scale_weight": ("F32", [], struct.pack("<f", 2))}))
write("cast.safetensors", safetensors({"x.weight": fp8}))
for options in ((), ("--dtype", "f16", "-m", "copy")):
    text = run("plan", "scaled.safetensors", *(() if options else ("cast.safetensors",)), *options, rc=4)
    assert "scaled.safetensors: is quantized, scaled fp8 of ComfyUI (x.weight" in text, text
run("merge", "scaled.safetensors", "-m", "copy", "-o", "kept", "-q")
assert read_safetensors("kept") == read_safetensors("scaled.safetensors"), "copied, codes keep their scales"
run("merge", "cast.safetensors", "cast.safetensors", "-o", "plain", "-q")
assert "quantized: scaled fp8" in run("inspect", "scaled.safetensors")

# ---- views larger than their file
write("huge.pth", torch_zip({"w": Tensor(Storage("Float", bytes(4)), (1 << 29,), (0,))}))
assert "more than twice the file" in run("plan", "huge.pth", "-m", "copy", rc=3)
assert "2.15 GB" in run("plan", "huge.pth", "-m", "copy", "--allow-expanded")
print("options of PyTorch files do what they say")
