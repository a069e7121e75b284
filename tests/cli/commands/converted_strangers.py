#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: converted_strangers.py CKMERGE
Tensors that a change of names has no place or no rule for: told, in full where that is asked for, and left out where
--discard says it by the names of the file. Files in two namings at once. Parts of files that are one component."""
import json
import pathlib
import random
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
from checks import call, expect, refused, run_in_folders
from operation_files import read
from recorded_models import Recorded, names

LAYER = r"(blocks|layers)\.1\."
UNET = "model.diffusion_model."


def model(name, naming, seed=1, prefix=""):
    return {prefix + key: entry for key, entry in make_models.tensors(Recorded(name), naming, "F16", seed).items()}


def write(path, named):
    make_models.write(path, named, "F16")


def done(*words):
    result = call(*words)
    expect(result.returncode == 0, f"{' '.join(words)}: {result.returncode} {result.stdout[-400:]} {result.stderr[:1000]}")
    return result


def unplaced(result, k=0):
    return {entry["name"]: entry["fate"] for entry in json.loads(result.stdout)["inputs"][k]["unplaced"]}


def two_namings_in_one_file():
    for name, naming, other in (("flux-dev", "original", "diffusers"), ("flux-dev", "diffusers", "original"), ("wan-t2v", "original", "diffusers"),
                                ("z-image", "comfy", "diffusers"), ("hunyuan-video", "original", "diffusers"), ("sd3", "original", "diffusers")):
        own, theirs = model(name, naming), model(name, other)
        strange = sorted(set(theirs) - set(own))
        write("both.safetensors", theirs | own)
        told = call("convert", "both.safetensors", "no.safetensors", "--layout", naming)
        expect(told.returncode == 4 and not pathlib.Path("no.safetensors").exists(), f"{name}, {naming}: {told.returncode} {told.stdout}")
        if (name, naming) == ("flux-dev", "diffusers"):
            continue  # told as the original's, so that what is of that is brought to diffusers'
        layer = [key for key in strange if re.search(LAYER, key)]
        rest = {key: entry for key, entry in own.items() if not re.search(LAYER, key)}
        write("half.safetensors", rest | {key: theirs[key] for key in layer})
        fates = unplaced(done("convert", "half.safetensors", "out.safetensors", "-f", "--layout", naming, "--json"))
        # Wan's norm2 and norm3 are names of both.
        lacking = [key for key in layer if key not in fates and ".norm" not in key]
        expect(not lacking and set(fates) <= set(layer) and set(fates.values()) == {"carried"}, f"{name}, {naming}: {lacking} {fates}")
        told = done("convert", "half.safetensors", "out.safetensors", "-f", "--layout", naming)
        expect(f"{len(fates)} tensors are called as {other} has them" in told.stdout and sorted(fates)[0] in told.stdout, f"{name}: {told.stdout}")


def one_naming_is_not_told():
    for name in names():
        recorded = Recorded(name)
        for naming in ("left", "right"):
            write("in.safetensors", make_models.tensors(recorded, naming, "F16", 1))
            for layout in ("comfy", "diffusers", "original"):
                told = call("convert", "in.safetensors", "out.safetensors", "-f", "--layout", layout)
                expect("called as" not in told.stdout, f"{name}, {naming}, {layout}: {told.stdout}")


def discarded_by_its_own_name():
    stray = {"transformer_blocks.0.attn.to_q.lora_A.weight": ([2], make_models.bits(2, "F16", random.Random(1)))}
    write("b.safetensors", model("flux-dev", "diffusers", 2) | stray)
    write("clean.safetensors", model("flux-dev", "diffusers", 2))
    write("a.safetensors", model("flux-dev", "original", 1))
    refused(4, "leave them out (--discard REGEX)", "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    done("merge", "a.safetensors", "clean.safetensors", "-o", "expected.safetensors")
    told = done("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "--discard", "lora_A")
    expect(read("out.safetensors") == read("expected.safetensors"), "merge --discard")
    expect("lora_A.weight" in told.stdout and "matches no tensor" not in told.stderr + told.stdout, f"merge --discard: {told.stdout} {told.stderr}")
    expect("factor" not in told.stdout + told.stderr, f"factors that are left out: {told.stdout} {told.stderr}")
    told = done("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "--discard", "lora_A", "--json", "-f")
    expect(unplaced(told, 1) == dict.fromkeys(stray, "discarded"), "in JSON")
    refused(4, "leave them out (--discard REGEX)", "convert", "b.safetensors", "x.safetensors", "--layout", "comfy")
    done("convert", "clean.safetensors", "expected.safetensors", "--layout", "comfy", "-f")
    done("convert", "b.safetensors", "out.safetensors", "--layout", "comfy", "--discard", "lora_A", "-f")
    expect(read("out.safetensors") == read("expected.safetensors"), "convert --layout --discard")
    again = done("run", "out.safetensors", "A=b.safetensors", "-o", "again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), f"run: {again.stderr}")
    refused(4, "lora_A", "convert", "b.safetensors", "x.safetensors", "--layout", "comfy", "--discard", "lora_B")
    # So do those that put files together.
    whole = model("flux-dev", "original", 1, UNET) | model("flux-ae", "original", 1, "vae.")
    write("whole.safetensors", whole)
    vae = model("flux-ae", "diffusers", 2)
    write("vae.safetensors", vae)
    bare = next(key for key in vae if key.endswith("attentions.0.to_q.weight"))
    write("odd.safetensors", vae | {bare.replace("to_q.weight", "to_q.weight.odd"): vae[bare]} | {bare.replace("weight", "lora_A"): ([2, 2], vae[bare][1][:4])})
    for words in (("bake", "whole.safetensors"), ("compose", "--unet", "b.safetensors")):
        done(*words, "--vae", "vae.safetensors", "-o", "expected.safetensors", "-f", "--discard", "lora_A|odd")
        done(*words, "--vae", "odd.safetensors", "-o", "out.safetensors", "-f", "--discard", "lora_A|odd")
        expect(read("out.safetensors") == read("expected.safetensors"), f"{words[0]} --discard")
    # A half in another naming, too.
    write("both.safetensors", model("flux-dev", "diffusers") | model("flux-dev", "original"))
    others = "^(single_)?transformer_blocks|^(x|context|time_text)_embed|^(proj|norm)_out"
    done("convert", "both.safetensors", "out.safetensors", "--layout", "original", "--discard", others, "-f")
    expect(read("out.safetensors") == read("a.safetensors"), "one of two namings")


def all_is_told():
    strangers = {f"stranger.{i}.weight": ([2], make_models.bits(2, "F16", random.Random(i))) for i in range(9)}
    write("whole.safetensors", model("sd1", "original", 1, UNET) | model("autoencoder-kl", "original", 1, "first_stage_model.") | strangers)
    told = done("convert", "whole.safetensors", "folder", "--layout", "diffusers", "--json")
    expect(unplaced(told) == dict.fromkeys(strangers, "left_out"), f"left out: {unplaced(told)}")
    told = done("convert", "whole.safetensors", "folder", "--layout", "diffusers", "-v", "-f")
    expect(all(f"{name}: left out" in told.stdout for name in strangers), f"-v: {told.stdout}")
    quiet = done("convert", "whole.safetensors", "folder", "--layout", "diffusers", "-f")
    expect("stranger.8.weight" not in quiet.stdout and "9 tensors are left out" in quiet.stdout, quiet.stdout)
    bare = model("wan-t2v", "original") | strangers
    write("bare.safetensors", bare)
    told = done("convert", "bare.safetensors", "out.safetensors", "--layout", "diffusers", "--json")
    expect(unplaced(told) == dict.fromkeys(strangers, "carried"), f"carried: {unplaced(told)}")
    write("b.safetensors", model("wan-t2v", "diffusers") | strangers)
    write("a.safetensors", model("wan-t2v", "original"))
    told = done("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f", "--json")
    expect(unplaced(told, 1) == dict.fromkeys(strangers, "carried"), f"of a merge: {unplaced(told, 1)}")


def no_average_is_told_rightly():
    write("sd1.safetensors", model("sd1", "original", 1, UNET))
    told = call("convert", "sd1.safetensors", "out.safetensors", "--layout", "diffusers", "--ema", "use")
    expect(told.returncode == 4 and "leave out --ema use" in told.stderr and "first" not in told.stderr.splitlines()[0], told.stderr)


def parts_of_one_component():
    for name in ("clip-g-open-clip", "clip-h-open-clip"):
        for naming in ("open_clip", "hugging_face"):
            write("te.safetensors", model(name, naming))
            done("convert", "te.safetensors", "out.safetensors", "--part", "te", "--dtype", "te=f32", "-f")
            expect({entry[0] for entry in read("out.safetensors").values()} == {"F32"}, f"{name}, {naming}")
            refused(2, "no float tensor of the part unet", "convert", "te.safetensors", "x.safetensors", "--dtype", "unet=f32")
    bare = {key.removeprefix("text_model."): entry for key, entry in model("clip-h-open-clip", "hugging_face").items()}
    qwen = {f"layers.{i}.{part}.weight": ([2], make_models.bits(2, "F16", random.Random(i)))
            for i in range(2) for part in ("self_attn.q_proj", "self_attn.q_norm", "post_attention_layernorm")}
    for named in (bare, qwen, {"model." + key: entry for key, entry in qwen.items()}):
        write("te.safetensors", named)
        done("convert", "te.safetensors", "out.safetensors", "--part", "te", "--dtype", "te=f32", "-f")
        expect(len(read("out.safetensors")) == len(named), f"{sorted(named)[0]}")
    for name, part in (("sd1", "unet"), ("autoencoder-kl", "vae"), ("wan-vae", "vae"), ("krea2", "unet")):
        for naming in ("left", "right"):
            write("in.safetensors", model(name, naming))
            done("convert", "in.safetensors", "out.safetensors", "--part", part, "--dtype", f"{part}=f32", "-f")


run_in_folders(two_namings_in_one_file, one_naming_is_not_told, discarded_by_its_own_name, all_is_told, no_average_is_told_rightly, parts_of_one_component)
