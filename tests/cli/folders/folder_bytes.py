#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: folder_bytes.py CKMERGE
Merges of folders in shards give the same files whatever the threads, the memory that tiles are cut for, and the kernels, however
the inputs are cut into shards; and the same values as on other machines, whose digests stand here."""
import hashlib
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, run_in_folders, safetensors

# Sizes on both sides of a tile, none of them even; dtypes that a model has beside each other.
LAYER = {"mlp.down_proj.weight": ("BF16", [255, 1031]), "mlp.gate.e_score_correction_bias": ("F32", [7]), "self_attn.q_proj.weight": ("F16", [129, 65]),
         "input_layernorm.weight": ("F32", [1031])}
LAYERS, SHARD = 5, "1200KB"
FINITE = {"F16": 0x3F, "BF16": 0xBF, "F32": 0xBF}  # of the last byte of an element: it stays below 2
WORDS = {"linear": ["-m", "linear", "--weights", "0.3,0.7"], "slerp": ["-m", "slerp", "--alpha", "0.3"], "bf16": ["-m", "weighted_sum", "--alpha", "0.25", "--dtype", "bf16"]}
# As single files give them.
VALUES = {"linear": "9913079e635e61f0", "slerp": "b481c723461b6cbb", "bf16": "c3e61b41bbc1f34d"}
WAYS = [["--threads", "1"], ["--threads", "3"], ["--threads", "1", "--memory", "2MiB"], ["--threads", "4", "--memory", "3MiB"], ["--memory", "300MiB"]]


def element_bytes(name, dtype, shape):
    size = 2 if dtype != "F32" else 4
    count = size
    for extent in shape:
        count *= extent
    raw = bytearray(random.Random(name).randbytes(count))
    for at in range(size - 1, count, size):
        raw[at] &= FINITE[dtype]
    return bytes(raw)


def tensors(letter):
    named = {f"model.layers.{layer}.{name}": entry for layer in range(LAYERS) for name, entry in LAYER.items()}
    named["model.embed_tokens.weight"] = "BF16", [48, 1031]
    return [(name, dtype, shape, element_bytes(letter + name, dtype, shape)) for name, (dtype, shape) in sorted(named.items())]


def folder(name, letter, shards):
    os.mkdir(name)
    made, places = tensors(letter), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors" if shards > 1 else "model.safetensors"
        part = made[shard * len(made) // shards:(shard + 1) * len(made) // shards]
        make_inputs.write(f"{name}/{file}", {"format": "pt"}, part, True)
        places.update({tensor[0]: file for tensor in part})
    if shards > 1:
        total = sum(len(tensor[3]) for tensor in made)
        pathlib.Path(name, "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
    pathlib.Path(name, "config.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": LAYERS, "vocab_size": 48}))


def content(name):
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(name).iterdir())}


def digest_of_values(name):
    """Of all tensors by name, without headers, which hold what the program says of itself."""
    sums = hashlib.sha256()
    found = {key: entry for path in pathlib.Path(name).glob("*.safetensors") for key, entry in safetensors(path)[1].items()}
    for key in sorted(found):
        sums.update(f"{key} {found[key][0]} {found[key][1]}".encode() + found[key][2])
    return sums.hexdigest()[:16]


def merged(out, *words, isa=None):
    if isa:
        os.environ["CKMERGE_ISA"] = isa
    done = call("merge", *words, "-o", out + "/", "--shard-size", SHARD, "-q")
    os.environ.pop("CKMERGE_ISA", None)
    expect(done.returncode == 0, f"{' '.join(words)}: {done.returncode} {done.stderr}")
    return content(out) if done.returncode == 0 else {}


def same_files():
    for name, letter, shards in (("a", "A", 3), ("b", "B", 1), ("elsewhere", "A", 7)):
        folder(name, letter, shards)
    for key, words in WORDS.items():
        first = merged("first-" + key, "a", "b", *words)
        expect(sum(name.endswith(".safetensors") for name in first) > 2, f"{key}: {sorted(first)}")
        expect(digest_of_values("first-" + key) == VALUES[key], f"{key}: values have the digest {digest_of_values('first-' + key)}")
        for number, way in enumerate(WAYS):
            other = merged(f"{key}-{number}", "a", "b", *words, *way)
            expect(other == first, f"{key}, {' '.join(way)}: {[name for name in first if other.get(name) != first[name]]} differ")
        other = merged(f"{key}-isa", "a", "b", *words, isa="baseline")
        expect(other == first, f"{key}, baseline kernels: other files")
        merged(f"{key}-elsewhere", "elsewhere", "b", *words)
        expect(digest_of_values(f"{key}-elsewhere") == VALUES[key], f"{key}: other shards in, other values out")


run_in_folders(same_files)
