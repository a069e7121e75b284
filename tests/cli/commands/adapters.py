#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: adapters.py CKMERGE
Adapters are refused by name by whatever would average their factors, copied by what copies, and called adapters by whoever looks."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from adapter_kinds import KINDS, PLAIN, PEFT
from checks import call, expect, refused, run_in_folders, safetensors
from judged_files import below, write


def layer(names, dtype="F16", shape=(4, 4)):
    return {name: (dtype, list(shape)) for name in names.split()}


def test_every_kind():
    write("model.safetensors", layer(PLAIN))
    for k, (kind, prefix, names) in enumerate(KINDS):
        write(f"{k}.safetensors", below(prefix, layer(names)))
        done = call("merge", f"{k}.safetensors", f"{k}.safetensors", "-o", "out.safetensors")
        expect(done.returncode == 4 and f"is an adapter, {kind}" in done.stderr, f"{prefix}{names}: {kind}: {done}")
        expect("cannot be averaged" in done.stderr and "`ckmerge lora merge`" in done.stderr, f"{done.stderr}")
    expect(not os.path.exists("out.safetensors"), "nothing is written")
    told = json.loads(call("inspect", "--json", *[f"{k}.safetensors" for k in range(len(KINDS))]).stdout)["files"]
    for file, (kind, *_) in zip(told, KINDS):
        expect(file["adapter"].startswith(kind) and file["quantized"] == "", f"{kind}: {file['adapter']}")


def test_no_false_alarm():
    write("a.safetensors", layer(PLAIN))
    write("b.safetensors", layer(PLAIN), fill=0x39)
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expect(done.returncode == 0 and "warning" not in done.stdout, f"{done}")
    expect("adapter" not in call("inspect", "a.safetensors").stdout, "inspect")
    for name in PLAIN.split():
        write("one.safetensors", {name: ("F32", [2]), "norm.weight": ("F32", [2]), "norm.bias": ("F32", [2])})
        expect("adapter" not in call("inspect", "one.safetensors").stdout, f"{name} alone")


def test_beside_a_checkpoint():
    write("model.safetensors", layer(PLAIN))
    write("lora.safetensors", below(KINDS[0][1], layer(KINDS[0][2])))
    for words in (("merge", "model.safetensors", "lora.safetensors"), ("average", "model.safetensors", "lora.safetensors"),
                  ("merge", "lora.safetensors", "model.safetensors", "--extra", "add"), ("bake", "model.safetensors", "--vae", "lora.safetensors"),
                  ("compose", "--unet", "lora.safetensors", "--vae", "model.safetensors")):
        done = call(*words, "-o", "out.safetensors")
        expect(done.returncode == 4 and "lora.safetensors: is an adapter, LoRA (" in done.stderr, f"{words}: {done}")
        expect("--lora FILE" in done.stderr, f"{done.stderr}")
    expect(not os.path.exists("out.safetensors"), "nothing is written")


def test_ranks_that_differ():
    for rank in (4, 8):
        write(f"rank{rank}.safetensors", {KINDS[0][1] + "lora_down.weight": ("F16", [rank, 20]), KINDS[0][1] + "lora_up.weight": ("F16", [20, rank]),
                                          KINDS[0][1] + "alpha": ("F16", [])})
    for words in (("rank4", "rank8"), ("rank8", "rank4")):
        done = call("merge", *[word + ".safetensors" for word in words], "-o", "out.safetensors")
        expect(done.returncode == 4 and "inpainting" not in done.stderr and done.stderr.count("is an adapter, LoRA") == 2, f"{done}")


def test_what_copies():
    write("lora.safetensors", below(KINDS[0][1], layer(KINDS[0][2], "F32")))
    expect(call("convert", "lora.safetensors", "same.safetensors").returncode == 0, "convert")
    expect(safetensors("same.safetensors")[1] == safetensors("lora.safetensors")[1], "the same tensors")
    expect(call("convert", "lora.safetensors", "half.ckpt", "--dtype", "f16").returncode == 0, "convert to F16")
    refused(4, "is an adapter, LoRA", "merge", "half.ckpt", "lora.safetensors", "-o", "out.safetensors")
    refused(4, "is an adapter, LoRA", "average", "lora.safetensors", "-o", "out.safetensors")


def test_factors_beside_weights():
    whole = {**layer(PLAIN), **below("model.layers.0.self_attn.q_proj.", layer("lora_A.vision.weight lora_B.vision.weight"))}
    write("a.safetensors", whole)
    done = call("plan", "a.safetensors", "a.safetensors")
    expect(done.returncode == 0 and "2 tensors are factors of an adapter beside its weights (LoRA)" in done.stdout, f"{done}")
    expect("2 factors of an adapter beside its weights: LoRA" in call("inspect", "a.safetensors").stdout, "inspect")


def test_models_with_adapters_in_them():
    model = layer("model.embed_tokens.weight model.norm.weight lm_head.weight")
    for i in range(3):
        model.update(below(f"model.layers.{i}.qkv_proj.", layer("base_layer.weight lora_A.speech.weight lora_B.speech.weight lora_A.vision.weight lora_B.vision.weight")))
    for prefix in ("", "base_model.model."):
        write("a.safetensors", below(prefix, model))
        write("b.safetensors", below(prefix, model), fill=0x39)
        done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
        expect(done.returncode == 0 and "12 tensors are factors of an adapter beside its weights (LoRA)" in done.stdout, f"{done}")
        expect(call("merge", "a.safetensors", "b.safetensors", "--exclude", "lora_", "-o", "out.safetensors", "-f").returncode == 0, "excluded")
    # of an adapter PEFT saves embeddings and head with the factors
    write("adapter.safetensors", below("base_model.model.", layer("embed.base_layer.weight head.base_layer.weight q.lora_A.weight q.lora_B.weight")))
    refused(4, "is an adapter, LoRA", "merge", *["adapter.safetensors"] * 2, "-o", "out.safetensors", "-f")


def test_names_of_peft():
    for names in ("m.peanut_A", "m.poly_x", "prefix.weight", "m.lily_B m.lily_A"):
        write("x.safetensors", below("base_model.model.", layer(names)))
        refused(4, "is an adapter, PEFT's, of a kind that is not known (base_model.model.", "merge", *["x.safetensors"] * 2, "-o", "out.safetensors")
    write("x.safetensors", layer("xlora_classifier.inner.0.weight"))
    refused(4, "is an adapter, LoRA or another", "merge", *["x.safetensors"] * 2, "-o", "out.safetensors")
    write("x.safetensors", layer("base_model.layers.0.weight head.weight"))
    expect(call("merge", *["x.safetensors"] * 2, "-o", "out.safetensors").returncode == 0, "a part called base_model")


def test_four_small_layers():
    write("net.safetensors", below("net.", layer("a1.weight a2.weight b1.weight b2.weight head.weight")))
    done = call("merge", *["net.safetensors"] * 2, "-o", "out.safetensors")
    expect(done.returncode == 0 and "adapter" not in done.stdout, f"no GLoRA: {done}")


def test_config_beside():
    os.mkdir("peft")
    write("peft/adapter_model.safetensors", below(PEFT, layer("strange")))
    write("peft/model.safetensors", layer(PLAIN))
    write("peft/wrapped.safetensors", below("base_model.model.", layer("a.weight")))
    unknown = "PEFT's, of a kind that is not known"
    expect(f"adapter: {unknown}" in call("inspect", "peft/adapter_model.safetensors").stdout, "by its names")
    pathlib.Path("peft/adapter_config.json").write_text('{"peft_type": "PEANUT", "r": 8}')
    told = json.loads(call("inspect", "--json", *[f"peft/{name}.safetensors" for name in ("adapter_model", "model", "wrapped")]).stdout)["files"]
    expect([file["adapter"] for file in told] == ["PEANUT", "", "PEANUT"], f"{[file['adapter'] for file in told]}")
    refused(4, "is an adapter, PEANUT (the adapter_config.json beside it says so)", "merge", *["peft/adapter_model.safetensors"] * 2, "-o", "out.safetensors")
    for text in ("{", "[]", '{"peft_type": 3}', '{"peft_type": "LOHA"', "x" * (2 << 20)):
        pathlib.Path("peft/adapter_config.json").write_text(text)
        expect(json.loads(call("inspect", "--json", "peft/adapter_model.safetensors").stdout)["files"][0]["adapter"] == unknown, f"{text[:20]}")


def test_registry():
    os.mkdir("models")
    write("models/loha.safetensors", below(KINDS[12][1], layer(KINDS[12][2])))
    write("models/q.safetensors", {"model.layers.0.self_attn.q_proj.weight": ("I8", [4, 4]), "model.layers.0.self_attn.q_proj.SCB": ("F32", [4])})
    call("scan", "models", "--registry", "r.db")
    kinds = {file["name"]: file["kind"] for file in json.loads(call("list", "--registry", "r.db", "--json").stdout)["files"]}
    expect(kinds == {"loha.safetensors": "adapter (LoHa)", "q.safetensors": "language model, quantized (int8 of bitsandbytes)"}, f"{kinds}")
    expect("adapter (LoHa)" in call("list", "loha", "--registry", "r.db").stdout, "found by its kind")


def test_reported():
    reported = pathlib.Path(__file__).resolve().parents[4] / "shared/reported"
    if not reported.is_dir():
        return print("NOT RUN: no ../shared/reported")
    for path in [*(reported / "lora").glob("*"), *(reported / "adapterkinds").glob("*")]:
        refused(4, "is an adapter, ", "merge", str(path), str(path), "-o", "out.safetensors")


run_in_folders(test_every_kind, test_no_false_alarm, test_beside_a_checkpoint, test_ranks_that_differ, test_what_copies,
               test_factors_beside_weights, test_models_with_adapters_in_them, test_names_of_peft, test_four_small_layers,
               test_config_beside, test_registry, test_reported)
