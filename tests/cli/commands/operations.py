#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: operations.py CKMERGE
convert, bake and --config, against their rules written down here once more, over checkpoints made here; and every way in
which they can be asked for what cannot be."""
import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from operation_files import UNET, VAE, as_dtype, make, model, part_of, produces, read, some


# ---- convert

def is_real(entry):
    return entry[0] in ("F16", "F32", "F64")


def converted(tensors, dtype=None, dtypes={}, half=False):
    def wanted(name, entry):
        if not is_real(entry) or name == "betas":  # a noise schedule keeps its dtype
            return entry[0]
        said = dtypes.get(part_of(name))
        if said:
            return entry[0] if said == "keep" else said
        return dtype or ("F16" if half and entry[0] == "F32" else entry[0])
    return {name: as_dtype(entry, wanted(name, entry)) for name, entry in tensors.items()}


def test_convert():
    make("m.safetensors", model(1))
    all_of = read("m.safetensors")
    convert = ["convert", "m.safetensors", "out.safetensors"]
    produces(all_of, *convert)
    produces(converted(all_of, "F16", {"vae": "F32", "te": "keep"}), *convert, "--dtype", "f16", "--dtype", "vae=f32", "--dtype", "te=keep")
    produces(converted(all_of, None, {"unet": "F16"}), *convert, "--dtype", "unet=float16")
    produces(converted(all_of, half=True), *convert, "--half")
    produces(converted(all_of, None, {"vae": "F64"}, half=True), *convert, "--half", "--dtype", "vae=f64")
    produces({name: entry for name, entry in all_of.items() if part_of(name) in ("unet", "te") or name == "betas"}, *convert, "--part", "unet,te")
    produces({name: entry for name, entry in all_of.items() if not re.search("bias|loss", name)}, *convert, "--discard", "bias|loss")
    leftovers = {"model_ema.num_updates", "loss.logvar", "epoch"}
    produces({name: entry for name, entry in all_of.items() if name not in leftovers}, *convert, "--prune")
    produces({name: entry for name, entry in all_of.items() if not name.startswith("model_ema.")}, *convert, "--ema", "drop")
    used = {name: entry for name, entry in all_of.items() if not name.startswith("model_ema.")}
    used[UNET + "out.2.weight"] = all_of["model_ema.diffusion_modelout2weight"]
    done = produces(used, *convert, "--ema", "use")
    expect("no average of them is there\n    " + UNET + "out.2.bias" in done.stdout, f"what has no average: {done.stdout}")
    only = {UNET + "out.2.weight": as_dtype(used[UNET + "out.2.weight"], "F16"), UNET + "out.2.bias": used[UNET + "out.2.bias"],
            "betas": all_of["betas"]}
    produces(only, *convert, "--ema", "use", "--part", "unet", "--half")
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect((recorded["half"], recorded["ema"], recorded["parts"]) == (True, "use", ["unet"]), f"recorded: {recorded}")
    expect(json.loads(metadata_of("out.safetensors")["sd_merge_recipe"])["save_as_half"] is True, "save_as_half")

    refused(2, "there is no part 'lora'", *convert, "--part", "lora", "-f")
    refused(2, "given twice for vae", *convert, "--dtype", "vae=f16", "--dtype", "vae=f32", "-f")
    refused(2, "--dtype is given twice", *convert, "--dtype", "f16", "--dtype", "f32", "-f")
    refused(2, "give one", *convert, "--dtype", "f16", "--half", "-f")
    refused(2, "'sometimes' is not one of", *convert, "--ema", "sometimes", "-f")
    refused(2, "no checkpoint is given", "convert")
    refused(2, "one checkpoint and one output", "convert", "m.safetensors", "a", "b")
    refused(2, "no output", "convert", "m.safetensors")
    make("bare.safetensors", {UNET + "a": ("F32", [1], [1])})
    refused(4, "holds no average", "convert", "bare.safetensors", "x.safetensors", "--ema", "use")
    refused(2, "no tensor of the part vae", "convert", "bare.safetensors", "x.safetensors", "--part", "vae")
    make("twice.safetensors", {"model.a.bc": ("F32", [1], [1]), "model.ab.c": ("F32", [1], [2]), "model_ema.abc": ("F32", [1], [3])})
    refused(4, "would have the same average, model_ema.abc", "convert", "twice.safetensors", "x.safetensors", "--ema", "use")
    make("more.safetensors", {"model.a": ("F32", [1], [1]), "model_ema.a": ("F32", [1], [2]), "model_ema.b": ("F32", [1], [3])})
    done = call("convert", "more.safetensors", "x.safetensors", "--ema", "use")
    expect(done.stdout.count("model_ema.b") == 1 and done.stdout.count("model_ema.a") == 1, f"what is left out, once: {done.stdout}")
    make("misfit.safetensors", {"model.a": ("F32", [1], [1]), "model_ema.a": ("F32", [2], [1, 2])})
    refused(4, "1 tensor cannot be merged", "convert", "misfit.safetensors", "x.safetensors", "--ema", "use")


# ---- bake

def test_bake():
    make("a.safetensors", model(1))
    make("b.safetensors", model(2))
    vae = {"decoder.weight": ("F16", [2, 2], some(9, 4)), "loss.x": ("F32", [1], [1]), "decoder.new": ("F32", [1], [1]),
           "model_ema.decay": ("F32", [], [1])}
    make("vae.safetensors", vae, {"vae_title": "not the model's"})
    a, baked = read("a.safetensors"), read("vae.safetensors")
    expected = dict(a) | {VAE + "decoder.weight": baked["decoder.weight"]}
    done = produces(expected, "bake", "a.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
    expect("1  left over" in done.stdout and "decoder.new" in done.stdout, f"left over: {done.stdout}")
    expect("2 tensors are left out" in done.stdout, f"left out: {done.stdout}")
    fields = metadata_of("out.safetensors")
    expect("vae_title" not in fields, "the VAE's metadata is copied")
    expect(json.loads(fields["sd_merge_recipe"])["bake_in_vae"] == "vae.safetensors", "bake_in_vae")
    halved = converted(expected, half=True)
    produces(halved, "bake", "a.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors", "--half")

    # A whole checkpoint as the VAE's file; and a merge that bakes.
    merged = call("merge", "a.safetensors", "b.safetensors", "--alpha", "0.25", "-o", "merged.safetensors", "-f")
    expect(merged.returncode == 0, merged.stderr)
    make("c.safetensors", model(3))
    expected = read("merged.safetensors") | {name: entry for name, entry in read("c.safetensors").items() if name.startswith(VAE)}
    produces(expected, "merge", "a.safetensors", "b.safetensors", "--alpha", "0.25", "--vae", "c.safetensors", "-o", "out.safetensors")
    call("merge", "a.safetensors", "b.safetensors", "--vae", "c.safetensors", "--hash", "-o", "out.safetensors", "-f")
    expect(len(json.loads(metadata_of("out.safetensors")["sd_merge_models"])) == 2, "sd_merge_models counts the VAE")
    os.mkdir("named")
    call("merge", "a.safetensors", "b.safetensors", "--vae", "c.safetensors", "-o", "named/")
    expect(os.listdir("named") == ["0.5(a) + 0.5(b).safetensors"], f"name: {os.listdir('named')}")

    # Flux keeps its VAE under another name.
    make("flux.safetensors", {"vae.decoder.weight": ("F32", [2, 2], some(4, 4)), UNET + "x": ("F32", [1], [1])})
    expected = read("flux.safetensors") | {"vae.decoder.weight": baked["decoder.weight"]}
    produces(expected, "bake", "flux.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")

    refused(2, "nothing to bake is given", "bake", "a.safetensors", "-o", "x.safetensors")
    refused(2, "takes one checkpoint", "bake", "a.safetensors", "b.safetensors", "--vae", "vae.safetensors", "-o", "x.safetensors")
    make("large.safetensors", {"decoder.weight": ("F32", [4, 2], some(9, 8))})
    refused(4, "[2, 2] in a.safetensors, [4, 2] in large.safetensors", "bake", "a.safetensors", "--vae", "large.safetensors", "-o", "x.safetensors")
    make("other.safetensors", {"encoder.x": ("F32", [1], [1])})
    refused(4, "no tensor of this VAE", "bake", "a.safetensors", "--vae", "other.safetensors", "-o", "x.safetensors")
    make("diffusers.safetensors", {"decoder.up_blocks.0.resnets.0.x": ("F32", [1], [1])})
    refused(4, "diffusers' naming", "bake", "a.safetensors", "--vae", "diffusers.safetensors", "-o", "x.safetensors")


# ---- compose

# ---- --config

def test_config():
    for name in "abcd":
        make(f"{name}.safetensors", model(ord(name)))
    pathlib.Path("b.yaml").write_text("model: b\n")
    pathlib.Path("c.yaml").write_text("model: c\n")
    pathlib.Path("v1-inference.yaml").write_text("default\n")
    pathlib.Path("v1-inference.safetensors").write_bytes(pathlib.Path("a.safetensors").read_bytes())

    def copied(choice, *inputs):
        for path in ("o.yaml", "o.safetensors"):
            pathlib.Path(path).unlink(missing_ok=True)
        done = call("merge", *(f"{name}.safetensors" for name in inputs), "-m", "linear", "-o", "o.safetensors", "--config", choice)
        expect(done.returncode == 0, f"--config {choice}: {done.stderr}")
        return pathlib.Path("o.yaml").read_text() if os.path.exists("o.yaml") else None

    for choice, inputs, expected in (("auto", "abc", "model: b\n"), ("auto", "acb", "model: c\n"), ("auto", "a", None), ("none", "abc", None),
                                     ("B", "abc", "model: b\n"), ("C", "abc", "model: c\n"), ("A", "cab", "model: c\n"),
                                     ("auto", ["a", "a", "a", "b"], None), ("auto", ["v1-inference", "c"], "model: c\n")):
        found = copied(choice, *inputs)
        expect(found == expected, f"--config {choice} of {inputs}: {found}")
    copied("none", "a")
    expect(not os.path.exists("o.yaml"), "o.yaml unasked")
    refused(2, "there is no a.yaml", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "A")
    refused(2, "there is no checkpoint C", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "C")
    refused(2, "is not one of", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "D")
    pathlib.Path("x.yaml").write_text("mine\n")
    refused(2, "x.yaml: exists", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "B")
    expect(pathlib.Path("x.yaml").read_text() == "mine\n" and not os.path.exists("x.safetensors"), "x was touched")
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "B", "-f")
    expect(done.returncode == 0 and pathlib.Path("x.yaml").read_text() == "model: b\n", f"-f: {done.stderr}")


run_in_folders(test_convert, test_bake, test_config)
