# SPDX-License-Identifier: Apache-2.0
"""Folders of checkpoints in several shards, as the libraries of Hugging Face write them."""
import json
import os
import pathlib

import torch_save
from operation_files import make, some

TRANSFORMERS = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
DIFFUSERS = {"_class_name": "UNet2DConditionModel"}


def weights(seed, *names, shape=(2, 2), dtype="F32"):
    return {name: (dtype, list(shape), some(f"{seed}{name}", *shape)) for name in names}


def size_of(tensors):
    bytes_of = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "I32": 4}
    return sum(bytes_of[dtype] * len(values) for dtype, _, values in tensors.values())


def shard_name(stem, number, of, variant="", extension=".safetensors"):
    return f"{stem}{'.' + variant if variant else ''}-{number:05}-of-{of:05}{extension}"


def write_json(path, value):
    pathlib.Path(path).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def write_index(folder, shards, stem="model", extension=".safetensors", variant="", **changes):
    """Of [{name: tensor}, ...]; `changes` replace what the index would say at the top."""
    index = {"metadata": {"total_size": sum(map(size_of, shards))},
             "weight_map": {name: shard_name(stem, k + 1, len(shards), variant, extension)
                            for k, tensors in enumerate(shards) for name in tensors}} | changes
    name = f"{stem}{extension}.index.{variant + '.' if variant else ''}json"
    write_json(f"{folder}/{name}", {key: value for key, value in index.items() if value is not None})
    return name


def write_shards(folder, shards, stem="model", config=TRANSFORMERS, index=True, variant="", **changes):
    os.makedirs(folder, exist_ok=True)
    if config is not None:
        write_json(f"{folder}/config.json", config)
    for k, tensors in enumerate(shards):
        make(f"{folder}/{shard_name(stem, k + 1, len(shards), variant)}", tensors)
    if index:
        write_index(folder, shards, stem, variant=variant, **changes)


def write_torch_shards(folder, shards, config=TRANSFORMERS):
    """As pytorch_model-0000N-of-0000M.bin with their index."""
    os.makedirs(folder, exist_ok=True)
    write_json(f"{folder}/config.json", config)
    for k, tensors in enumerate(shards):
        named = {name: torch_save.Tensor(*tensor) for name, tensor in tensors.items()}
        torch_save.save(f"{folder}/{shard_name('pytorch_model', k + 1, len(shards), extension='.bin')}", named)
    write_index(folder, shards, "pytorch_model", ".bin")
