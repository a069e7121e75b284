#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: vocabularies.py CKMERGE
Models whose vocabularies differ: refused, cropped, or joined by token, as a recipe or a configuration of mergekit says, with the files beside
the weights."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

CKMERGE = os.path.abspath(sys.argv[1])


def expect(is_so, what):
    if not is_so:
        sys.exit(f"FAILED: {what}")


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, rows in tensors.items():
        values = [value for row in rows for value in row]
        body = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def rows_of(path, name):
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    tensor = json.loads(content[8:8 + size])[name]
    begin, end = (8 + size + offset for offset in tensor["data_offsets"])
    values = struct.unpack(f"<{(end - begin) // 4}f", content[begin:end])
    width = tensor["shape"][1]
    return [values[i:i + width] for i in range(0, len(values), width)]


def tokenizer(tokens, added):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [{"id": number, "content": token, **flags} for token, number in added.items()],
            "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "vocab": tokens, "merges": []}}


def make_model(path, tokens, added, rows, first):
    path.mkdir()
    embedding = [[first + i, first + i + 0.5] for i in range(rows)]
    write_tensors(path / "model.safetensors", {"model.embed_tokens.weight": embedding, "lm_head.weight": [[-x for x in row] for row in embedding],
                                               "model.layers.0.mlp.up_proj.weight": [[1, 2], [3, 4]]})
    (path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": rows,
                                                  "hidden_size": 2, "num_hidden_layers": 1, "torch_dtype": "float32"}))
    (path / "tokenizer.json").write_text(json.dumps(tokenizer(tokens, added)))
    (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<s>"}))


def call(*words):
    return subprocess.run([CKMERGE, *words], capture_output=True, text=True)


def done(*words):
    ran = call(*words)
    expect(ran.returncode == 0, f"{words}: {ran.stderr}")
    return ran


def tokens_of(folder):
    document = json.loads((folder / "tokenizer.json").read_text())
    tokens = dict(document["model"]["vocab"])
    tokens.update({token["content"]: token["id"] for token in document["added_tokens"]})
    return tokens


def check(out, expected):
    tokens, rows = tokens_of(out), rows_of(out / "model.safetensors", "model.embed_tokens.weight")
    expect(set(tokens) == set(expected), f"the tokens are {tokens}")
    for token, number in tokens.items():
        expect(rows[number][0] == expected[token], f"{token} has {rows[number]}, not {expected[token]}")
    expect(json.loads((out / "config.json").read_text())["vocab_size"] == len(rows), "vocab_size is not the number of rows")
    return rows


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    here = pathlib.Path(folder)
    make_model(here / "A", {"<s>": 0, "a": 1, "b": 2}, {"<s>": 0}, 4, 1)
    make_model(here / "B", {"<s>": 0, "b": 1, "c": 2}, {"<s>": 0, "<y>": 3}, 5, 11)

    refused = call("merge", "A", "B", "-o", "out/")
    expect(refused.returncode == 4 and "the vocabularies differ: that of A has 4 rows, that of B 5; --vocab crop" in refused.stderr, refused.stderr)

    ran = done("merge", "A", "B", "--alpha", "0.5", "--vocab", "crop", "-o", "crop/")
    expect("the result has the first 4 rows" in ran.stdout, ran.stdout)
    expect(len(rows_of(here / "crop/model.safetensors", "lm_head.weight")) == 4, "the head is not cropped")
    done("merge", "B", "A", "--alpha", "0.5", "--vocab", "crop", "-o", "cropped/")
    expect(json.loads((here / "cropped/config.json").read_text())["vocab_size"] == 4, "vocab_size does not follow")
    done("merge", "B", "A", "--alpha", "0.5", "--vocab", "base", "-o", "base/")
    expect([row[0] for row in rows_of(here / "base/model.safetensors", "lm_head.weight")] == [-6, -7, -8, -9, -15], "base")

    pathlib.Path("recipe.yaml").write_text("""ckmerge: 1
checkpoints: {A: A, B: B}
vocabulary:
  source: union
  pad_to_multiple_of: 4
  tokens: {<n>: zero, <y>: {of: A, token: a, force: true}}
  chat_template: chatml
merge: 0.5*A + 0.5*B
""")
    done("run", "recipe.yaml", "-o", "union/", "--save-recipe", "saved.yaml")
    rows = check(here / "union", {"<s>": 6, "a": 2, "b": 7.5, "c": 13, "<y>": 2, "<n>": 0})
    expect(len(rows) == 8, f"{len(rows)} rows")
    expect("<|im_start|>" in (here / "union/chat_template.jinja").read_text(), "no chat template")
    done("run", "saved.yaml", "-o", "again/")
    for name in ("model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"):
        expect((here / "union" / name).read_bytes() == (here / "again" / name).read_bytes(), f"{name} is not the same again")
    done("run", "union", "A=A", "B=B", "-o", "recorded/")
    expect((here / "union/model.safetensors").read_bytes() == (here / "recorded/model.safetensors").read_bytes(), "run gives other bytes")

    pathlib.Path("mergekit.yml").write_text("""merge_method: linear
base_model: A
models:
- {model: A, parameters: {weight: 0.5}}
- {model: B, parameters: {weight: 0.5}}
dtype: float32
tokenizer_source: B
""")
    done("mergekit", "mergekit.yml", "of_b")
    check(here / "of_b", {"<s>": 6, "b": 7.5, "c": 13, "<y>": 14})

    for text, what in (("source: other", "other: has no tokenizer.json"), ("tokens: {a: zero}", "'source' is missing"),
                       ("source: union, tokens: {a: {of: C}}", "no checkpoint is called 'C'"),
                       ("source: union, tokens: {zz: {of: B}}", "has no row of it"), ("sourc: union", "did you mean 'source'")):
        pathlib.Path("bad.yaml").write_text(f"ckmerge: 1\ncheckpoints: {{A: A, B: B}}\nvocabulary: {{{text}}}\nmerge: 0.5*A + 0.5*B\n")
        refused = call("run", "bad.yaml", "-o", "bad/")
        expect(refused.returncode in (2, 4) and what in refused.stderr, f"{text}: {refused.stderr}")
    (here / "B/tokenizer.json").write_text('{"model": ')
    pathlib.Path("bad.yaml").write_text("ckmerge: 1\ncheckpoints: {A: A, B: B}\nvocabulary: {source: union}\nmerge: 0.5*A + 0.5*B\n")
    refused = call("run", "bad.yaml", "-o", "bad/")
    expect(refused.returncode == 3 and "tokenizer.json: is no tokenizer: at byte 10" in refused.stderr, refused.stderr)
