# SPDX-License-Identifier: Apache-2.0
"""The files that compare_builds.py merges: a folder of each set, the same on every run. Numbers are random bits below 2,
so that no merge of a few leaves the range of a dtype, and that denormals and both zeros are among them."""
import math
import os
import pathlib
import random
import shutil
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"
sys.path[:0] = [str(TESTS / "cli"), str(TESTS / "pickles")]
import make_inputs
import torch_archive
from torch_files import DTYPES, Storage, Tensor, stand_in, torch_stream, torch_zip

FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
INTEGERS = ("I64", "I32", "I16", "I8", "U8", "U16", "U32", "U64", "BOOL")
UNET, TEXT, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."
BLOCK = 1 << 16  # elements of which one sum is made
MADE_AT = 1577880000  # 2020: a file of this time is one that no command wrote


def size_of(dtype):
    return make_inputs.SIZE.get(dtype) or struct.calcsize(make_inputs.PACK[dtype])


def numbers(seed, dtype, count):
    size = size_of(dtype)
    data = bytearray(random.Random(f"{seed} {dtype}").randbytes(count * size))
    if dtype in FLOATS:  # without its exponent's highest bit
        data[size - 1::size] = data[size - 1::size].translate(bytes(code & 0xbf for code in range(256)))
    return bytes(code & 1 for code in data) if dtype == "BOOL" else bytes(data)


def tensor(seed, dtype, *shape):
    return dtype, list(shape), numbers(seed, dtype, math.prod(shape))


def write(path, tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)"""
    path.parent.mkdir(parents=True, exist_ok=True)
    make_inputs.write(path, metadata or {"format": "pt"}, [(name, *entry) for name, entry in tensors.items()], True)


def dtypes(folder):
    """A, B, C and D with every pair of float dtypes, in lengths around those of vectors."""
    for k, letter in enumerate("abcd"):
        tensors = {"t.position_ids": ("I64", [2], struct.pack("<2q", k, k + 1)), "none": ("F32", [0, 3], b"")}
        for i, first in enumerate(FLOATS):
            for j, second in enumerate(FLOATS):
                dtype = (first, second, FLOATS[(i + j) % 6], second)[k]
                tensors[f"{first}.{second}"] = tensor(f"{letter}{i}{j}", dtype, 3, 7 * i + 11 * j + 1)
        for dtype in INTEGERS:
            tensors[f"n.{dtype}"] = tensor(k, dtype, 5)
        tensors["scalar"] = tensor(k, "F16")
        write(folder / f"{letter}.safetensors", tensors)


def special(folder):
    """All bits of the small dtypes and any bits of the others: NaN, Inf, the largest, the smallest."""
    edges = {"F64": ("<d", (math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, 1.7e308, 3.5e38, 1e-46, 65520, 448.5)),
             "F32": ("<f", (math.inf, -math.inf, math.nan, 0.0, -0.0, 1e-45, 3.4e38, 65519.9, 65520, 464, 6e-8, 3e-8)),
             "F16": ("<e", (math.inf, -math.inf, math.nan, 0.0, -0.0, 6e-8, 65504, 448, 464, 57344, 61440))}
    for letter in "ab":
        tensors = {}
        for first in FLOATS:
            for second in FLOATS:
                dtype = first if letter == "a" else second
                code, values = edges.get(dtype, ("<B", ()))
                data = bytes(range(256)) * size_of(dtype) + b"".join(struct.pack(code, value) for value in values)
                data += random.Random(letter + first + second).randbytes(size_of(dtype) * 300 - len(data))
                tensors[f"{first}.{second}"] = (dtype, [300], data)
        write(folder / f"{letter}.safetensors", tensors)


def blocks(folder):
    """Tensors of several blocks of sums, alike in a part: angles of every kind."""
    a, b = {}, {}
    for i, (first, second) in enumerate((("F32", "F32"), ("F16", "F16"), ("BF16", "F32"), ("F64", "F16"), ("F8_E4M3", "BF16"))):
        count = (1, 2, 3, 1, 2)[i] * BLOCK + (0, 1, 77, 65535, 7)[i]
        a[f"long.{i}"], b[f"long.{i}"] = tensor(i, first, count), tensor(i + 9, second, count)
    x = numbers(5, "F32", 70000)
    b["near"] = ("F32", [700, 100], x[:200000] + numbers(6, "F32", 20000))
    b["opposite"] = ("F32", [70000], b"".join(x[i:i + 3] + bytes([x[i + 3] ^ 0x80]) for i in range(0, len(x), 4)))
    a["near"] = a["equal"] = b["equal"] = ("F32", [700, 100], x)
    a["opposite"] = a["zero"] = ("F32", [70000], x)
    b["zero"] = ("F32", [70000], bytes(len(x)))
    a["short"] = b["short"] = ("F32", [3], struct.pack("<3f", 1e-20, 2e-20, -1e-20))
    write(folder / "a.safetensors", a)
    write(folder / "b.safetensors", b)


def model_tensors(seed, channels=4):
    return {UNET + "input_blocks.0.0.weight": tensor(seed, "F16", 6, channels, 3, 3), UNET + "out.2.weight": tensor(seed, "F32", 9, 3),
            UNET + "out.2.bias": tensor(seed, "BF16", 9), TEXT + "final.weight": tensor(seed + 1, "F32", 4),
            VAE + "decoder.weight": tensor(seed, "F32", 5, 2), VAE + "decoder.bias": tensor(seed, "F16", 5),
            "model_ema.diffusion_modelout2weight": tensor(seed + 7, "F32", 9, 3), "model_ema.decay": tensor(seed, "F32"),
            "model_ema.num_updates": tensor(seed, "I32"), "loss.logvar": tensor(seed, "F32", 1), "betas": tensor(seed, "F64", 2),
            TEXT + "embeddings.position_ids": ("I64", [1, 3], struct.pack("<3q", 0, 1, 2 + seed)), "epoch": tensor(seed, "I64")}


def model(folder):
    """Checkpoints of SD 1's names; one with the channels of inpainting, one of instruct-pix2pix; what some lack."""
    for seed, letter in enumerate("abc"):
        metadata = {"format": "pt", "title": letter, letter: "\u00e9 \"x\"", "modelspec.title": "T"}
        write(folder / f"{letter}.safetensors", model_tensors(seed), metadata)
    write(folder / "inpainting.safetensors", model_tensors(7, 9))
    write(folder / "pix2pix.safetensors", model_tensors(8, 8))
    write(folder / "more.safetensors", model_tensors(3) | {"model.more": tensor(3, "F32", 6), "more.n": tensor(3, "I32", 2)})
    lacks = model_tensors(4)
    for name in (UNET + "out.2.bias", "betas", VAE + "decoder.bias"):
        del lacks[name]
    write(folder / "lacks.safetensors", lacks | {"model.also": tensor(4, "F16", 3)})
    vae = {"decoder.weight": tensor(9, "F16", 5, 2), "decoder.new": tensor(9, "F32", 1), "loss.x": tensor(9, "F32", 1)}
    write(folder / "vae.safetensors", vae, {"vae_title": "V"})
    for letter in "bc":
        (folder / f"{letter}.yaml").write_text(f"model: {letter}\n")
    write(folder / "models/one/a copy.safetensors", model_tensors(0), {"format": "pt", "title": "a"})
    write(folder / "models/b.safetensors", model_tensors(1))
    for k in range(40):
        write(folder / f"snapshots/{k}.safetensors", {"w": tensor(k, "F32", 7, 3), "h": tensor(k, "F16", 5), "n": tensor(k, "I64", 1)})


def parts(folder):
    """Unets, text encoders and a VAE, each in a file of its own."""
    clip = "text_model.encoder.layers.0.layer_norm1.weight", "text_model.embeddings.token_embedding.weight"
    projected = {"text_projection.weight": tensor(1, "F32", 1, 2), "logit_scale": tensor(2, "F32")}
    cross = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    open_clip = {"transformer.resblocks.0.ln_1.weight": tensor(3, "F16", 2), "text_projection": tensor(4, "F16", 1, 2),
                 "logit_scale": tensor(5, "F32")}
    files = {"sd1": {cross: tensor(1, "F16", 1, 768)}, "sd2": {cross: tensor(1, "F16", 1, 1024)},
             "sdxl": {cross: tensor(1, "F16", 1, 2048)}, "flux": {"double_blocks.0.img_attn.proj.weight": tensor(1, "BF16", 2, 2)},
             "bare": {"diffusion_model." + cross: tensor(2, "F16", 1, 768)},
             "sd3": {"joint_blocks.0.context_block.attn.qkv.weight": tensor(1, "F16", 2, 2)},
             "clip_l": {clip[0]: tensor(1, "F32", 2), clip[1]: tensor(1, "F32", 2, 768)} | projected,
             "clip_g": {clip[0]: tensor(2, "F32", 2), clip[1]: tensor(2, "F32", 2, 1280)} | projected,
             "clip_g_open": open_clip | {"token_embedding.weight": tensor(6, "F16", 2, 1280)},
             "clip_h_open": open_clip | {"token_embedding.weight": tensor(7, "F16", 2, 1024)},
             "t5": {"encoder.block.0.layer.0.SelfAttention.q.weight": tensor(1, "F32", 2, 2), "shared.weight": tensor(1, "F32", 2, 3)},
             "vae": {"decoder.conv_in.weight": tensor(1, "F32", 2, 2), "quant_conv.bias": tensor(1, "F32", 1),
                     "loss.x": tensor(1, "F32", 1)}}
    for name, tensors in files.items():
        write(folder / f"{name}.safetensors", tensors)


def torch_state(seed):
    """Every kind of view that torch makes, over storages that several tensors share."""
    state = {}
    for kind, dtype in DTYPES.items():
        store = Storage(kind, numbers(seed, dtype, 500))
        state |= {f"{kind}.whole": Tensor(store, (5, 100)), f"{kind}.transposed": Tensor(store, (100, 5), (1, 100)),
                  f"{kind}.part": Tensor(store, (7, 11), (11, 1), offset=123), f"{kind}.expanded": Tensor(store, (3, 40), (0, 1), offset=9),
                  f"{kind}.scalar": Tensor(store, (), (), offset=499), f"{kind}.empty": Tensor(store, (0, 3), (3, 1), offset=500),
                  f"{kind}.parameter": Tensor(Storage(kind, numbers(seed + 1, dtype, 6)), (2, 3), parameter=True)}
    return state


def torch(folder):
    """PyTorch files of every era, ckmerge's own form, keys to choose from, and values that are no tensor."""
    for seed, letter in enumerate("ab"):
        forms = {"newest.pth": torch_zip(torch_state(seed)),
                 "1.6.pt": torch_zip({"model": {"state_dict": torch_state(seed)}, "note": "x"}, era="1.6", protocol=5),
                 "2.1.ckpt": torch_zip({"state_dict": torch_state(seed), "epoch": 3}, era="2.1", protocol=3),
                 "stream.bin": torch_stream(torch_state(seed)),
                 "keys.pth": torch_zip({"params_ema": torch_state(seed), "params": torch_state(seed + 2),
                                        "other": {"deep.er": torch_state(seed + 4)}}),
                 "none.pth": torch_zip({"weights": torch_state(seed), "config": {"a": 1}, "net": {"ema": 3, "g": torch_state(seed)}}),
                 "notes.ckpt": torch_zip({"state_dict": {**torch_state(seed), "lr": 0.5, "tag": "x"},
                                          "cb": stand_in("lightning.Callback")()}),
                 "own.ckpt": torch_archive.expected_file({"w": tensor(seed, "F32", 9), "n": tensor(seed, "I64")}, {"by": "x"}),
                 "huge.pth": torch_zip({"w": Tensor(Storage("Float", bytes(4)), (1 << 29,), (0,))})}
        for name, data in forms.items():
            (folder / f"{letter}.{name}").write_bytes(data)
    write(folder / "c.safetensors", {name: (DTYPES[t.storage.kind], list(t.shape), t.elements()) for name, t in torch_state(2).items()})
    write(folder / "codes.safetensors", {"x.weight": ("F8_E4M3", [2], b"\x38\x40"), "x.scale_weight": tensor(1, "F32")})


def foreign(folder):
    """The saved inputs of the fuzzers: files that are damaged in one way each."""
    for corpus in sorted((TESTS / "fuzz" / "corpus").glob("fuzz_*")):
        shutil.copytree(corpus, folder / corpus.name)


def recipes(folder):
    """Recipes that are damaged in one way each, in files that seem to be results."""
    for letter in "ab":
        write(folder / f"{letter}.safetensors", {"w": tensor(letter, "F32", 4)})
    for path in sorted((TESTS / "fuzz/corpus/fuzz_recipe").iterdir()):
        text = path.read_bytes().decode(errors="replace")
        write(folder / "files" / f"{path.name}.safetensors", {"w": tensor(1, "F32", 4)}, {"ckmerge.recipe": text})


SETS = {make.__name__: make for make in (dtypes, special, blocks, model, parts, torch, foreign, recipes)}


def make_all(folder):
    for name, make in SETS.items():
        (folder / name).mkdir(parents=True)
        make(folder / name)
        for path in (folder / name).rglob("*"):
            os.utime(path, (MADE_AT, MADE_AT))
