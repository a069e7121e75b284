#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: native_and_tied.py CKMERGE
What programs read beside weights in order to load them rightly: params.json of Mistral's own form, and whether embedding and head
are tied."""
import json
import pathlib

from folders import CONFIG, done, expect, files_in, floats, llama, packed, tensors_in, write_model, write_text, write_weights

from checks import refused, run_in_folders

PARAMS = {"dim": 8, "n_layers": 2, "head_dim": 4, "hidden_dim": 16, "n_heads": 2, "norm_eps": 1e-05, "vocab_size": 16, "rope_theta": 1000000.0}


def consolidated(folder, seed, params=None, layers=2, **side):
    names = {"tok_embeddings.weight": [16, 8], "norm.weight": [8], "output.weight": [16, 8]}
    for layer in range(layers):
        names |= {f"layers.{layer}.attention.wq.weight": [8, 8], f"layers.{layer}.feed_forward.w1.weight": [16, 8]}
    tensors = []
    for name, shape in names.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        tensors.append((name, "BF16", shape, packed("BF16", floats(count, f"{seed} {name}"))))
    write_weights(f"{folder}/consolidated.safetensors", tensors)
    write_text(f"{folder}/params.json", json.dumps(params or PARAMS, indent=4))
    write_text(f"{folder}/tekken.json", "{}")


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def test_native():
    consolidated("a", 1)
    consolidated("b", 2)
    told = done("merge", "a", "b", "-o", "out/").stdout
    expect(files_in("out") == ["README.md", "consolidated.safetensors", "params.json", "tekken.json"], f"{files_in('out')}")
    expect(pathlib.Path("out/params.json").read_bytes() == pathlib.Path("a/params.json").read_bytes() and "warning" not in told, told)
    done("merge", "a", "b", "-o", "out/", "-f", "--shard-size", "300")
    shards = [path for path in files_in("out") if path.endswith(".safetensors")]
    expect(len(shards) > 1 and shards[0].startswith("consolidated-00001-of-"), f"{shards}")
    index = read("out/consolidated.safetensors.index.json")
    expect(set(index["weight_map"].values()) == set(shards), f"{index}")
    done("convert", "out", "again/")
    expect(tensors_in("again") == tensors_in("out") and "params.json" in files_in("again"), "from shards")
    # What is said of codes is not true of plain weights.
    consolidated("coded", 1, dict(PARAMS, quantization={"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"}))
    told = done("merge", "coded", "b", "-o", "plain/").stdout
    expect("quantization" not in read("plain/params.json") and "params.json: quantization is left out" in told, told)


def test_layers_of_native():
    consolidated("a", 1)
    write_text("r.yaml", "ckmerge: 1\ncheckpoints: {A: a}\nslices:\n  A: [{of: A, layers: [0, 2]}, {of: A, layers: [1, 2]}]\nmerge: A\n")
    told = done("run", "r.yaml", "-o", "out/").stdout
    expect(read("out/params.json") == dict(PARAMS, n_layers=3), told)


def test_native_beside_others():
    write_model("a", llama(1))
    consolidated("a", 1)
    told = done("convert", "a", "out/").stdout
    expect("params.json" not in files_in("out") and "params.json (of weights in Mistral's own names)" in told, told)
    consolidated("old", 3)
    done("convert", "a", "old", "-f")
    expect("params.json" not in files_in("old") and "consolidated.safetensors" not in files_in("old"), "replaced as a whole")


HEAD = "lm_head.weight"


def model(folder, seed, tied, field, nested=False):
    config = dict(CONFIG)
    if field is not None:
        config["tie_word_embeddings"] = field
    if nested:
        config["text_config"] = {"tie_word_embeddings": True, "vocab_size": 16}
    write_model(folder, [tensor for tensor in llama(seed) if not tied or tensor[0] != HEAD], config, side={})


def result(*words):
    done("merge", *words, "-o", "out/", "-f")
    return read("out/config.json"), HEAD in tensors_in("out")


def test_tied():
    for field in (True, False, None):
        model(f"tied{field}", 1, True, field)
        model(f"own{field}", 2, False, field)
    model("other", 3, False, False)
    model("tied-other", 4, True, True)
    for field in (True, False, None):
        # The head is A's embedding, and stays that: nothing changes, whatever the field says.
        config, has_head = result(f"tied{field}", "other")
        expect(not has_head and config.get("tie_word_embeddings") == field, f"tied, {field}: {config}")
        # A head of A's own, which old versions would pass over.
        config, has_head = result(f"own{field}", "tied-other")
        expect(has_head and config.get("tie_word_embeddings") == (None if field is None else False), f"own, {field}: {config}")
        # A tied model gets a head, since B has one.
        config, has_head = result(f"tied{field}", "other", "--extra", "add")
        expect(has_head and config["tie_word_embeddings"] is False, f"untied, {field}: {config}")
        # And loses it.
        config, has_head = result(f"own{field}", "other", "--discard", "^lm_head")
        expect(not has_head and config["tie_word_embeddings"] is True, f"without, {field}: {config}")
    model("nested", 5, False, None, nested=True)
    config, _ = result("nested", "other")
    expect(config["text_config"]["tie_word_embeddings"] is False and "tie_word_embeddings" not in config, f"{config}")
    done("convert", "tiedTrue", "same/")
    expect(pathlib.Path("same/config.json").read_bytes() == pathlib.Path("tiedTrue/config.json").read_bytes(), "to the byte")


def test_halves():
    """Halves of UTF-16's pairs, as Python writes what it could not decode."""
    write_model("a", llama(1))
    text = json.dumps(dict(CONFIG, name="\ud83d", pair="\U0001f600", both="\udc00\ud800", **{"\udfff": 1}), indent=2)
    write_text("a/config.json", text)
    done("convert", "a", "same/")
    expect(pathlib.Path("same/config.json").read_text() == text, "nothing had to be changed")
    done("convert", "a", "out/", "--dtype", "f32")
    expect(read("out/config.json") == dict(json.loads(text), dtype="float32"), pathlib.Path("out/config.json").read_text())
    # Words of Python do not hide what else a config says.
    write_model("named", llama(1))
    write_weights("named/other.safetensors", llama(2))
    write_text("named/config.json", json.dumps(dict(CONFIG, transformers_weights="other.safetensors", limit=float("inf"), name="\ud83d")))
    done("convert", "named", "taken/")
    expect(tensors_in("taken") == {name: (dtype, shape, data) for name, dtype, shape, data in llama(2)}, "the weights that the config names")


def test_configs_of_another():
    """A file that becomes a folder takes what lies beside another model's weights, of the same sizes."""
    write_model("given", llama(1))
    write_weights("a.safetensors", llama(2))
    write_weights("b.safetensors", llama(3))
    told = done("merge", "a.safetensors", "b.safetensors", "-o", "out/", "--config-from", "given", "--dtype", "f16").stdout
    expect(set(files_in("given")) | {"README.md"} == set(files_in("out")) and "weights alone" not in told, f"{files_in('out')} {told}")
    expect(read("out/config.json") == dict(CONFIG, dtype="float16"), "its config as that of the result")
    write_model("b", llama(4), dict(CONFIG, name="B's"))
    done("merge", "given", "b", "-o", "of-b/", "--config-from", "b")
    expect(read("of-b/config.json")["name"] == "B's", "in place of A's")
    for field, value in (("num_hidden_layers", 4), ("vocab_size", 17), ("hidden_size", 16)):
        write_text("given/config.json", json.dumps(dict(CONFIG, **{field: value})))
        refused(4, f"is of another model: {field} is {value} there", "convert", "a.safetensors", "no/", "--config-from", "given")
    refused(2, "has no config.json", "convert", "a.safetensors", "no/", "--config-from", ".")
    refused(2, "--config-from is of a folder as OUT", "convert", "a.safetensors", "no.safetensors", "--config-from", "given")


run_in_folders(test_native, test_layers_of_native, test_native_beside_others, test_tied, test_halves, test_configs_of_another)
