#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: lora.py CKMERGE
lora extract, merge and resize: files that come of them, against products and sums computed here; what is refused."""
import json
import math
import os
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from operation_files import make, read

CODES = {"F16": "e", "F32": "f"}


def numbers(seed, count, scale=1.0):
    rng = random.Random(seed)
    return [scale * rng.gauss(0, 1) for _ in range(count)]


def values(entry):
    dtype, shape, data = entry
    return list(struct.unpack(f"<{math.prod(shape)}{CODES[dtype]}", data))


def product(up, down, rank):
    """rows of up times all of down, both flat."""
    rows, columns = len(up) // rank, len(down) // rank
    return [sum(up[i * rank + k] * down[k * columns + j] for k in range(rank)) for i in range(rows) for j in range(columns)]


def delta(path, module):
    """What a file of kohya's adds: alpha / rank * up * down."""
    tensors = read(path)
    up, down = tensors[module + ".lora_up.weight"], tensors[module + ".lora_down.weight"]
    rank = down[1][0]
    alpha = values(tensors[module + ".alpha"])[0] if module + ".alpha" in tensors else rank
    return [alpha / rank * x for x in product(values(up), values(down), rank)]


def near(found, wanted, bound):
    return len(found) == len(wanted) and max(abs(a - b) for a, b in zip(found, wanted)) <= bound


def done(*words):
    result = call(*words)
    expect(result.returncode == 0, f"{' '.join(words)}: {result.returncode} {result.stderr}")
    return result


# Signs of a Stable Diffusion 1 U-Net and its text encoder, tiny.
UNET, CLIP = "model.diffusion_model.", "cond_stage_model.transformer.text_model."
MODULES = {
    UNET + "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight": [24, 24],
    UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [24, 32],
    UNET + "input_blocks.1.0.in_layers.2.weight": [24, 16, 3, 3],
}


def checkpoint(seed):
    tensors = {name: ("F32", shape, numbers(seed + k, math.prod(shape))) for k, (name, shape) in enumerate(MODULES.items())}
    tensors[UNET + "input_blocks.0.0.weight"] = ("F32", [16, 4, 3, 3], numbers(seed + 10, 576))
    tensors[UNET + "input_blocks.1.0.in_layers.0.bias"] = ("F32", [16], numbers(seed + 11, 16))
    return tensors


def language_model(seed):
    shapes = {"self_attn.q_proj": [40, 32], "self_attn.v_proj": [16, 32], "mlp.down_proj": [32, 48]}
    tensors = {f"model.layers.{layer}.{name}.weight": ("F32", shape, numbers(seed + layer, math.prod(shape)))
               for layer in range(2) for name, shape in shapes.items()}
    tensors["model.embed_tokens.weight"] = ("F32", [10, 32], numbers(seed + 5, 320))
    tensors["model.norm.weight"] = ("F32", [32], numbers(seed + 6, 32))
    return tensors


def plus(tensors, changes):
    out = dict(tensors)
    for name, more in changes.items():
        dtype, shape, old = out[name]
        out[name] = (dtype, shape, [a + b for a, b in zip(old, more)])
    return out


def low_rank(seed, shape, rank=8):
    columns = math.prod(shape[1:])
    return product(numbers(seed, shape[0] * rank), numbers(seed + 1, rank * columns), rank)


def extracts_for_peft():
    base = language_model(1)
    q = "model.layers.0.self_attn.q_proj.weight"
    down = "model.layers.1.mlp.down_proj.weight"
    changes = {q: low_rank(20, [40, 32]), down: low_rank(22, [32, 48], 3), "model.norm.weight": numbers(9, 32)}
    make("base.safetensors", base)
    make("tuned.safetensors", plus(base, changes))
    told = json.loads(done("lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", "8", "--save-dtype", "f32",
                           "-o", "adapter/", "--json").stdout)
    expect(told["unchanged"] == 4 and told["left_out"] == ["model.norm.weight"], f"what is told: {told}")
    expect(told["kept"] > 1 - 1e-7, f"kept {told['kept']}")
    expect(sorted(os.listdir("adapter")) == ["adapter_config.json", "adapter_model.safetensors"], "files of PEFT")
    config = json.loads(pathlib.Path("adapter/adapter_config.json").read_text())
    expect(config["peft_type"] == "LORA" and config["r"] == config["lora_alpha"] == 8, "rank in the config")
    expect(config["target_modules"] == ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"], "targets")
    tensors = read("adapter/adapter_model.safetensors")
    for name, change in ((q, changes[q]), (down, changes[down])):
        front = "base_model.model." + name[:-len(".weight")]
        up, low = tensors[front + ".lora_B.weight"], tensors[front + ".lora_A.weight"]
        expect(near(product(values(up), values(low), 8), change, 2e-5), f"the delta of {name}")
    expect(len(tensors) == 4, "nothing else is in it")
    done("bake", "base.safetensors", "--lora", "adapter", "-o", "baked.safetensors")
    baked, tuned = read("baked.safetensors"), read("tuned.safetensors")
    for name in (q, down):
        expect(near(values(baked[name]), values(tuned[name]), 3e-5), f"baked {name}")
    # A folder that is there is not replaced unasked.
    refused(2, "adapter", "lora", "extract", "tuned.safetensors", "base.safetensors", "-o", "adapter/")


def same_bytes():
    base = language_model(1)
    make("base.safetensors", base)
    make("tuned.safetensors", plus(base, {name: numbers(k, math.prod(entry[1]), 0.1)
                                          for k, (name, entry) in enumerate(base.items()) if len(entry[1]) > 1}))
    written = set()
    for k, words in enumerate((["--threads", "1"], ["--threads", "4"], ["--memory", "40M", "--threads", "2"])):
        done("lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", "4", "--spelling", "peft", "-o", f"out{k}", *words)
        written.add(pathlib.Path(f"out{k}/adapter_model.safetensors").read_bytes())
    expect(len(written) == 1, "bytes hang on threads or memory")
    refused(5, "--memory", "lora", "extract", "tuned.safetensors", "base.safetensors", "--spelling", "peft", "-o", "less", "--memory", "16M")


def lora(path, seed, rank, alpha, modules=("lora_unet_mid_block_attentions_0_proj_in", "lora_te_text_model_encoder_layers_0_mlp_fc1"),
         metadata=None):
    tensors = {}
    for k, module in enumerate(modules):
        tensors[module + ".lora_up.weight"] = ("F32", [12, rank], numbers(seed + 2 * k, 12 * rank))
        tensors[module + ".lora_down.weight"] = ("F32", [rank, 10], numbers(seed + 2 * k + 1, 10 * rank))
        tensors[module + ".alpha"] = ("F32", [], [float(alpha)])
    make(path, tensors, metadata)
    return modules


def merges():
    unet, te = lora("a.safetensors", 1, 4, 2, metadata={"ss_base_model_version": "sd_v1", "ss_network_dim": "4", "ss_output_name": "a"})
    lora("b.safetensors", 50, 3, 3, metadata={"ss_base_model_version": "sd_v1", "ss_network_dim": "3", "ss_output_name": "b"})
    done("lora", "merge", "a.safetensors:0.7", "b.safetensors:-0.4:te=0", "--save-dtype", "f32", "-o", "sum.safetensors")
    wanted = [0.7 * x - 0.4 * y for x, y in zip(delta("a.safetensors", unet), delta("b.safetensors", unet))]
    expect(near(delta("sum.safetensors", unet), wanted, 1e-5), "the sum of two")
    expect(near(delta("sum.safetensors", te), [0.7 * x for x in delta("a.safetensors", te)], 1e-5), "te=0")
    found = read("sum.safetensors")
    expect(found[unet + ".lora_down.weight"][1] == [7, 10] and found[te + ".lora_down.weight"][1] == [4, 10], "ranks are added up")
    metadata = metadata_of("sum.safetensors")
    expect(metadata["ss_base_model_version"] == "sd_v1" and metadata["ss_network_dim"] == "7", f"metadata {metadata}")
    expect("ss_output_name" not in metadata, "what the two do not say alike is not kept")
    expect(json.loads(metadata["ckmerge.adapter"])["inputs"] == ["a.safetensors", "b.safetensors"], "what it was made of")
    # One with itself: twice itself, of the same rank.
    done("lora", "merge", "a.safetensors", "a.safetensors", "--rank", "4", "--save-dtype", "f32", "-o", "twice.safetensors")
    expect(near(delta("twice.safetensors", unet), [2 * x for x in delta("a.safetensors", unet)], 2e-5), "one with itself")
    done("lora", "merge", "a.safetensors:1:lbw=1,1,1,1,1,0.5,1,1,1,1,1,1", "--save-dtype", "f32", "-o", "blocks.safetensors")
    expect(near(delta("blocks.safetensors", unet), [0.5 * x for x in delta("a.safetensors", unet)], 1e-5), "the strength of M00")
    expect(near(delta("blocks.safetensors", te), delta("a.safetensors", te), 1e-5), "the strength of BASE")
    refused(2, "12 (SDXL)", "lora", "merge", "a.safetensors:lbw=1,2", "-o", "x.safetensors")
    refused(2, "--concat", "lora", "merge", "a.safetensors", "--concat", "--rank", "2", "-o", "x.safetensors")
    refused(2, "--energy", "lora", "merge", "a.safetensors", "--energy", "0.5", "-o", "x.safetensors")


def resizes():
    unet, te = lora("a.safetensors", 1, 6, 6)
    done("lora", "resize", "a.safetensors", "--rank", "6", "--save-dtype", "f32", "-o", "same.safetensors")
    for module in (unet, te):
        expect(near(delta("same.safetensors", module), delta("a.safetensors", module), 2e-5), "resized to its own rank")
    told = json.loads(done("lora", "resize", "a.safetensors", "--rank", "2", "--save-dtype", "f32", "-o", "two.safetensors", "--json").stdout)
    all_of, two = delta("a.safetensors", unet), delta("two.safetensors", unet)
    kept = 1 - sum((x - y) ** 2 for x, y in zip(all_of, two)) / sum(x * x for x in all_of)
    of_unet = next(module for module in told["modules"] if module["name"] == unet)
    expect(abs(of_unet["kept"] - kept) < 1e-5, f"the energy that is told: {of_unet['kept']}, and is: {kept}")
    told = json.loads(done("lora", "resize", "a.safetensors", "--energy", "0.9", "-o", "most.safetensors", "--json").stdout)
    expect(all(module["kept"] >= 0.9 for module in told["modules"]) and all(module["rank"] < 6 for module in told["modules"]), "--energy")
    refused(2, "needs a rank", "lora", "resize", "a.safetensors", "-o", "x.safetensors")
    refused(2, "takes no strength", "lora", "resize", "a.safetensors:0.5", "--rank", "2", "-o", "x.safetensors")
    text = done("lora", "resize", "a.safetensors", "--rank", "2", "-o", "x.safetensors", "-v").stdout
    expect("energy kept" in text and unet in text, f"what is told: {text}")
    planned = done("lora", "resize", "a.safetensors", "--rank", "2", "-o", "y.safetensors", "-n").stdout
    expect("Nothing was written" in planned and not os.path.exists("y.safetensors"), "--dry-run")


def refuses():
    refused(2, "say what is to be done", "lora", "-o", "x.safetensors")
    refused(2, "unknown word 'mrege'", "lora", "mrege", "a", "-o", "x.safetensors")
    refused(2, "two checkpoints", "lora", "extract", "a.safetensors", "-o", "x.safetensors")
    unet, _ = lora("a.safetensors", 1, 4, 2)
    make("dora.safetensors", {unet + ".lora_up.weight": ("F32", [4, 2], numbers(1, 8)), unet + ".lora_down.weight": ("F32", [2, 4], numbers(2, 8)),
                              unet + ".alpha": ("F32", [], [2.0]), unet + ".dora_scale": ("F32", [4, 1], numbers(3, 4))})
    refused(4, "is LoRA with DoRA", "lora", "resize", "dora.safetensors", "--rank", "1", "-o", "x.safetensors")
    refused(4, "is an adapter", "merge", "a.safetensors", "dora.safetensors", "-o", "x.safetensors")
    make("base.safetensors", language_model(1))
    refused(4, "holds no weights", "lora", "extract", "a.safetensors", "base.safetensors", "-o", "x.safetensors")
    refused(4, "differs from", "lora", "extract", "base.safetensors", "base.safetensors", "--spelling", "peft", "-o", "x")
    refused(4, "--spelling peft", "lora", "extract", "base.safetensors", "base.safetensors", "-o", "x.safetensors")
    refused(2, "no output", "lora", "resize", "a.safetensors", "--rank", "2")


def inspects():
    unet, te = lora("a.safetensors", 1, 4, 2)
    told = json.loads(done("inspect", "a.safetensors", "--json", "--blocks").stdout)["files"][0]["adapter_modules"]
    expect([module["name"] for module in told["modules"]] == sorted([unet, te]), "modules")
    expect(all(module["rank"] == 4 and module["scale"] == 0.5 and module["kind"] == "LoRA" for module in told["modules"]), f"modules: {told}")
    norm = math.sqrt(sum(x * x for x in delta("a.safetensors", unet)))
    expect(abs(told["strengths"]["M00"] - norm) < 1e-3 * norm, f"strengths: {told['strengths']}")
    text = done("inspect", "a.safetensors").stdout
    expect("2 modules of LoRA" in text and "rank 4, alpha 2, scale 0.5" in text, f"what is told: {text}")
    expect(all(module["alpha"] == 2 for module in told["modules"]) and told["dora_comfy"] is False, f"alphas: {told}")
    text = done("inspect", "a.safetensors", "--blocks", "--tensors").stdout
    expect(f"M00  {norm:.6g}\n" in text and "M00   3 tensors" in text and f"{unet}.alpha  F32 []  4 B  M00" in text, f"blocks: {text}")
    make("dora.safetensors", {unet + ".lora_up.weight": ("F32", [4, 2], numbers(1, 8)), unet + ".lora_down.weight": ("F32", [2, 4], numbers(2, 8)),
                              unet + ".dora_scale": ("F32", [4, 1], numbers(3, 4))})
    expect("--dora comfy" in done("inspect", "dora.safetensors").stdout, "how a DoRA may be read")


run_in_folders(extracts_for_peft, same_bytes, merges, resizes, refuses, inspects)
