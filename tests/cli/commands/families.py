#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: families.py CKMERGE
What is said of a part: of a file that has it, of one that is it as a whole, of one that has none; VAEs where models are
expected and models without one; and the families of files that users reported, where they are there."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, refused, run_in_folders
from operation_files import UNET, VAE, make, read, some

REPORTED = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"


def floats(*shape):
    return "F32", list(shape), some(sum(shape), *shape)


FLUX = {"double_blocks.0.img_attn.qkv.weight": floats(3, 2), "img_in.weight": floats(2, 2)}
AUTOENCODER = {"decoder.conv_in.weight": floats(2, 4, 1, 1), "encoder.conv_in.weight": floats(2, 3, 1, 1)}


def dtypes(path):
    return {entry[0] for entry in read(path).values()}


def test_dtypes_of_parts():
    make("bare.safetensors", FLUX)
    make("vae.safetensors", AUTOENCODER)
    make("unet.safetensors", {UNET + name: entry for name, entry in FLUX.items()})
    make("strange.safetensors", {"w": floats(2)})
    for path in ("bare", "unet"):
        done = call("convert", f"{path}.safetensors", "out.safetensors", "-f", "--dtype", "unet=f16")
        expect(done.returncode == 0 and dtypes("out.safetensors") == {"F16"}, f"{path}: {done.stderr} {dtypes('out.safetensors')}")
        refused(2, "no float tensor of the part te", "convert", f"{path}.safetensors", "x.safetensors", "--dtype", "te=f16")
        refused(2, "no tensor of the part vae", "convert", f"{path}.safetensors", "x.safetensors", "--part", "vae")
    done = call("convert", "vae.safetensors", "out.safetensors", "-f", "--dtype", "vae=bf16")
    expect(done.returncode == 0 and dtypes("out.safetensors") == {"BF16"}, f"a VAE: {done.stderr}")
    done = call("merge", "bare.safetensors", "bare.safetensors", "-o", "out.safetensors", "-f", "--dtype", "f16", "--dtype", "unet=keep")
    expect(done.returncode == 0 and dtypes("out.safetensors") == {"F32"}, f"kept: {done.stderr}")
    done = call("convert", "bare.safetensors", "out.safetensors", "-f", "--part", "unet")
    expect(done.returncode == 0 and len(read("out.safetensors")) == 2, f"the part that it is: {done.stderr}")
    refused(2, "no float tensor of the part unet", "convert", "strange.safetensors", "x.safetensors", "--dtype", "unet=f16")
    refused(2, "no float tensor of the part vae", "plan", "unet.safetensors", "unet.safetensors", "--dtype", "vae=f16")


def test_vae_among_models():
    make("vae.safetensors", AUTOENCODER)
    make("model.safetensors", {UNET + name: entry for name, entry in FLUX.items()})
    make("whole.safetensors", {UNET + name: entry for name, entry in FLUX.items()} | {VAE + name: entry for name, entry in AUTOENCODER.items()})
    out = ["-o", "x.safetensors"]
    for words in (["whole.safetensors", "vae.safetensors"], ["vae.safetensors", "model.safetensors"]):
        refused(4, "ckmerge bake MODEL --vae FILE", "merge", *words, *out)
        refused(4, "compose --unet", "merge", *words, *out)
    refused(4, "model.safetensors, which has no VAE; `ckmerge compose", "bake", "model.safetensors", "--vae", "vae.safetensors", *out)
    refused(4, "which is a VAE itself", "bake", "vae.safetensors", "--vae", "vae.safetensors", *out)
    refused(4, "has no tensor of a VAE", "bake", "whole.safetensors", "--vae", "model.safetensors", *out)


def test_labels():
    """`list`, `scan` and `inspect` call a file alike, and small U-Nets by their generation."""
    generations = {"sd1": "sd1", "one-resnet": "sd1", "sdxl": "sdxl", "sdxl-refiner": "sdxl-refiner"}
    pathlib.Path("m").mkdir()
    for name in recorded_models.names():
        for side in ("left", "right"):
            make_models.write(f"m/{name}.{side}.safetensors", make_models.tensors(recorded_models.Recorded(name), side, "F16"), "F16")
    call("scan", "m", "--registry", "m.db")
    listed = {file["path"]: file for file in json.loads(call("list", "--json", "--registry", "m.db").stdout)["files"]}
    expect(len(listed) == 2 * len(recorded_models.names()), f"{len(listed)} files")
    for path, file in listed.items():
        report = json.loads(call("inspect", path, "--json").stdout)["files"][0]
        name = pathlib.Path(path).name.split(".left")[0].split(".right")[0]
        guess = report["guess"]
        if report["components"][0]["naming"] == "diffusers":
            guess["kind"] += ", diffusers names"
        told = {"architecture": file["architecture"], "kind": file["kind"]}
        expect(told == guess, f"{path}: {told} {guess}")
        expect(file["architecture"] == generations.get(name, file["architecture"]), f"{path}: {file['architecture']}")
        expect(file["architecture"] and len(report["components"]) == 1, f"{path}: {report['components']}")


def test_reported():
    if not REPORTED.is_dir():
        return print("NOT RUN: the reported files are not there")
    for name, family in {"hunyuan-video-comfyui": "hunyuan-video", "hunyuan-video-diffusers": "hunyuan-video", "pixart-diffusers": "pixart",
                         "sana": "sana", "z-image": "z-image"}.items():
        path = str(REPORTED / "labels" / f"{name}.safetensors")
        registry = ["--registry", f"{name}.db"]
        pathlib.Path(name).mkdir()
        (pathlib.Path(name) / "m.safetensors").write_bytes(pathlib.Path(path).read_bytes())
        call("scan", name, *registry)
        files = json.loads(call("list", "--json", *registry).stdout)["files"]
        expect([file["architecture"] for file in files] == [family], f"{name}: {files}")
        expect([file["kind"].endswith(", diffusers names") for file in files] == ["diffusers" in name], f"{name}: {files}")
        done = call("convert", path, "out.safetensors", "-f", "--dtype", "unet=f16")
        expect(done.returncode == 0 and dtypes("out.safetensors") == {"F16"}, f"{name}: {done.stderr}")
    at = lambda name: str(REPORTED / "composefamilies" / (name + ".safetensors"))
    done = call("compose", "--unet", at("chroma"), "--te", at("t5xxl"), "--vae", at("ae"), "-o", "out.safetensors", "-f")
    fronts = {".".join(name.split(".")[:2]) for name in read("out.safetensors")}
    expect("cond_stage_model.t5xxl" in fronts and "first_stage_model.decoder" in fronts, f"chroma: {done.stderr} {sorted(fronts)[:9]}")
    for unet in ("flux2", "qwen-image"):
        refused(4, unet, "compose", "--unet", at(unet), "--te", at("t5xxl"), "--vae", at("ae"), "-o", "x.safetensors")
        done = call("compose", "--unet", at(unet), "--vae", at("ae"), "-o", "out.safetensors", "-f")
        expect(done.returncode == 0 and any(name.startswith("vae.") for name in read("out.safetensors")), f"{unet}: {done.stderr}")
        expect("it is another family's VAE" in done.stdout, f"{unet}: {done.stdout}")
    at = lambda name: str(REPORTED / "layout" / (name + ".safetensors"))
    refused(2, "is a unet of wan", "compose", "--unet", at("wan"), "--te", at("t5xxl"), "--vae", at("wan_vae"), "--layout", "flux", "-o", "x.safetensors")
    at = lambda name: str(REPORTED / "vaeasmodel" / name)
    refused(4, "is a VAE: `ckmerge bake", "merge", at("novae.safetensors"), at("anime.vae.pt"), "-o", "x.safetensors")
    refused(4, "`ckmerge compose", "bake", at("novae.safetensors"), "--vae", at("anime.vae.pt"), "-o", "x.safetensors")


run_in_folders(test_dtypes_of_parts, test_vae_among_models, test_labels, test_reported)
