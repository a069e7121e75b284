# SPDX-License-Identifier: Apache-2.0
"""Folders of a model in shards, as transformers saves them, and what became of one: for the tests of folders under faults."""
import json
import shutil

from scene import make_inputs, random_halves

OUT = "out"
PARTIAL = f".{OUT}.ckmerge-partial"
SHARDS, TENSORS = 4, 3
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": SHARDS, "dtype": "float16", "vocab_size": 48}


def write(folder, seed, elements=1 << 20, shards=SHARDS):
    """`shards` shards of TENSORS tensors of F16, a layer each, with index and config."""
    folder.mkdir()
    places = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        tensors = [(f"model.layers.{shard}.mlp.{kind}_proj.weight", "F16", [64, elements // 64],
                    random_halves(2 * elements, f"{seed} {shard} {kind}")) for kind in ("down", "gate", "up")]
        make_inputs.write(folder / file, {"format": "pt"}, tensors, True)
        places.update({name: file for name, *_ in tensors})
    index = {"metadata": {"total_parameters": shards * TENSORS * elements, "total_size": 2 * shards * TENSORS * elements}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2, sort_keys=True) + "\n")


def write_old(folder):
    """A small model in one file, to be replaced."""
    folder.mkdir()
    make_inputs.write(folder / "model.safetensors", {"format": "pt"}, [("old", "F16", [2], b"old ")], True)
    (folder / "config.json").write_text(json.dumps(CONFIG))


def content(folder):
    """{path below it: bytes}, or None where there is no such folder."""
    if not folder.exists():
        return None
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
