#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mergekit 0.1.5, transformers 5.24.0, tokenizers 0.23.3, torch 2.15.0 (PyPI, CPU): `tokenizer: {source: union}` of two models,
# one with twelve tokens more than the base has, run four times with one PYTHONHASHSEED.
#
# Expected: the base's tokens keep their numbers, the twelve others follow in the order of the model that has them, and four runs
# of one configuration give one file.
# Seen: the twelve get other numbers in each run, whatever the hash seed of Python is: get_vocab() comes from a hash map of Rust,
# which seeds itself. Embeddings follow the numbers, so that each result is right by itself; but no two merges of one YAML can be
# compared byte by byte, and an adapter or a later merge that goes by row numbers takes the rows of other tokens.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mergekit==0.1.5 transformers==5.24.0 tokenizers==0.23.3 torch==2.15.0 \
  safetensors==0.8.0 numpy==2.4.6 sentencepiece==0.2.3 protobuf==7.36.2

cat > make.py <<'END'
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast


def make(folder, words):
    torch.manual_seed(len(words))
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **sizes)).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=words[0]).save_pretrained(folder)


common = ["<unk>"] + [f"word{i}" for i in range(20)]
make("base", common)
make("more", common + [f"more{i}" for i in range(12)])
END
cat > union.yml <<'END'
merge_method: linear
base_model: ./base
models:
  - {model: ./base, parameters: {weight: 1}}
  - {model: ./more, parameters: {weight: 1}}
tokenizer: {source: union}
END
cat > look.py <<'END'
import json

from safetensors.numpy import load_file

KEY = "model.embed_tokens.weight"
more = json.load(open("more/tokenizer.json"))["model"]["vocab"]
rows = load_file("more/model.safetensors")[KEY]
orders, whole = set(), True
for run in range(4):
    file = json.load(open(f"out{run}/tokenizer.json"))
    numbers = {**file["model"]["vocab"], **{token["content"]: token["id"] for token in file["added_tokens"]}}
    merged = load_file(f"out{run}/model.safetensors")[KEY]
    own = sorted((number, word) for word, number in numbers.items() if word.startswith("more"))
    orders.add(tuple(word for _, word in own))
    whole &= len(own) == 12 and all(abs(merged[number] - rows[more[word]]).max() < 1e-6 for number, word in own)
    whole &= all(numbers[word] == more[word] for word in more if not word.startswith("more"))
print("orders of the twelve tokens in four runs:", "one" if len(orders) == 1 else "several")
print("numbers of the base kept, rows where the numbers say:", whole)
END
export HF_HUB_OFFLINE=1 PYTHONHASHSEED=2
venv/bin/python make.py 2>> log
for run in 0 1 2 3; do venv/bin/mergekit-yaml union.yml out$run >> log 2>&1; done
venv/bin/python look.py | tee seen

diff - seen <<'END'
orders of the twelve tokens in four runs: several
numbers of the base kept, rows where the numbers say: True
END
echo "as described"
