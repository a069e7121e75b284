# SPDX-License-Identifier: Apache-2.0
"""Small folders of models, as save_pretrained of transformers and diffusers writes them, and what is read of others."""
import hashlib
import json
import pathlib
import random
import struct
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]
import make_inputs
from checks import call, expect, safetensors

LAYERS = 3


def floats(count, seed):
    """Little-endian F32, every one of them exact in BF16."""
    values = random.Random(seed)
    return [values.randrange(-128, 128) / 64 for _ in range(count)]


def packed(dtype, values):
    data = struct.pack(f"<{len(values)}f", *values)
    return data if dtype == "F32" else b"".join(data[i + 2:i + 4] for i in range(0, len(data), 4))


def llama(seed, layers=LAYERS, width=8, words=16, dtype="BF16"):
    """[(name, dtype, shape, bytes)] of a language model; the router is F32 whatever the others are."""
    shapes = {"model.embed_tokens.weight": [words, width], "model.norm.weight": [width], "lm_head.weight": [words, width]}
    for layer in range(layers):
        for name, shape in (("self_attn.q_proj.weight", [width, width]), ("mlp.up_proj.weight", [2 * width, width]),
                            ("mlp.gate.e_score_correction_bias", [4]), ("input_layernorm.weight", [width])):
            shapes[f"model.layers.{layer}.{name}"] = shape
    tensors = []
    for name, shape in shapes.items():
        count = 1
        for size in shape:
            count *= size
        own = "F32" if "e_score" in name else dtype
        tensors.append((name, own, shape, packed(own, floats(count, f"{seed} {name}"))))
    return tensors


CONFIG = {"architectures": ["LlamaForCausalLM"], "dtype": "bfloat16", "eps": 1e-05, "hidden_size": 8, "layer_types": ["full_attention"] * LAYERS,
          "model_type": "llama", "num_hidden_layers": LAYERS, "vocab_size": 16}
SIDE = {"generation_config.json": '{"do_sample": true}\n', "tokenizer.json": '{"version": "1.0"}', "tokenizer_config.json": "{}",
        "special_tokens_map.json": "{}", "chat_template.jinja": "{{ messages }}", "additional_chat_templates/tool.jinja": "{{ tools }}",
        "tokenizer.model": "\x00\x01spiece", "preprocessor_config.json": "{}", "LICENSE": "free\n"}


def write_text(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def write_weights(path, tensors):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_inputs.write(path, {"format": "pt"}, list(tensors), True)


def write_model(folder, tensors, config=CONFIG, side=SIDE):
    """A folder of one file."""
    write_weights(f"{folder}/model.safetensors", tensors)
    if config is not None:
        write_text(f"{folder}/config.json", json.dumps(config, indent=2) + "\n")
    for path, text in side.items():
        write_text(f"{folder}/{path}", text)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file())


def tensors_in(folder):
    """{name: (dtype, shape, bytes)} of all its safetensors, none of them twice."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        for name, tensor in safetensors(path)[1].items():
            expect(name not in found, f"{name} is in two files")
            found[name] = tensor
    return found


def as_read(tensors):
    return {name: (dtype, shape, data) for name, dtype, shape, data in tensors}


def digest(folder):
    """Of all files and their names."""
    sums = "".join(f"{hashlib.sha256(pathlib.Path(folder, path).read_bytes()).hexdigest()}  {path}\n" for path in files_in(folder))
    return hashlib.sha256(sums.encode()).hexdigest()


def done(*words, **options):
    result = call(*words, **options)
    expect(result.returncode == 0, f"{' '.join(words)}: {result.returncode} {result.stderr}")
    return result
