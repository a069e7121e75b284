# SPDX-License-Identifier: Apache-2.0
"""Folders of small models, the same on every machine, without torch: names, shapes and configs are what transformers saved
(recorded/models.json), values come from names.

A folder is asked for by its name: MODEL_LETTER and marks, as in `llama_B_sharded`. Letters have values of their own. Marks:
sharded    in the shards that save_pretrained made, with its index
respelled  in the other names that transformers saves and loads (respelled.py)
bf16, f16  in that dtype instead of the model's
extended   with more tokens: further rows, and a tokenizer that has them
partial    with the tensors of the first shard alone, in a file that is whole
untold     without a tokenizer
"""
import functools
import hashlib
import json
import pathlib
import random
import struct

import respelled
import tokenizers_made

HERE = pathlib.Path(__file__).resolve().parent
SIZES = {"F32": 4, "F16": 2, "BF16": 2}
DTYPES = {"bf16": ("BF16", "bfloat16"), "f16": ("F16", "float16")}
# k * 2^-10 with |k| < 128: sums of two and their halves have few enough bits to be exact, in bf16 too.
CODES = {dtype: [struct.pack("<" + kind, (k - 127) / 1024)[cut:] for k in range(255)] + [struct.pack("<" + kind, 0.0625)[cut:]]
         for dtype, kind, cut in (("F32", "f", 0), ("F16", "e", 0), ("BF16", "f", 2))}
ROWS = ("embed_tokens.weight", "lm_head.weight")


@functools.lru_cache
def recorded():
    return json.loads((HERE / "recorded" / "models.json").read_text(encoding="utf-8"))


def count_of(shape):
    count = 1
    for extent in shape:
        count *= extent
    return count


def values(model, letter, name, dtype, count):
    """Bytes of the elements. A longer tensor begins as a shorter one does."""
    seed = int.from_bytes(hashlib.sha256(f"{model} {letter} {name}".encode()).digest()[:8], "big")
    codes = CODES[dtype]
    return b"".join(codes[k] for k in random.Random(seed).randbytes(count))


def tensors(name):
    """{name: (dtype, shape, bytes, shard)} of the folder called so, in the order of the recording."""
    model, letter, *marks = name.split("_")
    other = next((DTYPES[mark][0] for mark in marks if mark in DTYPES), None)
    out = {}
    for line in recorded()[model]["tensors"]:
        key, dtype, shape, shard = line.split()
        shape = [int(n) for n in shape.split(",")] if shape != "-" else []
        if "partial" in marks and shard != "1":
            continue
        if "extended" in marks and key.endswith(ROWS):
            shape[0] += len(tokenizers_made.FURTHER)
        dtype = other or dtype
        out[key] = dtype, shape, values(model, letter, key, dtype, count_of(shape)), int(shard)
    return respelled.spell(model, out) if "respelled" in marks else out


def write(path, named):
    """{name: (dtype, shape, bytes, ...)} as a safetensors file."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, raw, *_) in named.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(entry[2] for entry in named.values()))


def write_json(path, value):
    pathlib.Path(path).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_shards(folder, named):
    shards = max(shard for *_, shard in named.values())
    index = {"metadata": {"total_parameters": sum(count_of(shape) for _, shape, *_ in named.values()),
                          "total_size": sum(len(raw) for _, _, raw, _ in named.values())}, "weight_map": {}}
    for number in range(1, shards + 1):
        file = f"model-{number:05}-of-{shards:05}.safetensors"
        of_it = {name: entry for name, entry in named.items() if entry[3] == number}
        write(folder / file, of_it)
        index["weight_map"].update({name: file for name in of_it})
    write_json(folder / "model.safetensors.index.json", index)


def config(name):
    model, _, *marks = name.split("_")
    out = json.loads(json.dumps(recorded()[model]["config"]))
    for mark in marks:
        if mark in DTYPES:
            out["dtype"] = DTYPES[mark][1]
    if "extended" in marks:
        out["vocab_size"] += len(tokenizers_made.FURTHER)
    return out


def make(name, under="."):
    """Writes the folder called so; where it is there already, that one stays."""
    folder, model, marks = pathlib.Path(under) / name, name.split("_")[0], name.split("_")[2:]
    if folder.exists():
        return folder
    folder.mkdir()
    write_json(folder / "config.json", config(name))
    if recorded()[model]["generation_config"]:
        write_json(folder / "generation_config.json", recorded()[model]["generation_config"])
    if "untold" not in marks:
        tokenizers_made.write(folder, "extended" in marks)
    named = tensors(name)
    if "sharded" in marks:
        write_shards(folder, named)
    else:
        write(folder / "model.safetensors", named)
    return folder


def read(path):
    """{name: (dtype, shape, bytes)} of a file."""
    raw = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], raw[8 + length:][slice(*entry["data_offsets"])]) for name, entry in header.items()}


def read_folder(folder):
    """The same of a folder: of the files that its index names, and of a single one where there is none."""
    folder = pathlib.Path(folder)
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return read(folder / "model.safetensors")
    places, out = json.loads(index.read_text(encoding="utf-8"))["weight_map"], {}
    for file in sorted(set(places.values())):
        out.update({name: entry for name, entry in read(folder / file).items() if places.get(name) == file})
    return out
