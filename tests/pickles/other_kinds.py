#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: other_kinds.py CKMERGE
Files that people take for checkpoints: what each is, is said, with the way to use it, and nothing is called damaged that
does not contradict itself; what is a plain checkpoint in an odd wrapping is read."""
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pickle_words import ABSENT, F32, named
from torch_files import Storage, Tensor, pickled, read_safetensors, safetensors, stand_in, torch_stream, torch_zip

ckmerge = os.path.abspath(sys.argv[1])
folder = tempfile.TemporaryDirectory(prefix="ckmerge-kinds-")
os.chdir(folder.name)
reported = pathlib.Path(__file__).resolve().parents[3] / "shared/reported"


def run(*words, rc=0):
    done = subprocess.run([ckmerge, *words], capture_output=True, text=True)
    assert done.returncode == rc, f"{words}: exit {done.returncode}, expected {rc}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def state():
    return {"w": Tensor(Storage("Float", F32), (2, 2)), "v": Tensor(Storage("Float", F32), (4,))}


def zipped(entries, compression=zipfile.ZIP_STORED, force=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in entries:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=force) as entry:
                entry.write(data)
    return out.getvalue()


def torch_entries():
    with zipfile.ZipFile(io.BytesIO(torch_zip(state()))) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def plain(protocol, *names):
    return pickle.dumps({"x": [stand_in(name) for name in names]}, protocol)


NPY = b"\x93NUMPY\1\0v\0{'descr': '<f4'}"
SAID = [
    ("w.npz", zipped([("w.npy", NPY), ("v.npy", NPY)], force=True), "NumPy arrays (.npz)", "safetensors.numpy.save_file"),
    ("w.npy", NPY, "a NumPy array (.npy)", "safetensors.numpy.save_file"),
    ("m.keras", zipped([("metadata.json", b"{}"), ("config.json", b"{}"), ("model.weights.h5", b"x")]), "a Keras model (.keras)", "load it in Keras"),
    ("m.pt2", zipped([("m/archive_format", b"pt2"), ("m/data/weights/weight_0", F32)]), "a program of torch.export (.pt2)", "torch.export.load"),
    ("old.pt2", zipped([("version", b"1"), ("serialized_exported_program.json", b"{}")]), "a program of torch.export (.pt2)", "torch.export.load"),
    ("m.zip", zipped([("folder/model.safetensors", b"x"), ("folder/README.md", b"x")]), "in which folder/model.safetensors lies", "unpack it first"),
    ("empty.zip", zipped([]), "an empty zip archive", ""),
    ("__0_0.distcp", torch_zip(state()) + torch_zip({}), "a shard of torch's distributed checkpoint", "dcp_to_torch"),
    ("__1_0.distcp", torch_zip(Tensor(Storage("Float", F32), (4,))), "a shard of torch's distributed checkpoint", "dcp_to_torch"),
    (".metadata", plain(4, "torch.distributed.checkpoint.metadata.Metadata"), "the metadata of torch's distributed checkpoint", "dcp_to_torch"),
    ("v2pro.pth", b"05" + torch_zip(state())[2:], "a model of GPT-SoVITS", "printf PK | dd"),
    ("flax_model.msgpack", bytes.fromhex("81a6706172616d7381a5") + b"dense" + bytes(64), "a msgpack file", "msgpack_restore"),
    ("long.msgpack", b"\xde\0\x20\xd9\x28" + b"k" * 40 + bytes(64), "a msgpack file", "msgpack_restore"),
    ("m.ckpt.index", bytes(200) + bytes.fromhex("57fb808b247547db"), "a part of a TensorFlow checkpoint", "tf.train.load_checkpoint"),
    ("m.ckpt.data-00000-of-00001", bytes(200), "a part of a TensorFlow checkpoint", "tf.train.load_checkpoint"),
    ("checkpoint", b'model_checkpoint_path: "m.ckpt"\n', "a part of a TensorFlow checkpoint", "tf.train.load_checkpoint"),
    ("manifest.ocdbt", bytes.fromhex("0cdb3a2a") + bytes(60), "a manifest of Orbax", "safetensors.flax.save_file"),
    ("stylegan.pkl", plain(4, "torch_utils.persistence._reconstruct_persistent_obj"), "a StyleGAN network", "legacy.load_network_pkl"),
    ("old_gan.pkl", plain(2, "dnnlib.tflib.network.Network"), "a StyleGAN network", "legacy.load_network_pkl"),
    ("model_final.pkl", plain(4, "numpy.core.multiarray._reconstruct"), "NumPy arrays in a pickle", "safetensors.numpy.save_file"),
    ("forest.pkl", plain(4, "sklearn.tree.Tree"), "a model of scikit-learn", ""),
    ("zero.pt", torch_zip(state(), protocol=0), "a pickle of protocol 0", "pickle_protocol=2"),
    ("zero_stream.pt", torch_stream(state(), protocol=0), "a pickle of protocol 0", "pickle_protocol=2"),
]
for name, data, kind, way in SAID:
    pathlib.Path(name).write_bytes(data)
    text = run("plan", name, "-m", "copy", rc=3)
    assert kind in text and way in text, f"{name}: {text}"
    assert "damaged" not in text and "deceive" not in text and "incomplete" not in text, f"{name}: {text}"

# ---- what is a plain checkpoint all the same
pathlib.Path("plain.pt").write_bytes(torch_zip(state()))
wanted = "wanted.safetensors"
run("convert", "plain.pt", wanted, "--metadata", "none")
comment = zipped(torch_entries())
READ = {
    "forced.pt": zipped(torch_entries(), force=True),
    "classic.pt": comment,
    "comment.pt": comment[:-2] + struct.pack("<H", 9) + b"from a PK",
    "one.pt": torch_zip(state(), protocol=1),
    "one_stream.pt": torch_stream(state(), protocol=1),
}
for name, data in READ.items():
    pathlib.Path(name).write_bytes(data)
    run("convert", name, "read.safetensors", "-f", "--metadata", "none")
    assert read_safetensors("read.safetensors") == read_safetensors(wanted), name
assert pickled(state(), 1)[0][:1] != b"\x80", "the old protocols name none"
pathlib.Path("two.pt").write_bytes(comment[:-2] + struct.pack("<H", 22) + comment[-22:])
assert "deceive" in run("plan", "two.pt", "-m", "copy", rc=3), "an end in the comment is no comment"
lying = bytearray(zipped(torch_entries(), force=True))
lying[lying.index(b"\1\0\x10\0") + 4] ^= 1
pathlib.Path("lying.pt").write_bytes(lying)
assert "disagree about its size" in run("plan", "lying.pt", "-m", "copy", rc=3)
pathlib.Path("both.safetensors").write_bytes(safetensors({"w": ("U8", [len(READ["comment.pt"])], READ["comment.pt"])}))
assert "zip archive behind" in run("plan", "both.safetensors", "-m", "copy", rc=3), "with a comment too"

# ---- inspect opens every pickle
pathlib.Path("module.pt").write_bytes(torch_zip(stand_in(f"{ABSENT}.Sequential")()))
pathlib.Path("unnamed.pt").write_bytes(torch_zip({"x": {"weights": Tensor(Storage("Float", F32), (4,))}, "step": 10}))
pathlib.Path("zero.pkl").write_bytes(b"(dp0\nS'a'\np1\n" + named(ABSENT, "Thing") + b"sVb\np2\nI01\nsVc\np3\n(lp4\nF1.5\naL12L\nasg1\nI7\ns.")
for name, globals_, words in (("module.pt", f"unknown  {ABSENT}.Sequential", "save the model's state_dict() instead"),
                              ("unnamed.pt", "harmless  torch.FloatStorage", "x: a dict of 1, 1 tensor"),
                              ("stylegan.pkl", "unknown  torch_utils.persistence", "a StyleGAN network"),
                              ("zero.pkl", f"unknown  {ABSENT}.Thing", "no PyTorch checkpoint")):
    text = run("inspect", name)
    assert globals_ in text and words in text and "0 tensors" in text, f"{name}: {text}"
assert "is not in it" in run("inspect", "unnamed.pt", "--key", "y", rc=2)

pathlib.Path("arrays.pt").write_bytes(torch_zip({"w": stand_in("numpy._core.multiarray._reconstruct")}))
for command in (("plan", "arrays.pt", "-m", "copy"), ("inspect", "arrays.pt")):
    assert "holds NumPy arrays and no tensor" in run(*command, rc=3 if command[0] == "plan" else 0)

# ---- what was reported
if reported.is_dir():
    for name, words in (("forms/flax_model.msgpack", "msgpack"), ("forms/v2pro.pth", "GPT-SoVITS"), ("distcp/__0_0.distcp", "dcp_to_torch"),
                        ("distcp/one-tensor.distcp", "dcp_to_torch")):
        text = run("plan", str(reported / name), "-m", "copy", rc=3)
        assert words in text and "damaged" not in text and "deceive" not in text, text
    for name in ("forms/python-zip64.pth", "oldprotocol/protocol1.pt", "oldprotocol/protocol1-stream.pt", "devicetensor/dev_from_cpu.pt",
                 "mmengine/epoch_2.pth", *(f"falsealarm/{n}" for n in ("ellipsis.ckpt", "enum-python-3.11.2.ckpt", "nested-class.ckpt", "numpy-randomstate.ckpt", "uuid.ckpt"))):
        text = run("convert", str(reported / name), "read.safetensors", "-f")
        assert "unsafe" not in text + run("inspect", str(reported / name)), text
    for path in sorted((reported / "odd").glob("*.p*t*")):
        run("inspect", str(path))
print(f"{len(SAID)} kinds of files are named, {len(READ)} odd ones are read")
