#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: converted_layouts.py CKMERGE
Every recorded model converted to its other naming is, byte for byte, what the real converter made of it; and back, but
for what the other naming lacks, which is named."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import read

PREFIXES = ("model.diffusion_model.", "model.model.", "first_stage_model.", "vae.", "audio_vae.", "control_model.")


def converted(source, naming):
    done = call("convert", source, "out.safetensors", "--layout", naming, "-f")
    expect(done.returncode == 0, f"{source}: {done.stderr[:1000]}")
    return (read("out.safetensors") if done.returncode == 0 else {}), done


def bare(tensors):
    """Without what a whole checkpoint puts in front, which readers of single files ask for in some families."""
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return {name[len(prefix):]: entry for name, entry in tensors.items()}
    return tensors


def check(what, found, expected):
    found = bare(found)
    expect(set(found) == set(expected), f"{what}: {sorted(set(found) ^ set(expected))[:5]}")
    wrong = [name for name in expected if found.get(name) != expected[name]]
    expect(not wrong, f"{what}: {len(wrong)} of {len(expected)} differ: {wrong[:3]}")


def both_ways(model):
    for naming in ("left", "right"):
        make_models.write(f"{model.name}.{naming}.safetensors", make_models.tensors(model, naming, "BF16"), "BF16")
    left, right = read(f"{model.name}.left.safetensors"), read(f"{model.name}.right.safetensors")
    found, done = converted(f"{model.name}.left.safetensors", model.right_naming)
    check(f"{model.name} to {model.right_naming}", found, right)
    for name in model.left_out()[:1]:
        expect(name in done.stdout + done.stderr, f"{model.name}: {name} is not named: {done.stdout}")
    found, _ = converted(f"{model.name}.right.safetensors", model.left_naming)
    check(f"{model.name} to {model.left_naming}", found, {n: e for n, e in left.items() if n not in model.left_out()})


def every_model():
    for name in recorded_models.names():
        model = recorded_models.Recorded(name)
        if "open_clip" not in model.left_naming:
            both_ways(model)


def averages():
    """--ema use takes the averages before names change."""
    model = recorded_models.Recorded("sd1")
    prefix = "model.diffusion_model."
    weights, average = (make_models.tensors(model, "left", "F16", seed) for seed in (1, 2))
    whole = {prefix + name: entry for name, entry in weights.items()}
    last = max(weights)
    whole |= {"model_ema." + (prefix + name)[len("model."):].replace(".", ""): entry for name, entry in average.items() if name != last}
    whole["model_ema.of_nothing"] = weights[last]
    make_models.write("ema.safetensors", whole, "F16")
    average[last] = weights[last]
    make_models.write("expected.safetensors", {prefix + name: entry for name, entry in average.items()}, "F16")
    for naming in ("diffusers", "comfy"):
        expected, _ = converted("expected.safetensors", naming)
        done = call("convert", "ema.safetensors", "out.safetensors", "--layout", naming, "--ema", "use", "-f")
        expect(done.returncode == 0, f"--ema use: {done.stderr}")
        expect(read("out.safetensors") == expected, f"--ema use --layout {naming}")
        for words in ("model_ema.", last, "of_nothing"):
            expect(words in done.stdout, f"{words} is not said: {done.stdout}")
    whole["model_ema." + (prefix + last)[len("model."):].replace(".", "")] = ([1], weights[last][1][:1])
    make_models.write("odd.safetensors", whole, "F16")
    done = call("convert", "odd.safetensors", "out.safetensors", "--layout", "diffusers", "--ema", "use", "-f")
    expect(done.returncode == 4 and "shape" in done.stderr, f"an average of another shape: {done.stderr}")


def unconverted():
    """Families that no program converts are told, and refused by name; their own names are kept."""
    one = lambda *names: {name: ([1], [0x3F80]) for name in names}
    flux, q = "double_blocks.0.img_attn.qkv.weight", "transformer_blocks.0.attn.to_q.weight"
    families = {
        "flux-controlnet": one("controlnet_blocks.0.weight", "controlnet_x_embedder.weight", q, "single_transformer_blocks.0.proj_mlp.weight"),
        "sd3-controlnet": one("controlnet_blocks.0.weight", "pos_embed_input.proj.weight", q),
        "stable-audio": one("to_timestep_embed.0.weight", "to_cond_embed.0.weight", "transformer.layers.0.self_attn.to_qkv.weight"),
        "hunyuan3d": one(flux, "latent_in.weight"),
    }
    for family, tensors in families.items():
        make_models.write("a.safetensors", {name: (shape, make_models.array.array("H", bits)) for name, (shape, bits) in tensors.items()}, "BF16")
        for naming in ("comfy", "diffusers"):
            done = call("convert", "a.safetensors", "out.safetensors", "--layout", naming, "-f")
            stays = naming == ("diffusers" if "controlnet" in family else "comfy")
            fine = done.returncode == 0 and bare(read("out.safetensors")) == read("a.safetensors") if stays else done.returncode == 4 and family in done.stderr
            expect(fine, f"{family} to {naming}: {done.returncode} {done.stderr}")
        told = call("inspect", "a.safetensors").stdout
        expect(family in told, f"{family}: {told[:500]}")
        if "controlnet" in family:
            expect(", controlnet" in told, f"{family}: {told[:500]}")


run_in_folders(averages, every_model, unconverted)
