#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sharded.py CKMERGE
A checkpoint in several shards is one wherever a path is: its folder, its index, any of its shards."""
import hashlib
import json
import os
import pathlib
import resource
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, refused, run_in_folders
from equated_files import NAMES as NAMES_ALIKE
from equated_files import RESHAPED, renamed
from operation_files import make, read
from shard_files import (DIFFUSERS, TRANSFORMERS, shard_name, weights, write_json, write_shards,
                         write_torch_shards)

reported = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"
NAMES = ("model.embed.weight", "model.layers.0.up.weight", "model.layers.1.up.weight", "model.norm.weight")


def parts(tensors, count=2):
    """In shards by turns, so that a shard's names lie between another's."""
    names = sorted(tensors)
    return [{name: tensors[name] for name in names[k::count]} for k in range(count)]


def done(*words, told="", **options):
    ran = call(*words, **options)
    expect(ran.returncode == 0 and told in ran.stdout + ran.stderr,
           f"{' '.join(words)}: {ran.returncode} {ran.stdout} {ran.stderr}")
    return ran


def test_whole():
    a, b = weights(1, *NAMES), weights(2, *NAMES)
    make("a.safetensors", a)
    make("b.safetensors", b)
    write_shards("A", parts(a))
    write_shards("B", parts(b, 3))
    done("merge", "a.safetensors", "b.safetensors", "--alpha", "0.3", "-o", "wanted.safetensors")
    wanted = read("wanted.safetensors")
    shard = "A/" + shard_name("model", 2, 2)
    for first, other, told in (("A", "B", ""), ("A/", "b.safetensors", ""), ("a.safetensors", "B", ""),
                               ("A/model.safetensors.index.json", "B", ""), (shard, "b.safetensors", "is one of 2 shards")):
        done("merge", first, other, "--alpha", "0.3", "-o", "out.safetensors", "-f", told=told)
        expect(read("out.safetensors") == wanted, f"{first} with {other}")
    done("convert", "A", "whole.safetensors")
    expect(read("whole.safetensors") == read("a.safetensors"), "convert of a folder")
    done("average", "A", "B", "-o", "mean.safetensors")
    done("average", "a.safetensors", "b.safetensors", "-o", "plain.safetensors")
    expect(read("mean.safetensors") == read("plain.safetensors"), "average of folders")
    done("plan", "A", shard, told="are the same files")
    os.chdir("A")
    done("convert", ".", "../here.safetensors")
    done("convert", shard_name("model", 1, 2), "../here.safetensors", "-f")
    os.chdir("..")
    expect(read("here.safetensors") == read("a.safetensors"), "convert of a shard in this folder")
    refused(2, "", "merge", "A", "B", "-o", shard, "-f")


def test_recorded():
    """A merge of folders is run again from what it recorded, by paths and by sums, and from a recipe file."""
    write_shards("A", parts(weights(1, *NAMES)))
    write_shards("B", parts(weights(2, *NAMES)))
    done("merge", "A", "B", "-o", "out.safetensors", "--hash-inputs", "--save-recipe", "recipe.yaml")
    made = pathlib.Path("out.safetensors").read_bytes()
    done("run", "out.safetensors", "A=A", "B=B/model.safetensors.index.json", "-o", "again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == made, "run of a record")
    refused(4, "SHA-256", "run", "out.safetensors", "A=B", "B=B", "-o", "no.safetensors")
    done("run", "recipe.yaml", "-o", "recipe.safetensors")
    expect(pathlib.Path("recipe.safetensors").read_bytes() == made, "run of a recipe file")
    lines = "".join(f"{hashlib.sha256(pathlib.Path('A', name).read_bytes()).hexdigest()}  {name}\n"
                    for name in (shard_name("model", 1, 2), shard_name("model", 2, 2)))
    recorded = json.loads(done("plan", "A", "B", "--json").stdout)
    expect(recorded["inputs"][0]["form"] == "folder" and recorded["inputs"][0]["tensors"] == 4, f"plan: {recorded['inputs']}")
    summed = json.loads(done("merge", "A", "B", "-o", "x.safetensors", "--hash", "--json").stdout)
    expect(summed["hashes"]["inputs"][0] == hashlib.sha256(lines.encode()).hexdigest(), "the sum of a folder")


def test_without_index():
    a = weights(1, *NAMES)
    write_shards("A", parts(a, 3), index=False)
    make("a.safetensors", a)
    done("convert", "A", "out.safetensors")
    expect(read("out.safetensors") == read("a.safetensors"), "shards without an index")
    os.remove("A/" + shard_name("model", 2, 3))
    refused(1, "lacks shard 2 of the 3 that", "convert", "A", "no.safetensors")
    done("convert", "A/" + shard_name("model", 1, 3), "lone.safetensors", told="the others do not lie beside it")
    write_shards("other", parts(a, 3), stem="flux-dev", config=None, index=False)
    done("convert", "other", "out.safetensors", "-f")
    expect(read("out.safetensors") == read("a.safetensors"), "shards with a name of their own")


def test_torch():
    a = weights(1, *NAMES)
    write_torch_shards("A", parts(a))
    write_shards("B", parts(weights(2, *NAMES)))
    make("a.safetensors", a)
    done("convert", "A", "out.safetensors")
    expect(read("out.safetensors") == read("a.safetensors"), "torch's shards")
    ran = done("merge", "A", "B", "-o", "out.safetensors", "-f")
    expect("of the format" not in ran.stdout, f"no false alarm of formats: {ran.stdout}")
    shutil.copytree("B", "both")
    for name in os.listdir("A"):
        shutil.copy(f"A/{name}", f"both/{name}")
    done("convert", "both", "out.safetensors", "-f", told="pytorch_model.bin.index.json with its shards are not taken")
    expect(read("out.safetensors") == read_whole("B"), "safetensors come before torch's files")


def read_whole(folder):
    found = {}
    for path in pathlib.Path(folder).glob("*.safetensors"):
        found |= read(path)
    return found


def test_diffusers():
    a = weights(1, *NAMES)
    stem = "diffusion_pytorch_model"
    make("a.safetensors", a)
    write_shards("plain", parts(a), stem, DIFFUSERS)
    write_shards("variant", parts(a), stem, DIFFUSERS, variant="fp16")
    write_shards("older", parts(a), stem, DIFFUSERS, index=False)
    for k in (1, 2):  # the number before the variant
        os.rename("older/" + shard_name(stem, k, 2), f"older/{stem}-{k:05}-of-00002.fp16.safetensors")
    shutil.copytree("older", "listed")
    write_json(f"listed/{stem}.safetensors.index.fp16.json",
               {"metadata": {}, "weight_map": {name: f"{stem}-{k + 1:05}-of-00002.fp16.safetensors"
                                               for k, shard in enumerate(parts(a)) for name in shard}})
    for folder in ("plain", "variant", "older", "listed"):
        done("convert", folder, "out.safetensors", "-f")
        expect(read("out.safetensors") == read("a.safetensors"), folder)
    os.makedirs("pipeline")
    write_json("pipeline/model_index.json", {"_class_name": "P", "unet": ["diffusers", "UNet2DConditionModel"]})
    shutil.copytree("plain", "pipeline/unet")
    document = json.loads(done("inspect", "pipeline", "--json").stdout)["files"][0]
    expect(document["folder"]["kind"] == "pipeline" and len(document["shards"]) == 2, f"{document['folder']}")
    expect({tensor["name"] for tensor in document["tensors"]} == {"unet." + name for name in NAMES}, "names of a component")


def both_forms(folder, config, stem):
    write_shards(folder, parts(weights(1, *NAMES)), stem, config)
    make(f"{folder}/{stem}.safetensors", weights(2, *NAMES))


def test_both_forms():
    """A single file beside an index: what the loader of the folder's kind reads, said."""
    make("shards.safetensors", weights(1, *NAMES))
    make("single.safetensors", weights(2, *NAMES))
    both_forms("t", TRANSFORMERS, "model")
    done("convert", "t", "out.safetensors", told="of both, transformers reads model.safetensors")
    expect(read("out.safetensors") == read("single.safetensors"), "transformers takes the file")
    both_forms("d", DIFFUSERS, "diffusion_pytorch_model")
    done("convert", "d", "out.safetensors", "-f", told="of both, diffusers reads diffusion_pytorch_model.safetensors.index.json")
    expect(read("out.safetensors") == read("shards.safetensors"), "diffusers takes the index")
    both_forms("n", None, "model")
    refused(4, "no config.json tells whose it is", "convert", "n", "no.safetensors")
    done("convert", "n/model.safetensors.index.json", "out.safetensors", "-f")
    expect(read("out.safetensors") == read("shards.safetensors"), "the index by its name")
    done("convert", "n/model.safetensors", "out.safetensors", "-f")
    expect(read("out.safetensors") == read("single.safetensors"), "the file by its name")
    write_json("t/config.json", TRANSFORMERS | {"transformers_weights": "model.safetensors.index.json"})
    done("convert", "t", "out.safetensors", "-f", told="transformers_weights")
    expect(read("out.safetensors") == read("shards.safetensors"), "what config.json names")


def test_others_beside():
    write_shards("A", parts(weights(1, *NAMES)))
    make("A/consolidated.safetensors", weights(2, "tok_embeddings.weight"))
    make("A/adapter_model.safetensors", weights(3, "base_model.model.x.lora_A.weight"))
    ran = done("convert", "A", "out.safetensors")
    for told in ("the same under Mistral's names", "adapter_model.safetensors is not taken"):
        expect(told in ran.stdout, f"{told}: {ran.stdout}")
    os.makedirs("mistral")
    make("mistral/consolidated.safetensors", weights(2, "tok_embeddings.weight"))
    write_json("mistral/params.json", {"dim": 2})
    done("convert", "mistral", "out.safetensors", "-f")
    expect(list(read("out.safetensors")) == ["tok_embeddings.weight"], "Mistral's own file")
    os.makedirs("many")
    for name in ("one", "two"):
        make(f"many/{name}.safetensors", weights(1, "x"))
    refused(4, "no loader takes them together", "convert", "many", "no.safetensors")


def broken(folder, **changes):
    shards = parts(weights(1, *NAMES))
    write_shards(folder, shards, **changes)
    return shards


def test_hostile():
    first, second = shard_name("model", 1, 2), shard_name("model", 2, 2)
    listed = {name: (first if k % 2 == 0 else second) for k, name in enumerate(sorted(NAMES))}
    make("outside.safetensors", weights(5, *NAMES))
    for number, (changed, status, told) in enumerate((
            ({NAMES[0]: "../outside.safetensors"}, 3, "leads out of its folder"),
            ({NAMES[0]: os.path.abspath("outside.safetensors")}, 3, "leads out of its folder"),
            ({NAMES[0]: ".."}, 3, "is no file's name"),
            ({NAMES[0]: "model-00003-of-00003.safetensors"}, 1, "model-00003-of-00003.safetensors: is not there"),
            ({NAMES[0]: second}, 3, f"lists tensor '{NAMES[0]}' in {second}, and {first} holds it"),
            ({NAMES[0]: 1}, 3, "names no file"))):
        broken(f"h{number}", weight_map=listed | changed)
        for words in ([f"h{number}"], [f"h{number}/model.safetensors.index.json"]):
            refused(status, told, "convert", *words, "no.safetensors")
    broken("map", weight_map=None)
    refused(3, "has no 'weight_map'", "convert", "map", "no.safetensors")
    broken("twice")
    text = pathlib.Path("twice/model.safetensors.index.json").read_text()
    entry = f'"{NAMES[0]}": "{first}"'
    pathlib.Path("twice/model.safetensors.index.json").write_text(text.replace(entry, f"{entry}, {entry}"))
    refused(3, f"lists tensor '{NAMES[0]}' twice", "convert", "twice", "no.safetensors")
    shards = broken("held")
    make(f"held/{second}", shards[1] | {NAMES[0]: shards[0][NAMES[0]]})
    refused(3, f"holds tensor '{NAMES[0]}', which {first} holds too", "convert", "held", "no.safetensors")
    broken("pipe")
    os.remove(f"pipe/{first}")
    os.mkfifo(f"pipe/{first}")
    refused(1, "is a pipe", "convert", "pipe", "no.safetensors")
    broken("text")
    pathlib.Path(f"text/{first}").write_text("no weights\n")
    refused(3, first, "convert", "text", "no.safetensors")
    broken("link")
    os.remove(f"link/{first}")
    os.symlink("../nowhere.safetensors", f"link/{first}")
    refused(1, "is a link to a file that is not there", "convert", "link", "no.safetensors")
    pathlib.Path("huge").mkdir()
    with open("huge/model.safetensors.index.json", "wb") as file:
        file.truncate(300 << 20)
    refused(3, "no index is so large", "convert", "huge", "no.safetensors")
    expect(not os.path.exists("no.safetensors"), "nothing is written")


def test_doubtful():
    """What loaders differ in, and no reason to refuse: said."""
    a = weights(1, *NAMES)
    make("a.safetensors", a)
    listed = {name: shard_name("model", 1 if k % 2 == 0 else 2, 2) for k, name in enumerate(sorted(NAMES))}
    fewer = {name: file for name, file in listed.items() if name != NAMES[0]}
    for number, (changes, told) in enumerate((
            ({"metadata": None}, "has no 'metadata'"),
            ({"metadata": {"total_size": 7}}, "the tensors have 64 bytes, and model.safetensors.index.json says 7"),
            ({"weight_map": fewer}, f"1 tensor ('{NAMES[0]}') that model.safetensors.index.json does not list"),
            ({"weight_map": listed | {"lm_head.weight": shard_name("model", 1, 2)}}, "lists 1 tensor ('lm_head.weight') that no shard holds"))):
        broken(f"d{number}", **changes)
        done("convert", f"d{number}", "out.safetensors", "-f", told=told)
        expect(read("out.safetensors") == read("a.safetensors"), told)
    broken("good")
    ran = done("convert", "good", "out.safetensors", "-f")
    expect("note" not in ran.stdout and "warning" not in ran.stdout, f"nothing to say of a good folder: {ran.stdout}")


def test_quantized():
    """Codes in one shard, their scales in another."""
    codes = {"model.layers.0.up.weight": ("I8", [2, 2], [1, 2, 3, 4])}
    scales = {"model.layers.0.up.weight_scale": ("F32", [2, 1], [0.5, 0.25])}
    for tensors in (codes, scales):
        tensors |= weights(1, f"model.layers.{len(tensors)}.{'a' if tensors is codes else 'b'}")
    write_shards("Q", [codes, scales], index=False)
    refused(4, "quantized", "merge", "Q", "Q", "-o", "no.safetensors")
    expect("quantized: " in done("inspect", "Q").stdout, "inspect of quantized shards")


def test_equated():
    """Other spellings, and experts of which some lie in one shard and some in another."""
    for kind, model in (RESHAPED | {kind: renamed(pairs) for kind, pairs in NAMES_ALIKE.items()}).items():
        a, b = model(1), model(2)
        for own in (0, 1):
            make("a.safetensors", a[own])
            make("b.safetensors", b[1 - own])
            for folder, tensors in (("A", a[own]), ("B", b[1 - own])):
                shutil.rmtree(folder, ignore_errors=True)
                write_shards(folder, parts(tensors, 3))
            single = call("merge", "a.safetensors", "b.safetensors", "--alpha", "0.3", "-o", "wanted.safetensors", "-f")
            sharded = call("merge", "A", "B", "--alpha", "0.3", "-o", "out.safetensors", "-f")
            expect(single.returncode == sharded.returncode, f"{kind}: {single.stderr} {sharded.stderr}")
            if single.returncode == 0:
                expect(read("out.safetensors") == read("wanted.safetensors"), f"{kind}, A in form {own}")


def test_tied():
    """A head that one of both lacks, in another shard than the embedding."""
    names = ("model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "model.norm.weight")
    a, b = weights(1, *names, "lm_head.weight"), weights(2, *names)
    write_shards("A", parts(a))
    write_shards("B", parts(b))
    make("a.safetensors", a)
    make("b.safetensors", b | {"lm_head.weight": b[names[0]]})
    done("merge", "a.safetensors", "b.safetensors", "-o", "wanted.safetensors")
    done("merge", "A", "B", "-o", "out.safetensors", told="counts as its head")
    expect(read("out.safetensors") == read("wanted.safetensors"), "the embedding counts as the head")
    done("merge", "B", "A", "-o", "headless.safetensors")
    expect("lm_head.weight" not in read("headless.safetensors"), "the result has no head where A has none")


def limit_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def test_many():
    """Thousands of shards need few descriptors."""
    a, b = ({f"model.layers.{k}.up.weight": ("F16", [4], [0.5 * seed + k] * 4) for k in range(600)} for seed in (1, 2))
    write_shards("A", parts(a, 300))
    write_shards("B", parts(b, 200))
    make("a.safetensors", a)
    make("b.safetensors", b)
    done("merge", "A", "B", "-o", "out.safetensors", "--hash-inputs", preexec_fn=limit_files)
    done("merge", "a.safetensors", "b.safetensors", "-o", "wanted.safetensors")
    expect(read("out.safetensors") == read("wanted.safetensors"), "many shards")


def test_looked_at():
    write_shards("A", parts(weights(1, *NAMES)))
    text = done("inspect", "A").stdout
    for told in ("folder: transformers, 2 files, index model.safetensors.index.json", shard_name("model", 2, 2) + ": "):
        expect(told in text, f"inspect: {told}: {text}")
    document = json.loads(done("inspect", "A/model.safetensors.index.json", "--json").stdout)["files"][0]
    expect(document["folder"]["components"] == [{"name": "", "stem": "model", "variant": "", "shards": 2,
                                                 "index": "model.safetensors.index.json"}], f"{document['folder']}")
    expect(sorted({tensor["shard"] for tensor in document["tensors"]}) == [0, 1], "shards of tensors")
    one = json.loads(done("inspect", "A/" + shard_name("model", 1, 2), "--json").stdout)["files"][0]
    expect(len(one["tensors"]) == 2 and one["form"] == "safetensors", "a shard is looked at by itself")


def test_public_reports():
    if not reported.is_dir():
        print("NOT RUN: files of public reports (no ../shared/reported)")
        return
    folder = reported / "shards"
    wanted = {}
    for path in folder.glob("*.safetensors"):
        wanted |= read(path)
    for path in (folder, folder / "model.safetensors.index.json", *folder.glob("*.safetensors")):
        done("convert", str(path), "out.safetensors", "-f")
        expect(read("out.safetensors") == wanted, f"{path.name} stands for the whole")


run_in_folders(test_whole, test_recorded, test_without_index, test_torch, test_diffusers, test_both_forms,
               test_others_beside, test_hostile, test_doubtful, test_quantized, test_equated, test_tied, test_many, test_looked_at,
               test_public_reports)
