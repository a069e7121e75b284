#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pipelines.py CKMERGE
--layout: one file, folders in and out, and compose of components in diffusers' names, over models whose names and
elements were recorded with the real converters (tests/layouts)."""
import json
import os
import pathlib
import random
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "layouts")]
import make_models
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors
from recorded_models import Recorded

UNET = "model.diffusion_model."


def tensors(model, naming, prefix="", seed=0):
    """{name: (shape, elements)}"""
    made = make_models.tensors(Recorded(model), naming, "F32", seed)
    return {prefix + name: tensor for name, tensor in made.items()}


def write(path, named):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_models.write(path, named, metadata={"format": "pt"})


def are_written(path, named, what):
    """The file holds these tensors and nothing else."""
    if not os.path.exists(path):
        return expect(False, f"{what}: there is no {path}")
    found = safetensors(path)[1]
    for name in sorted(set(found) | set(named)):
        wanted = ("F32", list(named[name][0]), named[name][1].tobytes()) if name in named else None
        expect(found.get(name) == wanted, f"{what}: {name}: {(found.get(name) or [None] * 2)[1]} for {wanted and wanted[1]}")
    expect(metadata_of(path).get("format") == "pt", f"{what}: format")


def done(*words):
    result = call(*words)
    expect(result.returncode == 0, f"{' '.join(words)}: {result.returncode} {result.stderr}")
    return result


ENCODER = {"text_model.encoder.layers.0.layer_norm1.weight": 4, "text_model.embeddings.token_embedding.weight": 8}
T5 = {"encoder.block.0.layer.0.SelfAttention.q.weight": 4, "shared.weight": 6}


def plain(sizes, prefix=""):
    return {prefix + name: ([count], make_models.bits(count, "F32", random.Random(name)))
            for name, count in sizes.items()}


def test_one_file():
    for model, left in (("flux-dev", ""), ("z-image", ""), ("sd1", UNET)):
        write("left.safetensors", tensors(model, "left", left))
        write("right.safetensors", tensors(model, "right"))
        recorded = Recorded(model)
        lost = set(recorded.left_out())
        done("convert", "left.safetensors", "out.safetensors", "-f", "--layout", "diffusers")
        are_written("out.safetensors", tensors(model, "right"), f"{model} to diffusers")
        done("convert", "out.safetensors", "back.safetensors", "-f", "--layout", "comfy")
        are_written("back.safetensors", {left + name: tensor for name, tensor in tensors(model, "left").items() if name not in lost},
                    f"{model} back")
        done("convert", "right.safetensors", "same.safetensors", "-f", "--layout", "diffusers")
        are_written("same.safetensors", tensors(model, "right"), f"{model} as it is")
        again = done("run", "out.safetensors", "A=left.safetensors", "-o", "again.safetensors", "-f")
        expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), f"{model}: run {again.stderr}")
    # What a merge of one layout gives, whatever the inputs were in.
    for side in ("left", "right"):
        write(f"a-{side}.safetensors", tensors("flux-dev", side))
        write(f"b-{side}.safetensors", tensors("flux-dev", side, seed=1))
    words = ["--alpha", "0.3", "--metadata", "none", "-f"]
    done("merge", "a-right.safetensors", "b-right.safetensors", "-o", "plain.safetensors", *words)
    for a, b in (("left", "right"), ("right", "left"), ("left", "left")):
        done("merge", f"a-{a}.safetensors", f"b-{b}.safetensors", "-o", "mixed.safetensors", "--layout", "diffusers", *words)
        expect(pathlib.Path("mixed.safetensors").read_bytes() == pathlib.Path("plain.safetensors").read_bytes(), f"merge of {a} and {b}")


def test_refusals():
    write("toy.safetensors", plain({"a.weight": 4}))
    refused(4, "of no model whose namings are known", "convert", "toy.safetensors", "x.safetensors", "--layout", "comfy")
    refused(2, "is not one of comfy, diffusers and original", "convert", "toy.safetensors", "x.safetensors", "--layout", "sdxl")
    refused(2, "a folder of diffusers", "convert", "toy.safetensors", "x.safetensors", "--config-from", ".")
    expect(not os.path.exists("x.safetensors"), "refused, and written")


def pipeline(folder):
    write(f"{folder}/transformer/diffusion_pytorch_model.safetensors", tensors("flux-dev", "right"))
    write(f"{folder}/vae/diffusion_pytorch_model.safetensors", tensors("flux-ae", "right"))
    write(f"{folder}/text_encoder/model.safetensors", plain(ENCODER))
    write(f"{folder}/text_encoder_2/model.safetensors", plain(T5))
    for name in ("transformer", "vae", "text_encoder", "text_encoder_2", "scheduler", "tokenizer"):
        pathlib.Path(folder, name).mkdir(exist_ok=True)
        pathlib.Path(folder, name, "config.json").write_text(json.dumps({"of": name}))
    pathlib.Path(folder, "model_index.json").write_text("{}")


def in_one_file():
    return (tensors("flux-dev", "left", UNET) | tensors("flux-ae", "left", "vae.") |
            plain(ENCODER, "text_encoders.clip_l.transformer.") | plain(T5, "text_encoders.t5xxl.transformer."))


def test_folders():
    pipeline("in")
    refused(2, "--layout comfy for one file", "convert", "in", "x.safetensors")
    done("convert", "in", "whole.safetensors", "--layout", "comfy")
    are_written("whole.safetensors", in_one_file(), "a folder in one file")
    told = done("convert", "whole.safetensors", "out/", "--layout", "diffusers", "--config-from", "in")
    for path, named in (("transformer/diffusion_pytorch_model", tensors("flux-dev", "right")), ("vae/diffusion_pytorch_model", tensors("flux-ae", "right")),
                        ("text_encoder/model", plain(ENCODER)), ("text_encoder_2/model", plain(T5))):
        are_written(f"out/{path}.safetensors", named, "one file in a folder")
        expect(f"{path}.safetensors" in told.stdout, f"the report lacks {path}: {told.stdout}")
    for config in ("model_index.json", "scheduler/config.json", "tokenizer/config.json", "vae/config.json"):
        expect(pathlib.Path("out", config).read_bytes() == pathlib.Path("in", config).read_bytes(), f"{config} is not as it was")
    expect("warning" not in told.stdout, f"no config lacks: {told.stdout}")
    # A folder is there as a whole, or as it was.
    refused(2, "already exists and is not empty", "convert", "whole.safetensors", "out/", "--layout", "diffusers")
    pathlib.Path(".out.ckmerge-partial", "transformer").mkdir(parents=True)
    pathlib.Path(".out.ckmerge-partial", "transformer", "half").write_text("of a killed run")
    pathlib.Path("out", "scheduler", "scheduler_config.json").write_text("{}")
    told = done("convert", "whole.safetensors", "out/", "--layout", "diffusers", "-f")
    expect("scheduler" in told.stdout and "--config-from" in told.stdout, f"what lacks is told: {told.stdout}")
    expect(not os.path.exists("out/scheduler") and not os.path.exists(".out.ckmerge-partial") and not os.path.exists("out/transformer/half"), "replaced whole")
    pathlib.Path("mine").mkdir()
    pathlib.Path("mine", "letter.txt").write_text("dear")
    refused(2, "holds letter.txt", "convert", "whole.safetensors", "mine", "--layout", "diffusers", "-f")
    # A collection of models is no pipeline, and neither is one that has something of its user's in it.
    write("models/llama/model.safetensors", plain(ENCODER))
    refused(2, "holds llama", "convert", "whole.safetensors", "models/", "--layout", "diffusers", "-f")
    for foreign in ("my_lora.safetensors", ".git/HEAD", "vae/flux-ae.safetensors", "vae/training/x.json"):
        pipeline("models2")
        pathlib.Path("models2", foreign).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path("models2", foreign).write_text("x")
        refused(2, "holds " + foreign.replace("/HEAD", "").replace("/x.json", ""), "convert", "whole.safetensors", "models2", "--layout", "diffusers", "-f")
        expect(os.path.exists("models2/" + foreign), f"{foreign} is lost")
        shutil.rmtree("models2")
    refused(2, "holds the input", "convert", "in", "in", "--layout", "diffusers", "-f")
    refused(2, "give a folder as OUT", "convert", "whole.safetensors", "x.safetensors", "--layout", "diffusers")
    # Repeated under whatever name, and a folder beside a file gets that file's names.
    done("convert", "in/", "slash.safetensors", "--layout", "comfy")
    done("run", "slash.safetensors", "A=in", "-o", "again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("slash.safetensors").read_bytes(), "run of a folder")
    done("merge", "whole.safetensors", "in/", "-o", "beside.safetensors", "--alpha", "0.5")
    are_written("beside.safetensors", in_one_file(), "a merge with the folder of the same")
    inputs = json.loads(metadata_of("beside.safetensors")["ckmerge.recipe"])["inputs"]
    expect("equated" not in inputs[0] and any("flux: diffusers names to original" in clause for clause in inputs[1]["equated"]), f"recorded: {inputs}")
    # Merged as files are.
    done("merge", "in", "whole.safetensors", "-o", "merged", "--layout", "diffusers", "--alpha", "0.5")
    are_written("merged/transformer/diffusion_pytorch_model.safetensors", tensors("flux-dev", "right"), "a merge with itself")
    document = json.loads(done("inspect", "merged", "--json").stdout)["files"][0]
    expect(len(document["shards"]) == 4 and document["form"] == "folder", "inspect of a folder")
    expect({(c["family"], c["naming"], c["prefix"]) for c in document["components"]} >=
           {("flux", "diffusers", "transformer."), ("autoencoder-kl", "diffusers", "vae.")}, f"inspect: {document['components']}")
    expect(document["parts"]["unet"] == len(tensors("flux-dev", "right")), f"parts: {document['parts']}")
    report = json.loads(done("convert", "in", "summed.safetensors", "--layout", "comfy", "--hash", "--json").stdout)
    summed = json.loads(done("hash", "in", "--json").stdout)
    expect(len(summed["files"]) == 4 and report["hashes"]["inputs"] == [summed["folders"][0]["sha256"]], f"sums: {summed['folders']}")
    report = json.loads(done("convert", "in", "json", "--layout", "diffusers", "--json").stdout)
    expect([file["component"] for file in report["output"]["files"]] == ["text_encoder", "text_encoder_2", "transformer", "vae"], "files in JSON")
    expect(report["layout"] == "diffusers", "layout in JSON")


def test_sdxl():
    """Encoders go by their place in the folder; what a checkpoint has beside its parts has none there, and is named."""
    lost = set(Recorded("clip-g-open-clip").left_out())
    clip_g = {name: tensor for name, tensor in tensors("clip-g-open-clip", "left").items() if name not in lost}
    write("in/unet/diffusion_pytorch_model.safetensors", tensors("sdxl", "right"))
    write("in/vae/diffusion_pytorch_model.safetensors", tensors("autoencoder-kl", "right"))
    write("in/text_encoder/model.safetensors", plain(ENCODER))
    write("in/text_encoder_2/model.safetensors", tensors("clip-g-open-clip", "right"))
    whole = (tensors("sdxl", "left", UNET) | tensors("autoencoder-kl", "left", "first_stage_model.") |
             plain(ENCODER, "conditioner.embedders.0.transformer.") |
             {"conditioner.embedders.1.model." + name: tensor for name, tensor in clip_g.items()})
    done("convert", "in", "whole.safetensors", "--layout", "comfy")
    are_written("whole.safetensors", whole, "SDXL in one file")
    write("marked.safetensors", whole | plain({"v_pred": 1}) | plain({"model_ema.x": 2}))
    told = done("convert", "marked.safetensors", "out", "--layout", "diffusers")
    expect("2 tensors are left out" in told.stdout and "v_pred" in told.stdout, f"what is left out: {told.stdout}")
    are_written("out/unet/diffusion_pytorch_model.safetensors", tensors("sdxl", "right"), "SDXL's unet")
    are_written("out/text_encoder_2/model.safetensors", tensors("clip-g-open-clip", "right"), "SDXL's second encoder")
    config = json.loads(pathlib.Path("out/vae/config.json").read_text())
    expect(config["scaling_factor"] == 0.13025, f"the config of SDXL's VAE: {config}")
    done("run", "out/unet/diffusion_pytorch_model.safetensors", "A=marked.safetensors", "-o", "again/")
    for path in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder_2/model"):
        expect(pathlib.Path(f"again/{path}.safetensors").read_bytes() == pathlib.Path(f"out/{path}.safetensors").read_bytes(), f"run: {path}")


def test_beside():
    """Components of no family that is known, and such as only the index names, keep their sub-folders; in one file they have no place."""
    checker = {"vision_model.vision_model.post_layernorm.weight": 4, "concept_embeds": 6, "vision_model.visual_projection.weight": 3}
    clip = {"vision_model.encoder.layers.0.layer_norm1.weight": 4, "visual_projection.weight": 2}
    beside = {"safety_checker/model": plain(checker), "image_encoder/model": plain(clip), "movq/diffusion_pytorch_model": plain({"encoder.x": 2}),
              "controlnet_2/diffusion_pytorch_model": tensors("sdxl", "right")}
    inside = {"unet/diffusion_pytorch_model": tensors("sdxl", "right"), "vae/diffusion_pytorch_model": tensors("autoencoder-kl", "right"),
              "text_encoder/model": plain(ENCODER)}
    for folder in ("a", "b"):
        for path, named in (beside | inside).items():
            write(f"{folder}/{path}.safetensors", named)
        named = [path.split("/")[0] for path in beside | inside]
        pathlib.Path(folder, "model_index.json").write_text(json.dumps({name: ["diffusers", "Model"] for name in named}))
    for words in (("convert", "a", "out"), ("convert", "a", "out", "--dtype", "f32"), ("merge", "a", "b", "--alpha", "0.5", "-o", "out")):
        told = done(*words, "--layout", "diffusers", "--config-from", "a", "-f")
        expect("left out" not in told.stdout and "not merged" not in told.stdout, f"{words}: {told.stdout}")
        for path, named in (beside | inside).items():
            are_written(f"out/{path}.safetensors", named, f"{words}")
    told = done("convert", "a", "one.safetensors", "--layout", "comfy")
    expect("left out" in told.stdout and "has no place for" in told.stdout, f"one file: {told.stdout}")
    expect(not any(name.startswith(("safety_checker", "image_encoder", "movq", "controlnet")) for name in safetensors("one.safetensors")[1]), "one file holds more")
    # One component of a known kind among others.
    for path in ("vae", "text_encoder", "controlnet_2"):
        shutil.rmtree(f"a/{path}")
    done("convert", "a", "few", "--layout", "diffusers")
    are_written("few/unet/diffusion_pytorch_model.safetensors", tensors("sdxl", "right"), "one and others")
    are_written("few/safety_checker/model.safetensors", plain(checker), "one and others")
    done("convert", "a", "few.safetensors", "--layout", "comfy")
    are_written("few.safetensors", {UNET + name: tensor for name, tensor in tensors("sdxl", "left").items()}, "one and others in a file")


def test_components():
    """A sub-folder is a checkpoint by itself; shards that are not all there and empty folders are refused by what they are."""
    pipeline("in")
    done("convert", "in/transformer", "out.safetensors", "--layout", "comfy")
    are_written("out.safetensors", tensors("flux-dev", "left"), "a component's folder")
    done("convert", "out.safetensors", "alone", "--layout", "diffusers")
    are_written("alone/transformer/diffusion_pytorch_model.safetensors", tensors("flux-dev", "right"), "a single component in a folder")
    os.rename("in/vae/diffusion_pytorch_model.safetensors", "in/vae/diffusion_pytorch_model.fp16.safetensors")
    done("convert", "in", "variant.safetensors", "--layout", "comfy")
    are_written("variant.safetensors", in_one_file(), "a variant")
    os.rename("in/vae/diffusion_pytorch_model.fp16.safetensors", "in/vae/diffusion_pytorch_model-00001-of-00002.safetensors")
    refused(1, "lacks shard 2 of the 2 that", "convert", "in", "x.safetensors", "--layout", "comfy")
    os.mkdir("empty")
    refused(1, "is a folder, and none of a model", "convert", "empty", "x.safetensors")
    write("two/transformer/diffusion_pytorch_model.safetensors", tensors("wan-t2v", "right"))
    write("two/transformer_2/diffusion_pytorch_model.safetensors", tensors("wan-t2v", "right"))
    refused(4, "two models that denoise", "convert", "two", "x.safetensors", "--layout", "comfy")


def test_compose():
    """Components in diffusers' names go into one file as others do."""
    pipeline("in")
    done("compose", "--unet", "in/transformer", "--te", "in/text_encoder_2", "--vae", "in/vae", "-o", "out.safetensors")
    wanted = {name: tensor for name, tensor in in_one_file().items() if "clip_l" not in name}
    are_written("out.safetensors", wanted, "compose")


def test_configs():
    """Of names and shapes; what they do not tell is said to lack."""
    width, head = 256, 128
    model = {"x_embedder.weight": [width, 64], "context_embedder.weight": [width, 32], "proj_out.weight": [64, width],
             "time_text_embed.text_embedder.linear_1.weight": [width, 16], "time_text_embed.timestep_embedder.linear_1.weight": [width, 8],
             "norm_out.linear.weight": [2 * width, width]}
    for layer in range(2):
        at = f"transformer_blocks.{layer}."
        model |= {at + f"attn.{name}.weight": [width, width] for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj")}
        model |= {at + f"attn.norm_{name}.weight": [head] for name in ("q", "k", "added_q", "added_k")}
        model |= {at + "norm1.linear.weight": [6 * width, width], at + "norm1_context.linear.weight": [6 * width, width]}
    at = "single_transformer_blocks.0."
    model |= {at + f"attn.{name}.weight": [width, width] for name in ("to_q", "to_k", "to_v")}
    model |= {at + "proj_mlp.weight": [4 * width, width], at + "proj_out.weight": [width, 5 * width], at + "norm.linear.weight": [3 * width, width],
              at + "attn.norm_q.weight": [head], at + "attn.norm_k.weight": [head]}
    named = {}
    for name, shape in model.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        named[name] = (shape, make_models.array.array("I", bytes(4 * count)))
    write("flux.safetensors", named)
    done("convert", "flux.safetensors", "out", "--layout", "diffusers")
    config = json.loads(pathlib.Path("out/transformer/config.json").read_text())
    expect(config == {"_class_name": "FluxTransformer2DModel", "patch_size": 1, "in_channels": 64, "num_layers": 2, "num_single_layers": 1,
                      "attention_head_dim": 128, "num_attention_heads": 2, "joint_attention_dim": 32, "axes_dims_rope": [16, 56, 56],
                      "pooled_projection_dim": 16, "guidance_embeds": False}, f"the config of Flux: {config}")


def index_of(folder, **classes):
    pathlib.Path(folder).mkdir(exist_ok=True)
    entries = {"_class_name": "SomePipeline", "_diffusers_version": "0.42.1", "force_zeros": True, "skip": ["a", "b", "c"]}
    for name, class_name in classes.items():
        entries[name] = ["diffusers" if class_name else None, class_name]
        pathlib.Path(folder, name).mkdir(exist_ok=True)
        pathlib.Path(folder, name, "config.json").write_text(json.dumps({"_class_name": class_name}))
    pathlib.Path(folder, "model_index.json").write_text(json.dumps(entries, indent=2) + "\n")
    return entries


SDXL = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer",
       "scheduler": "PNDMScheduler", "feature_extractor": "CLIPImageProcessor"}


def test_given_configs():
    """Configs of another family are refused; components that lack weights are left out of the index; the report says whose a config is."""
    write("whole.safetensors", tensors("sdxl", "left", UNET) | tensors("autoencoder-kl", "left", "first_stage_model.") |
          plain(ENCODER, "conditioner.embedders.0.transformer."))
    words = ("convert", "whole.safetensors", "out", "--layout", "diffusers", "-f", "--config-from")
    index_of("same", **SDXL)
    pathlib.Path("same", "README.md").write_text("of another model")
    pathlib.Path("same", "notes").mkdir()
    pathlib.Path("same", "notes", "a.json").write_text("{}")
    told = done(*words, "same")
    expect("warning" not in told.stdout and "made of names" not in told.stdout and "its config from same" in told.stdout, f"all is there: {told.stdout}")
    expect(pathlib.Path("out/model_index.json").read_bytes() == pathlib.Path("same/model_index.json").read_bytes(), "the index as it was")
    expect(not os.path.exists("out/README.md") and not os.path.exists("out/notes"), "what is no pipeline's is copied")
    done(*words, "same")  # what was written may be replaced
    # Weights that the result lacks.
    entries = index_of("more", **SDXL, safety_checker="StableDiffusionSafetyChecker", image_encoder=None)
    told = done(*words, "more")
    expect("no weights of safety_checker" in told.stdout, f"lacking weights: {told.stdout}")
    expect(json.loads(pathlib.Path("out/model_index.json").read_text()) == entries | {"safety_checker": [None, None]}, "the index without")
    expect(not os.path.exists("out/safety_checker") and os.path.exists("out/feature_extractor/config.json"), "the config without weights")
    index_of("fewer", unet="UNet2DConditionModel", vae="AutoencoderKL", text_encoder=None)
    told = done(*words, "fewer")
    expect("does not name text_encoder" in told.stdout, f"not in the index: {told.stdout}")
    pathlib.Path("fewer", "model_index.json").unlink()
    expect("has no model_index.json" in done(*words, "fewer").stdout, "no index")
    # Another family's.
    index_of("other", **SDXL | {"unet": "UNet2DConditionModel"})
    entries = index_of("flux", transformer="FluxTransformer2DModel", vae="AutoencoderKL")
    refused(4, "has a unet, and flux/model_index.json names none", *words, "flux")
    # A model of which names do not tell all that a config has, but its sizes.
    for key, value in {"block_out_channels": [320, 640, 1280, 1280], "in_channels": 99, "out_channels": 99}.items():
        pathlib.Path("other/unet/config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel", key: value}))
        refused(4, f"unet/config.json is of another model: {key}", *words, "other")
    pathlib.Path("other/unet/config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel", "sample_size": 8}))
    done(*words, "other")
    done(*words[:-1])
    made = json.loads(pathlib.Path("out/vae/config.json").read_text())
    for key, value in (("latent_channels", 99), ("_class_name", "AutoencoderKLWan"), ("block_out_channels", [1, 2]), ("use_quant_conv", not made["use_quant_conv"])):
        pathlib.Path("other/vae/config.json").write_text(json.dumps(made | {key: value}))
        refused(4, key, *words, "other")
    for config in (json.dumps(made | {"scaling_factor": 2.5, "latent_channels": None, "layers_per_block": [1]}), '{"latent_channels": NaN}'):
        pathlib.Path("other/vae/config.json").write_text(config)
        expect("warning" not in done(*words, "other").stdout, f"the same model's config: {config}")
        expect(pathlib.Path("out/vae/config.json").read_text() == config, "the config as it was")


def test_changed_configs():
    """A config says nothing of how other weights are stored; chat templates come along; a link to nowhere is refused."""
    write("whole.safetensors", tensors("sdxl", "left", UNET) | tensors("autoencoder-kl", "left", "first_stage_model.") | plain(ENCODER, "conditioner.embedders.0.transformer."))
    words = ("convert", "whole.safetensors", "out", "--layout", "diffusers", "-f", "--config-from", "given")
    index_of("given", **SDXL)
    config = {"_class_name": "CLIPTextModel", "dtype": "float32", "eps": 1e-05, "big": 12345678901234567890, "ids": [0, 1], "deep": {"a": None, "b": True}}
    pathlib.Path("given/text_encoder/config.json").write_text(json.dumps(config | {"quantization_config": {"bits": 4}, "transformers_weights": "x"}))
    templates = pathlib.Path("given/tokenizer/additional_chat_templates")
    templates.mkdir()
    (templates / "tools.jinja").write_text("{{ x }}")
    told = done(*words, "--dtype", "f16")
    expect(json.loads(pathlib.Path("out/text_encoder/config.json").read_text()) == config | {"dtype": "float16"}, "the config of plain F16")
    expect("quantization_config" in told.stdout and "transformers_weights" in told.stdout, f"what is left out: {told.stdout}")
    expect(os.path.exists("out/tokenizer/additional_chat_templates/tools.jinja"), "chat templates")
    done(*words, "--dtype", "bf16", "--dtype", "/layers/=f32")
    expect(json.loads(pathlib.Path("out/text_encoder/config.json").read_text())["dtype"] == "float32", "of two dtypes nothing is said")
    # A recipe file says where configs come from, a recorded recipe does not; run may.
    pathlib.Path("given/text_encoder/config.json").write_text(json.dumps(config))
    done(*words, "--save-recipe", "r.yaml")
    expect("config_from: given" in pathlib.Path("r.yaml").read_text(), pathlib.Path("r.yaml").read_text())
    done("run", "r.yaml", "-o", "again")
    done("run", "out/unet/diffusion_pytorch_model.safetensors", "A=whole.safetensors", "-o", "third", "--config-from", "given")
    for folder in ("again", "third"):
        expect(pathlib.Path(folder, "model_index.json").read_bytes() == pathlib.Path("out/model_index.json").read_bytes(), f"{folder}: --config-from of run")
    os.symlink("nowhere", "given/vae/more.json")
    refused(2, "link to a file that is not there", *words)


def test_sampling():
    """Marks and a scheduler say the same in two ways: what goes with the change is told."""
    sdxl = tensors("sdxl", "left", UNET) | tensors("autoencoder-kl", "left", "first_stage_model.") | plain(ENCODER, "conditioner.embedders.0.transformer.")
    write("whole.safetensors", sdxl | plain({"v_pred": 0, "ztsnr": 0, "a.b": 1, "alphas_cumprod": 4, "betas": 4, "a.c": 1}))
    told = done("convert", "whole.safetensors", "out", "--layout", "diffusers").stdout
    expect("prediction_type: v_prediction, rescale_betas_zero_snr: true" in told and "v_pred (it predicts v" in told, f"marks: {told}")
    write("averages.safetensors", sdxl | plain({"model_ema." + name[6:].replace(".", ""): 1 for name in list(sdxl)[:2]}))
    refused(4, "differ in shape", "convert", "averages.safetensors", "x", "--layout", "diffusers", "--ema", "use")
    pathlib.Path("out/scheduler").mkdir()
    for config, lost in (({"prediction_type": "v_prediction"}, "v_pred"), ({"rescale_betas_zero_snr": True}, "ztsnr"),
                         ({"prediction_type": "epsilon", "rescale_betas_zero_snr": False}, None)):
        pathlib.Path("out/scheduler/scheduler_config.json").write_text(json.dumps(config))
        told = done("convert", "out", "out.safetensors", "--layout", "comfy", "-f").stdout
        expect((f"empty tensors ({lost})" in told) if lost else "warning" not in told, f"{config}: {told}")


def test_encoders_place():
    """SDXL's second encoder in the names of Hugging Face stands beside the first, where only open_clip's stand mostly."""
    encoders = {f"conditioner.embedders.1.transformer.{name}": tensor for name, tensor in tensors("clip-g-open-clip", "right").items()}
    write("whole.safetensors", tensors("sdxl", "left", UNET) | plain(ENCODER, "conditioner.embedders.0.transformer.") | encoders)
    done("convert", "whole.safetensors", "out", "--layout", "diffusers")
    are_written("out/text_encoder_2/model.safetensors", tensors("clip-g-open-clip", "right"), "the second encoder")
    are_written("out/text_encoder/model.safetensors", plain(ENCODER), "the first encoder")


def test_without_model():
    """Where parts stand says what they are, without a model beside them."""
    flux = {name: tensor for name, tensor in in_one_file().items() if not name.startswith(UNET)}
    write("flux.safetensors", flux)
    done("convert", "flux.safetensors", "out", "--layout", "diffusers")
    are_written("out/text_encoder_2/model.safetensors", plain(T5), "T5 of Flux")
    clip_g = {f"conditioner.embedders.1.model.{name}": tensor for name, tensor in tensors("clip-g-open-clip", "left").items()}
    write("both.safetensors", clip_g | plain(ENCODER, "conditioner.embedders.0.transformer.") | tensors("autoencoder-kl", "left", "first_stage_model."))
    done("convert", "both.safetensors", "both", "--layout", "diffusers")
    are_written("both/text_encoder_2/model.safetensors", tensors("clip-g-open-clip", "right"), "the second encoder of SDXL")
    done("convert", "both.safetensors", "same.safetensors", "--layout", "comfy")
    write("second.safetensors", clip_g | tensors("autoencoder-kl", "left", "first_stage_model."))
    done("convert", "second.safetensors", "second", "--layout", "diffusers")
    are_written("second/text_encoder_2/model.safetensors", tensors("clip-g-open-clip", "right"), "the second encoder alone")


def test_folder_beside():
    """A folder of a pipeline that no single file holds is merged component by component."""
    write("sana.safetensors", tensors("sana", "left"))
    write("folder/transformer/diffusion_pytorch_model.safetensors", tensors("sana", "right", seed=1))
    write("folder/vae/diffusion_pytorch_model.safetensors", plain({"encoder.x": 2}))
    done("merge", "sana.safetensors", "folder/transformer", "--alpha", "0.3", "--metadata", "none", "-o", "plain.safetensors")
    told = done("merge", "sana.safetensors", "folder", "--alpha", "0.3", "--metadata", "none", "-o", "out.safetensors")
    expect(pathlib.Path("out.safetensors").read_bytes() == pathlib.Path("plain.safetensors").read_bytes(), f"a folder of Sana: {told.stdout}")


def test_parts_of_folders():
    """A component alone, though others were there, has its bare names; a second model is of the same part; what lacks weights is told."""
    pipeline("in")
    done("convert", "in", "vae.safetensors", "--layout", "diffusers", "--part", "vae")
    are_written("vae.safetensors", tensors("flux-ae", "right"), "a part in one file")
    write("two/transformer/diffusion_pytorch_model.safetensors", tensors("wan-t2v", "right"))
    write("two/transformer_2/diffusion_pytorch_model.safetensors", tensors("wan-t2v", "right"))
    done("convert", "two", "out", "--layout", "diffusers", "--dtype", "unet=f16")
    for folder in ("transformer", "transformer_2"):
        found = safetensors(f"out/{folder}/diffusion_pytorch_model.safetensors")[1]
        expect({dtype for dtype, _, _ in found.values()} == {"F16"}, f"{folder} is not of the part unet")
    os.unlink("in/vae/diffusion_pytorch_model.safetensors")
    told = done("convert", "in", "out.safetensors", "--layout", "comfy")
    expect("no weights of vae" in told.stdout, f"weights that lack: {told.stdout}")
    expect("no weights of vae" in done("inspect", "in").stdout, "inspect: weights that lack")
    os.symlink("nowhere", "in/vae/diffusion_pytorch_model.safetensors")
    refused(1, "link to a file that is not there", "convert", "in", "x.safetensors", "--layout", "comfy")


def test_as_it_is():
    """A file that has a layout's names already keeps all that is in it."""
    whole = (tensors("ltx-video", "left", UNET) | tensors("ltx-vae-0.9.1", "left", "vae.") | plain({"audio_vae.x": 2, "vocoder.y": 3, "text_embedding_projection.z": 4}) |
             plain(T5, "text_encoders.t5xxl.transformer.") | plain({"text_encoders.t5xxl.spiece_model": 5, "text_encoders.t5xxl.logit_scale": 1}))
    write("whole.safetensors", whole)
    for layout in ("comfy", "original"):
        told = done("convert", "whole.safetensors", "out.safetensors", "--layout", layout, "-f")
        are_written("out.safetensors", whole, layout)
        expect("left out" not in told.stdout, f"{layout}: {told.stdout}")


def test_run_into_folder():
    """A recorded layout says what the output is, before anything is judged by its name."""
    write("whole.safetensors", tensors("sdxl", "left", UNET) | tensors("autoencoder-kl", "left", "first_stage_model."))
    done("convert", "whole.safetensors", "out", "--layout", "diffusers")
    told = done("run", "out/unet/diffusion_pytorch_model.safetensors", "A=whole.safetensors", "-o", "again")
    expect("extension" not in told.stdout + told.stderr and os.path.isdir("again"), f"run into a folder: {told.stdout} {told.stderr}")
    refused(2, "--format", "run", "out/unet/diffusion_pytorch_model.safetensors", "A=whole.safetensors", "-o", "third", "--format", "ckpt")


run_in_folders(test_given_configs, test_changed_configs, test_sampling, test_encoders_place, test_without_model, test_folder_beside, test_parts_of_folders, test_as_it_is, test_run_into_folder, test_one_file, test_refusals, test_folders, test_sdxl, test_beside, test_components, test_compose, test_configs)
