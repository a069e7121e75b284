#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_layouts.py CKMERGE
Every recorded model merged with one that is in its other naming, both ways: each tensor is what the merge of one naming
gives, byte for byte; the same behind another prefix. Of tensors that the other naming lacks A's are kept."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import read


def write(path, named, prefix=""):
    make_models.write(path, {prefix + name: entry for name, entry in named.items()}, "F16")


def merge(a, b):
    done = call("merge", a, b, "-o", "out.safetensors", "--alpha", "0.3", "-f")
    expect(done.returncode == 0, f"{a} {b}: {done.stderr[:1000]}")
    return (read("out.safetensors") if done.returncode == 0 else {}), done


def both_ways(model):
    for seed in (1, 2):
        for naming in ("left", "right"):
            write(f"{naming}{seed}.safetensors", make_models.tensors(model, naming, "F16", seed))
    write("whole2.safetensors", make_models.tensors(model, "right", "F16", 2), "model.diffusion_model.")
    for own, theirs in (("left", "right2"), ("right", "left2"), ("left", "whole2")):
        if theirs == "whole2" and "vae" in model.name or "open-clip" in model.name and theirs == "whole2":
            continue
        expected, _ = merge(f"{own}1.safetensors", f"{own}2.safetensors")
        found, done = merge(f"{own}1.safetensors", f"{theirs}.safetensors")
        if own == "left":
            first = read("left1.safetensors")
            expected.update({name: first[name] for name in model.left_out()})
        expect(set(found) == set(expected), f"{model.name}: {set(found) ^ set(expected)}")
        wrong = [name for name in expected if found.get(name) != expected[name]]
        expect(not wrong, f"{model.name}, {own} and {theirs}: {len(wrong)} of {len(expected)} differ: {wrong[:3]}")
        expect("brought to A's names" in done.stdout or "read with" in done.stdout, f"{model.name}: {done.stdout}")


def every_model():
    for name in recorded_models.names():
        both_ways(recorded_models.Recorded(name))


def parts_of_a_checkpoint():
    """A bare unet in diffusers' names beside a whole checkpoint is its unet; a VAE for --vae gets the original's names."""
    unet, vae = recorded_models.Recorded("sd1"), recorded_models.Recorded("autoencoder-kl")
    write("right.safetensors", make_models.tensors(unet, "right", "F16", 2))
    write("left.safetensors", make_models.tensors(unet, "left", "F16", 2), "model.diffusion_model.")
    write("vae-right.safetensors", make_models.tensors(vae, "right", "F16", 2))
    write("vae-left.safetensors", make_models.tensors(vae, "left", "F16", 2))
    whole = {"model.diffusion_model." + name: entry for name, entry in make_models.tensors(unet, "left", "F16", 1).items()}
    whole |= {"first_stage_model." + name: entry for name, entry in make_models.tensors(vae, "left", "F16", 1).items()}
    write("whole.safetensors", whole)
    expected, _ = merge("whole.safetensors", "left.safetensors")
    found, _ = merge("whole.safetensors", "right.safetensors")
    expect(found == expected and len(found) == len(whole), "a bare unet")
    baked = []
    for side in ("left", "right"):
        done = call("bake", "whole.safetensors", "--vae", f"vae-{side}.safetensors", "-o", "baked.safetensors", "-f")
        expect(done.returncode == 0, f"bake: {done.stderr}")
        baked.append(read("baked.safetensors"))
    expect(baked[0] == baked[1], "a VAE in diffusers' names")


def any_way_of_running():
    """Of tensors that are cut, joined, and whose halves change places, and one that needs two rows of rules."""
    for name, sides in (("flux-dev", ("left", "right")), ("sd3", ("right", "left")), ("hunyuan-video", ("left", "right"))):
        model = recorded_models.Recorded(name)
        for seed, naming in enumerate(sides):
            write(f"{seed}.safetensors", make_models.tensors(model, naming, "F16", seed))
        merge("0.safetensors", "1.safetensors")
        first = pathlib.Path("out.safetensors").read_bytes()
        for words in (["--threads", "1"], ["--threads", "4"], ["--memory", "1MiB"], ["--memory", "1GiB"]):
            done = call("merge", "0.safetensors", "1.safetensors", "-o", "out.safetensors", "--alpha", "0.3", "-f", *words)
            same = done.returncode == 0 and pathlib.Path("out.safetensors").read_bytes() == first
            expect(same, f"{name}: {words}: {done.stderr}")
        done = call("merge", "0.safetensors", "1.safetensors", "-o", "slerp.safetensors", "-m", "slerp", "--alpha", "0.3", "--hash", "-f")
        expect(done.returncode == 0, f"{name}: slerp: {done.stderr}")
        done = call("run", "slerp.safetensors", "A=0.safetensors", "B=1.safetensors", "-o", "again.safetensors", "-f")
        same = done.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("slerp.safetensors").read_bytes()
        expect(same, f"{name}: again: {done.stderr}")


def chained():
    """diffusers' and ComfyUI's names of HunyuanVideo have rules to the original's each, and none to each other."""
    diffusers, comfy = recorded_models.Recorded("hunyuan-video"), recorded_models.Recorded("hunyuan-video-comfy")
    write("a.safetensors", make_models.tensors(comfy, "right", "F16", 1))
    write("b.safetensors", make_models.tensors(diffusers, "right", "F16", 2))
    found, done = merge("a.safetensors", "b.safetensors")
    expect("hunyuan-video: diffusers to comfy" in done.stdout and "kept" not in done.stdout, f"chained: {done.stdout}")


run_in_folders(every_model, parts_of_a_checkpoint, any_way_of_running, chained)
