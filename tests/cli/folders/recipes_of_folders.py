#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: recipes_of_folders.py CKMERGE
Merges of folders that are saved as recipe files, and sweeps of them: what a recipe says of shards, components and models in Hugging
Face's cache, and a folder for each value."""
import json
import os
import pathlib
import shutil

from folders import CONFIG, digest, done, expect, files_in, llama, tensors_in, write_model, write_text, write_weights

from checks import refused, run_in_folders

COMMIT = "0123456789" * 4


def recipe():
    return pathlib.Path("r.yaml").read_text()


def saved(*words):
    if os.path.exists("r.yaml"):
        os.remove("r.yaml")
    done("merge", *words, "-o", "out/", "-f", "--save-recipe", "r.yaml")
    done("run", "r.yaml", "-o", "again/", "-f")
    expect(digest("again") == digest("out"), f"{words}: {recipe()} {files_in('out')} {files_in('again')}")
    return recipe()


def test_shards():
    write_model("a", llama(1))
    write_model("b", llama(2))
    write_text("a/modeling_x.py", "x")
    text = saved("a", "b", "--shard-size", "500", "--copy-code")
    expect('shard_size: "500"' in text and "copy_code: true" in text, text)
    # What is asked of the run comes first; of a file as OUT they say nothing.
    done("run", "r.yaml", "-o", "one/", "--shard-size", "5GB")
    expect("model.safetensors" in files_in("one"), f"{files_in('one')}")
    done("run", "r.yaml", "-o", "one.safetensors")
    expect(tensors_in(".") == tensors_in("one"), "a file")
    # Files that became a folder.
    for name in "ab":
        shutil.copy(f"{name}/model.safetensors", f"{name}.safetensors")
    saved("a.safetensors", "b.safetensors", "--shard-size", "500")
    shutil.rmtree("out")
    refused(2, "--shard-size is of a model's folder", "merge", "a", "b", "-o", "x.safetensors", "--shard-size", "5GB")


def look_in(cache):
    os.environ["HF_HUB_CACHE"] = os.path.abspath(cache)


def cached(cache, model, tensors):
    top = f"{cache}/models--{model.replace('/', '--')}"
    write_model(f"{top}/snapshots/{COMMIT}", tensors)
    write_text(f"{top}/refs/main", COMMIT)


def test_cache():
    cached("cache", "org/name", llama(1))
    cached("cache", "gpt2", llama(3))
    write_model("b", llama(2))
    look_in("cache")
    text = saved("org/name", "b")
    expect(f'A: "org/name@{COMMIT}"\n' in text and "B: b\n" in text, text)
    text = saved(f"cache/models--org--name/snapshots/{COMMIT}/", "gpt2")
    expect(f'A: "org/name@{COMMIT}"\n' in text and f'B: "gpt2@{COMMIT}"\n' in text, text)
    look_in("other")
    # In no cache that will be looked in, and where a folder is called so.
    text = saved(f"cache/models--org--name/snapshots/{COMMIT}", "b")
    expect(f"A: cache/models--org--name/snapshots/{COMMIT}\n" in text, text)
    look_in("cache")
    write_model(f"org/name@{COMMIT}", llama(4))
    text = saved(f"cache/models--org--name/snapshots/{COMMIT}", "b")
    expect(f"A: cache/models--org--name/snapshots/{COMMIT}\n" in text, text)


def pipeline(folder, seed):
    write_text(f"{folder}/model_index.json", json.dumps({"_class_name": "P", "text_encoder": ["transformers", "X"], "vae": ["diffusers", "Y"]}))
    for component, stem in (("text_encoder", "model"), ("vae", "diffusion_pytorch_model")):
        write_weights(f"{folder}/{component}/{stem}.safetensors", llama(f"{component} {seed}"))
        write_text(f"{folder}/{component}/config.json", json.dumps(CONFIG if stem == "model" else {"_class_name": "Y"}))


def test_components():
    pipeline("p", 1)
    pipeline("q", 2)
    text = saved("p", "q", "--component", "text_encoder")
    expect("component: text_encoder" in text and "A: p\n" in text, text)
    done("run", "r.yaml", "A=q", "-o", "other/")
    done("merge", "q", "q", "--component", "text_encoder", "-o", "wanted/")
    expect(tensors_in("other") == tensors_in("wanted"), "a pipeline in the place of another")
    done("run", "out", "A=p/text_encoder", "B=q/text_encoder", "-o", "recorded/")
    expect(digest("recorded") == digest("out"), "run of what was made")
    # A whole pipeline in shards, made again in as many from any of its files.
    text = saved("p", "q", "--shard-size", "500")
    for made in ("out", "out/vae", "out/text_encoder/model.safetensors.index.json"):
        shutil.rmtree("recorded")
        done("run", made, "A=p", "B=q", "-o", "recorded/")
        expect(digest("recorded") == digest("out"), f"run {made}: {files_in('recorded')}")


def swept(folder):
    return sorted(os.listdir(folder))


def test_sweeps():
    write_model("a", llama(1))
    write_model("b", llama(2))
    told = done("merge", "a", "b", "--sweep", "alpha=0.25,0.5", "-o", "sweep/", "--shard-size", "500", "--hash", "--verify").stdout
    expect(swept("sweep") == ["alpha-0.25", "alpha-0.5"], f"{swept('sweep')} {told}")
    for alpha in ("0.25", "0.5"):
        done("merge", "a", "b", "--alpha", alpha, "-o", "one/", "-f", "--shard-size", "500", "--hash")
        expect(digest(f"sweep/alpha-{alpha}") == digest("one"), f"{alpha}: {files_in('one')} {files_in(f'sweep/alpha-{alpha}')}")
    refused(2, "is not empty", "merge", "a", "b", "--sweep", "alpha=0.25,0.5", "-o", "sweep/")
    document = json.loads(done("merge", "a", "b", "--sweep", "alpha=0.25,0.5", "-o", "sweep", "-f", "--json").stdout)
    expect("model.safetensors" in files_in("sweep/alpha-0.5"), f"{document}")
    done("plan", "a", "b", "--sweep", "alpha=0.25,0.5", "-o", "planned/")
    done("plan", "a", "b", "--sweep", "alpha=0.25,0.5")
    expect(not os.path.exists("planned"), "a plan writes nothing")
    refused(2, "holds the input", "merge", "sweep/alpha-0.5", "b", "--sweep", "alpha=0.25,0.5", "-o", "sweep", "-f")
    pipeline("p", 1)
    pipeline("q", 2)
    done("merge", "p", "q", "--sweep", "alpha=0.25,0.5", "-o", "pipelines")
    done("merge", "p", "q", "--alpha", "0.25", "-o", "whole/")
    expect(digest("pipelines/alpha-0.25") == digest("whole"), f"{files_in('pipelines')}")
    expect(not any(name.startswith(".") for name in os.listdir("pipelines")), f"{os.listdir('pipelines')}")


run_in_folders(test_shards, test_cache, test_components, test_sweeps)
