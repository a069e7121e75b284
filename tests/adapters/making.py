# SPDX-License-Identifier: Apache-2.0
"""usage: making.py CKMERGE [NAME ...]
Adapters that are made of others and of checkpoints: what is told of tensors that an extraction leaves, which adapters cannot be added
up, folders of PEFT that are made again, and for which network the result says that it is."""
import json
import os
import pathlib
import subprocess
import sys

import named_tests
import spelled
import tensors

MODELS = spelled.models()
KOHYA = {"sd1": {"unet": "lora_unet_", "te": "lora_te_"}, "sdxl": {"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"},
         "flux": {"transformer": "lora_unet_"}}
DIFFUSERS = {"sd1": {"unet": "unet.", "te": "text_encoder."}, "sdxl": {"unet": "unet.", "te1": "text_encoder.", "te2": "text_encoder_2."},
             "flux": {"transformer": "transformer."}}
ADAPTERS = {  # name: model, whose names, spelling
    "sd1_k": ("sd1", "right", spelled.kohya(KOHYA["sd1"])), "sd1_d": ("sd1", "right", spelled.dotted(DIFFUSERS["sd1"])),
    "sdxl_k": ("sdxl", "left", spelled.kohya(KOHYA["sdxl"])), "sdxl_kd": ("sdxl", "right", spelled.kohya(KOHYA["sdxl"])),
    "sdxl_d": ("sdxl", "right", spelled.dotted(DIFFUSERS["sdxl"])),
    "flux_k": ("flux", "left", spelled.kohya(KOHYA["flux"])), "flux_d": ("flux", "right", spelled.dotted(DIFFUSERS["flux"])),
    "flux_c": ("flux", "left", spelled.dotted({"transformer": "diffusion_model."})),
}


class Fault(Exception):
    """What is not as it should be."""


def expect(holds, what):
    if not holds:
        raise Fault(what)


def call(*words):
    place = os.getcwd()
    return subprocess.run([CKMERGE, *map(str, words)], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=f"{place}/cache", XDG_DATA_HOME=f"{place}/data"))


def done(*words):
    result = call(*words)
    expect(result.returncode == 0, f"{' '.join(map(str, words))}: exit {result.returncode}: {result.stderr.strip()[-500:]}")
    return result.stdout


def refused(code, words, *command):
    result = call(*command)
    expect(result.returncode == code and words in result.stderr, f"{' '.join(map(str, command))}: exit {result.returncode}, {result.stderr.strip()[:500]}")


def write_adapters(*names):
    for name in names:
        model, side, spell = ADAPTERS[name]
        pairs = MODELS[model].left_pairs if side == "left" else dict(MODELS[model].right_pairs)
        if name == "sdxl_k":  # text encoders are called as in transformers whatever the network's names are
            pairs = dict(pairs, te2=MODELS[model].right_pairs["te2"])
        tensors.write(f"{name}.safetensors", *spell({part: pairs[part] for part in MODELS[model].places}))


def changed(named, seed, only=lambda name: True):
    """The same with other numbers."""
    return {name: tensors.made(seed, name, dtype, shape) if dtype in ("F16", "F32") and only(name) else (dtype, shape, raw)
            for name, (dtype, shape, raw) in named.items()}


def language_model():
    return spelled.whole(MODELS["llama"])


def extracted(*words):
    return json.loads(done("lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", 2, "--json", *words))


def left_out():
    """All that differs and is not in the adapter is told: other shapes, what one of the two lacks, parts without modules."""
    base = language_model()
    tuned = changed(base, "tuned")
    for name, shape in (("lm_head.weight", [18, 8]), ("model.embed_tokens.weight", [18, 8]), ("model.layers.2.self_attn.q_proj.weight", [8, 8])):
        tuned[name] = tensors.made("tuned", name, "F32", shape)
    del tuned["model.layers.1.mlp.down_proj.weight"]
    base["steps"] = tuned["steps"] = "I64", [2], tensors.packed("I64", [1, 2])
    base["places"], tuned["places"] = ("I64", [2], tensors.packed("I64", [1, 2])), ("I64", [2], tensors.packed("I64", [1, 3]))
    tensors.write("base.safetensors", base)
    tensors.write("tuned.safetensors", dict(sorted(tuned.items())))
    told = extracted("-o", "ad/")["left_out"]
    wanted = {"lm_head.weight", "model.embed_tokens.weight", "model.layers.2.self_attn.q_proj.weight", "model.layers.1.mlp.down_proj.weight", "places"}
    expect(wanted <= set(told) and "steps" not in told, f"left out: {told}")
    expect(not any("proj" in name and name not in wanted for name in told), f"left out: {told}")
    text = done("lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", 2, "-o", "other/", "-v")
    for line in ("lm_head.weight  (another shape than in the base)", "model.layers.1.mlp.down_proj.weight  (the tuned model lacks it)",
                 "model.layers.2.self_attn.q_proj.weight  (the base lacks it)", "model.norm.weight  (no weight of a module)"):
        expect(line in text, f"no line {line}: {text}")


def left_out_of_pipelines():
    """A VAE that differs, and an inpainting model's first convolution."""
    vae = {"first_stage_model.decoder.conv_out.bias": tensors.made("vae", "b", "F32", [3])}
    base = spelled.whole(MODELS["sd1"]) | vae
    tuned = changed(base, "tuned", lambda name: "attn1.to_q" in name) | changed(vae, "tuned")
    first = "model.diffusion_model.input_blocks.0.0.weight"
    dtype, shape, _ = tuned[first]
    tuned[first] = tensors.made("tuned", first, dtype, [shape[0], shape[1] + 5, *shape[2:]])
    tensors.write("base.safetensors", base)
    tensors.write("tuned.safetensors", tuned)
    for spelling in ("kohya", "diffusers"):
        told = extracted("--spelling", spelling, "-o", f"{spelling}.safetensors")["left_out"]
        expect(sorted(told) == sorted([first, *vae]), f"{spelling}: left out: {told}")


def other_networks():
    """Extraction from another network is refused."""
    tensors.write("tuned.safetensors", {"model.diffusion_model." + name: tensors.made("a", name, "F16", shape) for name, shape in (
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", [8, 768]), ("input_blocks.1.1.proj_in.weight", [8, 8, 1, 1]))})
    tensors.write("base.safetensors", {"model.diffusion_model." + name: tensors.made("b", name, "F16", shape) for name, shape in (
        ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", [8, 2048]), ("input_blocks.1.1.proj_in.weight", [8, 8]))})
    refused(4, "is of sd1, and base.safetensors of sdxl", "lora", "extract", "tuned.safetensors", "base.safetensors", "-o", "L.safetensors")
    for name in ("sd1", "sdxl", "flux"):
        tensors.write(f"{name}.safetensors", spelled.whole(MODELS[name]))
    for one, other in (("sdxl", "sd1"), ("sd1", "sdxl"), ("flux", "sdxl"), ("sdxl", "flux")):
        refused(4, f"{one}.safetensors: is of", "lora", "extract", f"{one}.safetensors", f"{other}.safetensors", "-o", "L.safetensors")


def merged_names():
    """Adapters whose modules have two names, or are of two networks, are not added up."""
    write_adapters(*ADAPTERS)
    for one, other, words in (("sdxl_k", "sdxl_kd", "calls modules as diffusers does"), ("sdxl_k", "sdxl_d", "calls modules as diffusers does"),
                              ("flux_c", "flux_d", "calls modules as diffusers does"), ("flux_d", "flux_k", "calls modules as the model's publisher does"),
                              ("sd1_k", "sdxl_k", "is for sdxl, and sd1_k.safetensors for sd1"), ("flux_k", "sdxl_k", "is for sdxl, and flux_k.safetensors for flux")):
        refused(4, words, "lora", "merge", f"{one}.safetensors", f"{other}.safetensors", "-o", "L.safetensors", "-f")
    for one, other in (("sd1_k", "sd1_d"), ("sdxl_kd", "sdxl_d"), ("flux_k", "flux_c")):
        done("lora", "merge", f"{one}.safetensors", f"{other}.safetensors", "--save-dtype", "f32", "-o", "L.safetensors", "-f")
        model = ADAPTERS[one][0]
        tensors.write("base.safetensors", spelled.whole(MODELS[model]))
        done("bake", "base.safetensors", "--lora", "L.safetensors", "-o", "baked.safetensors", "-f")


def respelled():
    """SD 1 has one text encoder, which kohya gives no number; a folder of PEFT is of one component."""
    write_adapters("sd1_d", "sdxl_d", "flux_d")
    for name, front in (("sd1_d", "lora_te_"), ("sdxl_d", "lora_te1_")):
        done("lora", "merge", f"{name}.safetensors", "--spelling", "kohya", "-o", f"{name}_k.safetensors")
        names = tensors.read(f"{name}_k.safetensors")
        expect(any(each.startswith(front) for each in names), f"{name}: {sorted(names)[:3]}")
    refused(4, "are modules of two components", "lora", "merge", "sd1_d.safetensors", "--spelling", "peft", "-o", "folder/")
    done("lora", "merge", "sd1_d.safetensors:1:te=0", "--spelling", "peft", "-o", "folder/")
    done("lora", "merge", "flux_d.safetensors", "--spelling", "peft", "-o", "flux/")


def made_again():
    """-f replaces a folder that holds an adapter and nothing else."""
    base = language_model()
    tensors.write("base.safetensors", base)
    tensors.write("tuned.safetensors", changed(base, "tuned"))
    words = ("lora", "extract", "tuned.safetensors", "base.safetensors", "-o", "ad/", "--rank")
    done(*words, 2)
    refused(2, "use -f to replace it", *words, 3)
    pathlib.Path("ad/README.md").write_text("mine", encoding="utf-8")
    done(*words, 3, "-n", "-f")
    done(*words, 3, "-f")
    expect(sorted(os.listdir("ad")) == ["adapter_config.json", "adapter_model.safetensors"], f"{os.listdir('ad')}")
    done("lora", "resize", "ad", "--rank", 1, "-o", "small/")
    done("lora", "merge", "ad", "small", "-o", "both/")
    done("lora", "merge", "ad", "small", "--rank", 2, "-o", "both/", "-f")
    pathlib.Path("ad/optimizer.pt").write_text("mine", encoding="utf-8")
    refused(2, "holds optimizer.pt, which is no part of an adapter", *words, 2, "-f")
    expect(os.path.exists("ad/optimizer.pt"), "a file is lost")


def same_bytes():
    """The same from anywhere, by any path."""
    base = language_model()
    os.makedirs("in/b")
    tensors.write("in/b/model.safetensors", base)
    tensors.write("in/t.safetensors", changed(base, "tuned"))
    found = set()
    for k, (tuned, model) in enumerate((("in/t.safetensors", "in/b/"), (os.path.abspath("in/t.safetensors"), os.path.abspath("in/b")))):
        done("lora", "extract", tuned, model, "--rank", 2, "-o", f"ad{k}/")
        found.add(tuple(pathlib.Path(f"ad{k}/{name}").read_bytes() for name in ("adapter_config.json", "adapter_model.safetensors")))
        expect(json.loads(pathlib.Path(f"ad{k}/adapter_config.json").read_text())["base_model_name_or_path"] == "b", "the base's name")
    expect(len(found) == 1, "bytes hang on paths")


def listed():
    """A folder is called by its name, and for which network an adapter is comes from its config where names do not tell."""
    os.makedirs("models/mine")
    shape = {"lora_A": [2, 8], "lora_B": [8, 2]}
    tensors.write("models/mine/adapter_model.safetensors", {f"base_model.model.model.layers.0.self_attn.q_proj.{name}.weight": tensors.made("l", name, "F32", each)
                                                            for name, each in shape.items()})
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": "google/gemma-2-9b"}
    pathlib.Path("models/mine/adapter_config.json").write_text(json.dumps(config))
    tensors.write("models/boft.safetensors", {"lora_unet_a.oft_blocks": tensors.made("l", "b", "F32", [2, 2, 4, 4]), "lora_unet_a.alpha": tensors.made("l", "a", "F32", [])})
    done("scan", "models")
    told = json.loads(done("list", "--json"))
    expect("gemma2" in json.dumps(told) and "adapter (BOFT)" in json.dumps(told), f"{told}")
    expect("lora_A" in done("inspect", "@mine", "--tensors"), "by the folder's name")


TESTS = {test.__name__: test for test in (left_out, left_out_of_pipelines, other_networks, merged_names, respelled, made_again, same_bytes, listed)}


if __name__ == "__main__":
    CKMERGE = os.path.abspath(sys.argv[1])
    named_tests.run({name: lambda _, test=test: test() for name, test in TESTS.items()}, "tests of made adapters", error=Fault)
