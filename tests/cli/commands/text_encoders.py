#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: text_encoders.py CKMERGE
Encoders as the classes of transformers 5 save them and T5, which has one naming: told, composed, converted and merged,
behind any prefix; mixtures of experts, which are no encoders; VAEs and tiny models in lists."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import make, read, some


def floats(*shape, seed=0):
    return "F32", list(shape), some(seed + sum(shape), *shape)


def clip(prefix=""):
    return {prefix + "embeddings.token_embedding.weight": floats(2, 768), prefix + "final_layer_norm.weight": floats(3),
            prefix + "encoder.layers.0.layer_norm1.weight": floats(3), prefix + "encoder.layers.0.self_attn.q_proj.weight": floats(1, 768)}


def language(prefix, *more):
    layer = prefix + "layers.0."
    return {prefix + "embed_tokens.weight": floats(4, 2), prefix + "norm.weight": floats(2), layer + "post_attention_layernorm.weight": floats(2),
            **{layer + name: floats(2, 2) for name in ("self_attn.q_proj.weight", *more)}}


DENSE = "mlp.gate_proj.weight"
NORMS = "self_attn.q_norm.weight"
LANGUAGE = {"llama": (DENSE,), "gemma2": (DENSE, "pre_feedforward_layernorm.weight"), "qwen3": (DENSE, NORMS)}
EXPERTS = {"mixtral": [("block_sparse_moe.gate.weight", "block_sparse_moe.experts.0.w1.weight"), ("mlp.gate.weight", "mlp.experts.gate_up_proj")],
           "qwen3-moe": [(NORMS, "mlp.gate.weight", "mlp.experts.0.up_proj.weight"), (NORMS, "mlp.gate.weight", "mlp.experts.gate_up_proj")]}
FLUX = {"double_blocks.0.img_attn.qkv.weight": floats(6, 2), "double_blocks.0.img_attn.proj.weight": floats(2, 2)}


def t5(prefix="", seed=0):
    return {prefix + name: floats(*shape, seed=seed) for name, shape in {
        "encoder.block.0.layer.0.SelfAttention.q.weight": (4, 2), "encoder.block.1.layer.0.SelfAttention.q.weight": (4, 2),
        "encoder.final_layer_norm.weight": (2,), "shared.weight": (5, 2)}.items()}


def told(path):
    found = json.loads(call("inspect", path, "--json").stdout)["files"][0]
    return found["guess"]["architecture"], found["guess"]["kind"], [(c["family"], c["naming"]) for c in found["components"]]


def test_told():
    make("clip.safetensors", clip())
    expect(told("clip.safetensors") == ("clip-l", "text encoder", [("clip", "transformers")]), f"{told('clip.safetensors')}")
    for family, names in LANGUAGE.items():
        make(f"{family}.safetensors", language("", *names))
        expect(told(f"{family}.safetensors") == (family, "language model", [(family, "transformers")]), f"{told(f'{family}.safetensors')}")
    for family, kinds in EXPERTS.items():
        for names in kinds:
            for prefix in ("model.", ""):
                make("experts.safetensors", language(prefix, *names))
                expect(told("experts.safetensors") == (family, "language model", []), f"{family}, {names}: {told('experts.safetensors')}")
    done = call("convert", "clip.safetensors", "out.safetensors", "-f", "--dtype", "te=f16")
    expect(done.returncode == 0 and {entry[0] for entry in read("out.safetensors").values()} == {"F16"}, f"te=f16: {done.stderr}")


def test_composed():
    make("flux.safetensors", FLUX)
    make("clip.safetensors", clip())
    make("t5.safetensors", t5())
    done = call("compose", "--unet", "flux.safetensors", "--te", "clip.safetensors", "--te2", "t5.safetensors", "-o", "out.safetensors", "-f")
    wanted = {"text_encoders.clip_l.transformer.text_model." + name for name in clip()} | {"text_encoders.t5xxl.transformer." + name for name in t5()}
    expect(done.returncode == 0 and {name for name in read("out.safetensors") if name.startswith("text_")} == wanted, f"flux: {done.stderr}")
    for unet, family in (("z-image", "qwen3"), ("lumina2", "gemma2"), ("hunyuan-video-comfy", "llama")):
        make_models.write("unet.safetensors", make_models.tensors(recorded_models.Recorded(unet), "left", "F32", 0), "F32")
        make("encoder.safetensors", language("", *LANGUAGE[family]))
        done = call("compose", "--unet", "unet.safetensors", "--te", "encoder.safetensors", "-o", "out.safetensors", "-f")
        expect(done.returncode == 0, f"{unet}: {done.stderr}")
        found = {name.split("transformer.")[1] for name in read("out.safetensors") if name.startswith("text_encoders.")} if done.returncode == 0 else {}
        expect(found == set(language("model.", *LANGUAGE[family])), f"{unet}: {found}")


def test_t5():
    make("t5.safetensors", t5())
    expect(told("t5.safetensors")[2] == [("t5", "hugging_face")], f"t5: {told('t5.safetensors')}")
    for layout in ("comfy", "diffusers", "original"):
        done = call("convert", "t5.safetensors", "out.safetensors", "-f", "--layout", layout)
        expect(done.returncode == 0 and read("out.safetensors") == read("t5.safetensors"), f"{layout}: {done.stderr}")
    make("umt5.safetensors", t5() | {"encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight": floats(2, 2)})
    expect(told("umt5.safetensors")[2] == [("umt5", "hugging_face")], f"umt5: {told('umt5.safetensors')}")
    unet = {"model.diffusion_model." + name: entry for name, entry in FLUX.items()}
    prefixes = ("text_encoders.t5xxl.transformer.", "text_encoder_2.", "")
    for own in prefixes:
        make("a.safetensors", unet | t5(own))
        make("same.safetensors", unet | t5(own, seed=7))
        expect(call("merge", "a.safetensors", "same.safetensors", "-o", "wanted.safetensors", "-f").returncode == 0, own)
        for theirs in prefixes:
            make("b.safetensors", unet | t5(theirs, seed=7))
            done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
            expect(done.returncode == 0 and read("out.safetensors") == read("wanted.safetensors"), f"'{own}' and '{theirs}': {done.stderr} {done.stdout}")


def test_folder():
    """Is called as the same in one file is."""
    for name in ("text_encoder_2", "transformer"):
        pathlib.Path("flux", name).mkdir(parents=True)
    make_models.write("flux/transformer/diffusion_pytorch_model.safetensors", make_models.tensors(recorded_models.Recorded("flux-dev"), "right", "F16", 0), "F16")
    make("flux/text_encoder_2/model.safetensors", t5())
    pathlib.Path("flux/model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    expect(told("flux")[:2] == ("flux-dev", "checkpoint"), f"{told('flux')}")
    expect(told("flux/transformer")[:2] == ("flux-dev", "diffusion model"), f"{told('flux/transformer')}")


def test_component_first():
    """Of a whole checkpoint behind a component that part is merged, whichever it is."""
    model = recorded_models.Recorded("flux-ae")
    vaes = {(naming, seed): make_models.tensors(model, naming, "F16", seed) for naming in ("left", "right") for seed in (1, 2)}
    unet = {"model.diffusion_model." + name: entry for name, entry in make_models.tensors(recorded_models.Recorded("flux-dev"), "left", "F16", 0).items()}
    for own in ("left", "right"):
        make_models.write("a.safetensors", vaes[own, 1], "F16")
        make_models.write("same.safetensors", vaes[own, 2], "F16")
        expect(call("merge", "a.safetensors", "same.safetensors", "-o", "wanted.safetensors", "-f").returncode == 0, own)
        for theirs in ("left", "right"):
            for prefix in ("vae.", "first_stage_model."):
                make_models.write("b.safetensors", unet | {prefix + name: entry for name, entry in vaes[theirs, 2].items()}, "F16")
                done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
                expect(done.returncode == 0 and read("out.safetensors") == read("wanted.safetensors"), f"{own}, {theirs} {prefix}: {done.stderr[:500]}")


def test_listed():
    folder = pathlib.Path("models")
    folder.mkdir()
    wanted = {"sd1": "sd1", "autoencoder-kl": "autoencoder-kl", "wan-vae": "wan", "mochi": "mochi", "cosmos-predict2": "cosmos-predict2",
              "clip-h-open-clip": "clip"}
    for name in wanted:
        for naming in ("left", "right"):
            make_models.write(str(folder / f"{name}.{naming}.safetensors"), make_models.tensors(recorded_models.Recorded(name), naming, "F16", 0), "F16")
    call("scan", "models", "--registry", "r.db")
    files = json.loads(call("list", "--json", "--registry", "r.db").stdout)["files"]
    expect(len(files) == 2 * len(wanted), f"{len(files)} files")
    for file in files:
        name, naming = pathlib.Path(file["path"]).name.split(".")[:2]
        expect(file["architecture"] == wanted[name], f"{file['path']}: {file['architecture']}")
        expect(file["kind"].endswith(", diffusers names") == (naming == "right" and name != "clip-h-open-clip"), f"{file['path']}: {file['kind']}")
    guess = told("models/mochi.right.safetensors")
    expect(guess[:2] == ("mochi", "diffusion model"), f"inspect: {guess}")


run_in_folders(test_told, test_composed, test_t5, test_folder, test_component_first, test_listed)
