# SPDX-License-Identifier: Apache-2.0
"""usage: folders.py CKMERGE [NAME ...]
Adapters where more than one file is at hand: pipelines of diffusers, models in shards, adapters that PEFT pickled, strengths by part,
several adapters at once, and merges that have adapters besides, against F64 sums."""
import json
import os
import pathlib
import subprocess
import sys

import named_tests
import namings
import spelled
import tensors

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "pickles"))
import torch_files

UNITS = 8
PLACES = {"unet": ("unet/diffusion_pytorch_model.safetensors", "UNet2DConditionModel"), "te1": ("text_encoder/model.safetensors", "CLIPTextModel"),
          "te2": ("text_encoder_2/model.safetensors", "CLIPTextModelWithProjection")}


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}")
    return done.stdout + done.stderr


def far(result, target, expected):
    """What lies too far from `expected`, {name: numbers}, or is changed beside it."""
    if set(result) != set(target):
        return [f"other names: {sorted(set(result) ^ set(target))[:3]}"]
    faults = []
    for name, entry in target.items():
        if name not in expected:
            faults += [f"{name} is changed"] if result[name][2] != entry[2] else []
            continue
        ours, largest = tensors.numbers("F32", result[name][2]), max(map(abs, expected[name]))
        worst = max(abs(x - y) for x, y in zip(ours, expected[name])) / (largest * 2.0**-24)
        faults += [f"{name} lies {worst:.1f} units apart"] if worst > UNITS else []
    return faults


def in_right(model, part, scale=spelled.SCALE):
    """{right name: numbers} of a part with the adapter."""
    changed, out = namings.merged(model.left[part], model.left_pairs[part], scale), {}
    for line in model.lines[part]:
        if line.right and line.left in changed:
            out[line.right] = [changed[line.left][k] for k in line.elements()]
    return out


def write_adapter(model, spell, path="adapter.safetensors", side="right"):
    made, told = spell(model.right_pairs if side == "right" else model.left_pairs)
    tensors.write(path, made, told)
    return path


def pipeline(model, folder="pipeline"):
    entries = {"_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.42.1"}
    for part, (place, kind) in PLACES.items():
        path = pathlib.Path(folder, place)
        path.parent.mkdir(parents=True)
        tensors.write(path, model.right[part])
        (path.parent / "config.json").write_text(json.dumps({"_class_name": kind} if part == "unet" else {"architectures": [kind]}))
        entries[path.parent.name] = ["diffusers" if part == "unet" else "transformers", kind]
    pathlib.Path(folder, "model_index.json").write_text(json.dumps(entries))
    return folder


def in_pipeline(ckmerge):
    """A LoRA of kohya's baked into all components of a pipeline."""
    model = spelled.models()["sdxl"]
    pipeline(model)
    write_adapter(model, spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"}))
    run(ckmerge, "bake", "pipeline", "--lora", "adapter.safetensors", "-o", "out/", "-f", "-q")
    return [f"{part}: {fault}" for part, (place, _) in PLACES.items()
            for fault in far(tensors.read(pathlib.Path("out", place)), model.right[part], in_right(model, part))][:4]


def by_part(ckmerge):
    """A strength for the network and another for text encoders."""
    model = spelled.models()["sdxl"]
    target = spelled.whole(model)
    tensors.write("target.safetensors", target)
    write_adapter(model, spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"}))
    run(ckmerge, "bake", "target.safetensors", "--lora", "adapter.safetensors:0.75:te=0.25", "-o", "out.safetensors", "-f", "-q")
    expected = {}
    for part, place in model.places.items():
        scale = spelled.SCALE * (0.75 if part == "unet" else 0.25)
        expected |= {place + name: values for name, values in namings.merged(model.left[part], model.left_pairs[part], scale).items()}
    return far(tensors.read("out.safetensors"), target, expected)[:4]


def llama_shards(model, folder="llama"):
    """The model in two shards with its index and config."""
    named, places = model.left["model"], {}
    pathlib.Path(folder).mkdir()
    names = sorted(named)
    for number, part in enumerate((names[:9], names[9:]), 1):
        file = f"model-{number:05}-of-00002.safetensors"
        tensors.write(pathlib.Path(folder, file), {name: named[name] for name in part})
        places |= {name: file for name in part}
    pathlib.Path(folder, "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": sum(len(raw) for _, _, raw in named.values())}, "weight_map": places}))
    pathlib.Path(folder, "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": False}))
    return folder


def read_folder(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        out |= tensors.read(path)
    return out


def peft_folder(model, pickled=False):
    made, config = spelled.peft("model")(model.right_pairs)
    pathlib.Path("adapter").mkdir()
    pathlib.Path("adapter/adapter_config.json").write_text(json.dumps(config))
    if pickled:
        data = {name: torch_files.Tensor(torch_files.Storage("Float", raw, key=str(number)), shape) for number, (name, (_, shape, raw)) in enumerate(made.items())}
        pathlib.Path("adapter/adapter_model.bin").write_bytes(torch_files.torch_zip(data))
    else:
        tensors.write("adapter/adapter_model.safetensors", made)
    return "adapter"


def sharded(ckmerge, pickled=False):
    """An adapter of PEFT's in a model that lies in shards."""
    model = spelled.models()["llama"]
    llama_shards(model)
    peft_folder(model, pickled)
    run(ckmerge, "bake", "llama/", "--lora", "adapter/", "-o", "out/", "-f", "-q")
    card = pathlib.Path("out/README.md").read_text(encoding="utf-8")
    faults = [] if card.startswith("---\nbase_model:\n- llama\nlibrary_name:") else [f"the card begins {card[:80]!r}"]
    faults += [] if "- A: `llama`\n\nwith the adapter\n\n- B: `adapter`, strength 1\n" in card else [f"the card says {card[:400]!r}"]
    return faults + far(read_folder("out"), model.left["model"], model.expected("model"))[:4]


def pickled(ckmerge):
    """The same adapter as PEFT saves it without safetensors."""
    return sharded(ckmerge, True)


def merged(ckmerge):
    """A merge of two checkpoints with two adapters besides, in one run; a formula says the same."""
    model, other = spelled.models()["sdxl"], spelled.Model("other", {"unet": namings.recording("sdxl")}, {"unet": ""}, spelled.trained)
    a, b = model.left["unet"], other.left["unet"]
    tensors.write("a.safetensors", a)
    tensors.write("b.safetensors", b)
    one, _ = spelled.kohya({"unet": "lora_unet_"})({"unet": model.left_pairs["unet"]})
    two, _ = spelled.kohya({"unet": "lora_unet_"})({"unet": other.right_pairs["unet"]})
    tensors.write("one.safetensors", one)
    tensors.write("two.safetensors", two)
    expected = {name: [0.75 * x + 0.25 * y for x, y in zip(tensors.numbers("F32", a[name][2]), tensors.numbers("F32", b[name][2]))] for name in a}
    for adapter, strength in ((model, 0.5), (other, -1.0)):
        zero = {name: (dtype, shape, bytes(len(raw))) for name, (dtype, shape, raw) in a.items()}
        for name, delta in namings.merged(zero, adapter.left_pairs["unet"], strength * spelled.SCALE).items():
            expected[name] = [x + y for x, y in zip(expected[name], delta)]
    run(ckmerge, "merge", "a.safetensors", "b.safetensors", "--alpha", "0.25", "--lora", "one.safetensors:0.5", "--lora", "two.safetensors:-1", "-o", "out.safetensors", "-f", "-q")
    return far(tensors.read("out.safetensors"), a, expected)[:4]


def without_strength(ckmerge):
    """An adapter of strength 0 leaves a copy of the model."""
    model = spelled.models()["sdxl"]
    tensors.write("a.safetensors", model.left["unet"])
    write_adapter(model, spelled.kohya({"unet": "lora_unet_"}))
    run(ckmerge, "bake", "a.safetensors", "--lora", "adapter.safetensors:0", "-o", "out.safetensors", "-f", "-q")
    return far(tensors.read("out.safetensors"), model.left["unet"], {})[:4]


def inpainting(ckmerge):
    """Channels that the adapter's model lacks stay as they are."""
    model, name = spelled.models()["sd1"], "input_blocks.0.0.weight"
    channels, kernel = model.left["unet"][name][1][1], 9
    base = model.left["unet"] | {name: tensors.made("inpainting", name, "F32", [model.left["unet"][name][1][0], channels + 5, 3, 3])}
    tensors.write("base.safetensors", base)
    write_adapter(model, spelled.kohya({"unet": "lora_unet_"}))
    run(ckmerge, "bake", "base.safetensors", "--lora", "adapter.safetensors", "-o", "out.safetensors", "-f", "-q")
    expected = namings.merged(model.left["unet"], model.left_pairs["unet"], spelled.SCALE)
    pair, weight, wide = model.left_pairs["unet"]["input_blocks.0.0"], tensors.numbers("F32", base[name][2]), (channels + 5) * kernel
    expected[name] = [weight[row * wide + column] + (spelled.SCALE * sum(up[k] * pair.down[k][column] for k in range(namings.RANK)) if column < channels * kernel else 0)
                      for row, up in enumerate(pair.up) for column in range(wide)]
    return far(tensors.read("out.safetensors"), base, expected)[:4]


TESTS = {test.__name__: test for test in (in_pipeline, by_part, sharded, pickled, merged, without_strength, inpainting)}


if __name__ == "__main__":
    named_tests.run(TESTS, "tests of adapters and folders")
