# SPDX-License-Identifier: Apache-2.0
"""Small models in folders, as transformers writes them, and mergekit's own rules for numbers, written anew to judge by."""
import json
import os
import random
import struct

PARTS = ["input_layernorm.weight", "mlp.down_proj.weight", "mlp.up_proj.weight", "self_attn.q_proj.weight"]


def tensors(seed, layers, vocabulary=6, width=4):
    """Name: (shape, values in f32)."""
    source = random.Random(seed)

    def some(*shape):
        count = 1
        for side in shape:
            count *= side
        return list(shape), [struct.unpack("f", struct.pack("f", source.uniform(-1, 1)))[0] for _ in range(count)]

    model = {"model.embed_tokens.weight": some(vocabulary, width), "model.norm.weight": some(width),
             "lm_head.weight": some(vocabulary, width)}
    for layer in range(layers):
        for part in PARTS:
            model[f"model.layers.{layer}.{part}"] = some(width) if "norm" in part else some(width, width)
    return model


def write_file(path, model):
    header, data = {}, b""
    for name, (shape, values) in sorted(model.items()):
        size = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
        data += struct.pack(f"{len(values)}f", *values)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write_folder(path, model, layers, **config):
    os.makedirs(path)
    write_file(os.path.join(path, "model.safetensors"), model)
    fields = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": layers, "vocab_size": 6,
              "hidden_size": 4, "dtype": "float32", "tie_word_embeddings": False, **config}
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(fields, file)
    with open(os.path.join(path, "tokenizer_config.json"), "w") as file:
        json.dump({"of": os.path.basename(path)}, file)


def read_file(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    model = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32", entry
        model[name] = entry["shape"], list(struct.unpack(f"{(end - begin) // 4}f", data[begin:end]))
    return model


def read_folder(path):
    model = {}
    for name in sorted(os.listdir(path)):
        if name.endswith(".safetensors"):
            model.update(read_file(os.path.join(path, name)))
    return model


def number(setting, name, t):
    """A parameter for a tensor: a scalar, a gradient, {value, filter}, or a list of these. None: it says nothing."""
    if isinstance(setting, dict):
        setting = [setting]
    if not isinstance(setting, list):
        return setting
    if not setting:
        return None
    if not isinstance(setting[0], dict):
        place = t * (len(setting) - 1)
        first = int(place)
        return (1 - place + first) * setting[first] + (place - first) * setting[min(first + 1, len(setting) - 1)]
    for entry in setting:
        if entry.get("filter") in (None, "*") or entry["filter"] in name:
            return number(entry["value"], name, t)
    return None


def layer_of(name):
    words = name.split(".")
    return int(words[2]) if name.startswith("model.layers.") else None


def renumbered(name, layer):
    words = name.split(".")
    return ".".join(words[:2] + [str(layer)] + words[3:])


def gradient_place(name, layers):
    layer = layer_of(name)
    return 0 if layer is None else 1 if layers == 1 else layer / (layers - 1)
