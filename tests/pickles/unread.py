#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: unread.py CKMERGE
Tensors that cannot be read stop who needs them, by name and reason, and nobody else; wrapped ones are read; float4, tensors of
65 dimensions and one called __metadata__ come out as their readers want them."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pickle_words import F32, PROTO, tensor_words, text, zipped
from torch_files import Storage, Tensor, read_safetensors, safetensors, torch_zip

ckmerge = os.path.abspath(sys.argv[1])
folder = tempfile.TemporaryDirectory(prefix="ckmerge-unread-")
os.chdir(folder.name)
TORCH = b"ctorch._utils\n"


def run(*words, rc=0):
    done = subprocess.run([ckmerge, *words], capture_output=True, text=True)
    assert done.returncode == rc, f"{words}: exit {done.returncode}, expected {rc}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def write(path, data):
    pathlib.Path(path).write_bytes(data)


PLAIN = tensor_words()[len(PROTO + b"}" + text("w")):-2]
RECORDS = [("0", F32), ("1", bytes(range(16)))]


def typed(dtype, size=b"K\x02K\x02\x86", stride=b"K\x02K\x01\x86"):
    """_rebuild_tensor_v3 of an untyped storage of 16 bytes."""
    return (TORCH + b"_rebuild_tensor_v3\n((" + text("storage") + b"ctorch.storage\nUntypedStorage\n" + text("1") + text("cpu") + b"K\x10tQK\0" + size + stride
            + b"\x89ccollections\nOrderedDict\n)R" + f"ctorch\n{dtype}\n".encode() + b"tR")


def beside(words, name="q"):
    return zipped(PROTO + b"}(" + text("w") + PLAIN + text(name) + words + b"u.", records=RECORDS)


# ---- named, left out, shown
UNREAD = {
    "sparse": (TORCH + b"_rebuild_sparse_tensor\n)R", "_rebuild_sparse_tensor"),
    "meta": (TORCH + b"_rebuild_meta_tensor_no_storage\n)R", "_rebuild_meta_tensor_no_storage"),
    "bits8": (typed("bits8"), "is bits8, which safetensors cannot hold"),
    "bits16": (typed("bits16", stride=b"K\2K\1\x86"), "is bits16, which safetensors cannot hold"),
    "complex32": (typed("complex32"), "is complex32, which safetensors cannot hold"),
    "complex128": (typed("complex128", b"K\1\x85", b"K\1\x85"), "is complex128, which safetensors cannot hold"),
    "qint8": (tensor_words(cls=b"ctorch\nQInt8Storage\n", numel=b"K\x10", key="1")[len(PROTO + b"}" + text("w")):-2], "is qint8, which safetensors cannot hold"),
    "conj": (PLAIN.replace(b"ccollections\nOrderedDict\n)Rt", b"ccollections\nOrderedDict\n)R}" + text("conj") + b"\x88st"), "is a lazy conj"),
    "scalar float4": (typed("float4_e2m1fn_x2", b")", b")"), "is one float4_e2m1fn_x2"),
    "transposed float4": (typed("float4_e2m1fn_x2", stride=b"K\1K\2\x86"), "out of order"),
    "float4 on a device": (TORCH + b"_rebuild_device_tensor_from_cpu_tensor\n(" + PLAIN + b"ctorch\nfloat16\n" + text("xla:0") + b"\x89tR", "another on its device"),
}
write("plain.safetensors", safetensors({"w": ("F32", [2, 2], F32)}))
write("both.safetensors", safetensors({"w": ("F32", [2, 2], F32), "q": ("F32", [2, 2], F32)}))
for name, (words, why) in UNREAD.items():
    write("a.pt", beside(words))
    told = run("convert", "a.pt", "out.safetensors", rc=4)
    assert why in told and "tensor 'q'" in told and "--discard '^q$'" in told, f"{name}: {told}"
    run("convert", "a.pt", "out.safetensors", "--discard", "^q$", "-f")
    assert read_safetensors("out.safetensors") == {"w": ("F32", [2, 2], F32)}, name
    assert why in run("inspect", "a.pt") and "w  F32 [2, 2]" in run("inspect", "a.pt"), name
    found = json.loads(run("inspect", "--json", "a.pt"))["files"][0]
    assert [t["name"] for t in found["unread"]] == ["q"] and why in found["unread"][0]["why"], found
    run("merge", "plain.safetensors", "a.pt", "-o", "out.safetensors", "-f")  # A has no such name
    assert why in run("merge", "both.safetensors", "a.pt", "-o", "out.safetensors", "-f", rc=4), name
    assert why in run("merge", "plain.safetensors", "a.pt", "--extra", "add", "-o", "out.safetensors", "-f", rc=4), name
    run("merge", "both.safetensors", "a.pt", "--exclude", "^q$", "-o", "out.safetensors", "-f")
write("a.pt", beside(UNREAD["sparse"][0], "layer.0[q]"))
assert r"--discard '^layer\.0\[q\]$'" in run("convert", "a.pt", "out.safetensors", "-f", rc=4)
run("convert", "a.pt", "out.safetensors", "-f", "--discard", r"^layer\.0\[q\]$")
write("two.pt", zipped(PROTO + b"}(" + text("w") + UNREAD["sparse"][0] + text("v") + UNREAD["meta"][0] + b"u."))
write("one.pt", beside(UNREAD["sparse"][0]))
assert "1 tensor cannot be read, and a pattern matches no tensor name" in (told := run("convert", "one.pt", "out.safetensors", "-f", "--discard", "nothing", rc=4)), told
assert "is not read: q " in run("merge", "plain.safetensors", "one.pt", "-o", "out.safetensors", "-f")
write("ddp.pt", zipped(PROTO + b"}(" + text("module.w") + PLAIN + text("module.q") + UNREAD["sparse"][0] + b"u."))
assert "tensor 'q'" in (told := run("merge", "both.safetensors", "ddp.pt", "-o", "out.safetensors", "-f", rc=4)), told
run("convert", "one.pt", "out.safetensors", "-f", "--rename", "q=zz", "--discard", "zz")
run("convert", "one.pt", "out.safetensors", "-f", "--add-prefix", "p.", "--discard", "^p.q$")
assert "2 tensors cannot be read" in run("convert", "two.pt", "out.safetensors", "-f", rc=4)

# ---- read
write("f4.pt", beside(typed("float4_e2m1fn_x2")))
run("convert", "f4.pt", "out.safetensors", "-f")
assert read_safetensors("out.safetensors")["q"] == ("F4", [2, 4], bytes(range(4))), read_safetensors("out.safetensors")
device = TORCH + b"_rebuild_device_tensor_from_cpu_tensor\n(" + PLAIN + b"ctorch\nfloat32\n" + text("xla:0") + b"\x89tR"
typed_again = b"ctorch._tensor\n_rebuild_from_type_v2\n(" + TORCH + b"_rebuild_parameter\nctorch\nTensor\n(" + device + b"\x89)t}tR"
for words in (device, typed_again):
    write("wrapped.pt", beside(words))
    run("convert", "wrapped.pt", "out.safetensors", "-f")
    assert read_safetensors("out.safetensors")["q"] == ("F32", [2, 2], F32), words

# ---- many dimensions, in and out and in again
shape, names = [1] * 63 + [2, 2], {"w": ("F32", [1] * 63 + [2, 2], F32)}
write("rank.safetensors", safetensors(names))
write("rank.pt", torch_zip({"w": Tensor(Storage("Float", F32), shape)}))
write("turned.pt", torch_zip({"w": Tensor(Storage("Float", struct.pack("<4f", 1, 3, 2, 4)), shape, [1] * 63 + [1, 2])}))
for path in ("rank.safetensors", "rank.pt", "turned.pt"):
    run("convert", path, "rank_out.ckpt", "-f", "--verify")
    run("convert", "rank_out.ckpt", "rank_out.safetensors", "-f", "--verify")
    assert read_safetensors("rank_out.safetensors") == names, path
    run("merge", path, "rank.safetensors", "-o", "rank_out.safetensors", "-f")

# ---- a tensor called as the header's texts are
write("named.pt", torch_zip({"__metadata__": Tensor(Storage("Float", F32), (4,)), "w": Tensor(Storage("Float", F32), (4,))}))
told = run("convert", "named.pt", "named.safetensors", rc=4)
assert "--discard '^__metadata__$'" in told and not os.path.exists("named.safetensors"), told
run("convert", "named.pt", "named.safetensors", "--discard", "^__metadata__$")
run("convert", "named.pt", "named.ckpt", "--verify")
assert "__metadata__  F32 [4]" in run("inspect", "named.ckpt")

# ---- the level that old readers want
run("convert", "plain.safetensors", "wrapped.ckpt", "--wrap", "state_dict", "--verify", "--set-metadata", "a=b")
assert "tensors at state_dict" in run("inspect", "wrapped.ckpt") and "a: b" in run("inspect", "wrapped.ckpt")
run("convert", "wrapped.ckpt", "out.safetensors", "-f")
assert read_safetensors("out.safetensors") == read_safetensors("plain.safetensors")
run("run", "wrapped.ckpt", "A=plain.safetensors", "-o", "again.ckpt")
assert "tensors at the top" in run("inspect", "again.ckpt")
run("run", "wrapped.ckpt", "A=plain.safetensors", "-o", "same.ckpt", "--wrap", "state_dict")
assert pathlib.Path("same.ckpt").read_bytes() == pathlib.Path("wrapped.ckpt").read_bytes()
assert "is of a .ckpt" in run("run", "wrapped.ckpt", "A=plain.safetensors", "-o", "same.safetensors", "--wrap", "state_dict", rc=2)
assert "is of a .ckpt" in run("convert", "plain.safetensors", "out.safetensors", "-f", "--wrap", "state_dict", rc=2)
assert "--wrap" in run("convert", "plain.safetensors", "out.ckpt", "--wrap", "x", rc=2)

# ---- bytes behind the last tensor, NUL behind the header
good = safetensors({"w": ("F32", [2, 2], F32)})
size = struct.unpack("<Q", good[:8])[0]
for data, why in ((good + b"x" * 7, "bytes after the last tensor"), (struct.pack("<Q", size + 3) + good[8:8 + size] + bytes(3) + F32, "NUL bytes")):
    write("behind.safetensors", data)
    assert why in (told := run("convert", "behind.safetensors", "out.safetensors", "-f", rc=3)) and "convert --mend" in told, told
    told = run("convert", "behind.safetensors", "out.safetensors", "-f", "--mend")
    assert "behind its" in told and read_safetensors("out.safetensors") == {"w": ("F32", [2, 2], F32)}, told
    run("run", "out.safetensors", "A=behind.safetensors", "-o", "again.safetensors", "-f")
    assert pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes()
write("short.safetensors", good[:-1])
run("convert", "short.safetensors", "out.safetensors", "-f", "--mend", rc=3)

# ---- canonical whatever the order of metadata
def with_metadata(entries):
    header = b'{"__metadata__":{' + entries + b'},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + F32


for entries, canonical in ((b'"a":"1","b":"2"', True), (b'"b":"2","a":"1"', True), (b'"b":"2", "a":"1"', False), (b'"b":"\\u0032","a":"1"', False)):
    write("order.safetensors", with_metadata(entries))
    assert json.loads(run("inspect", "--json", "order.safetensors"))["files"][0]["canonical"] == canonical, entries
print(f"{len(UNREAD)} kinds of tensors are left unread and said")
