#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mergekit 0.1.5, transformers 5.24.0, torch 2.15.0 (PyPI, CPU): `linear` of two models that differ in one number of config.json,
# without base_model, under several values of PYTHONHASHSEED.
#
# Expected: config.json of the result comes from the first model of the list, in every run.
# Seen: from either. The models that a configuration names are kept in a Python set, and the first of the set gives config.json,
# so that the hash seed, which Python draws anew for each process, decides: max_position_embeddings is 128 in some runs and 256 in
# others, beside weights that are the same bytes. With `base_model` it is always the base's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mergekit==0.1.5 transformers==5.24.0 torch==2.15.0 safetensors==0.8.0 \
  numpy==2.4.6 sentencepiece==0.2.3 protobuf==7.36.2

cat > make.py <<'END'
import torch
from transformers import LlamaConfig, LlamaForCausalLM

for folder, positions in (("first", 128), ("second", 256)):
    torch.manual_seed(positions)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 24}
    LlamaForCausalLM(LlamaConfig(max_position_embeddings=positions, **sizes)).save_pretrained(folder)
END
cat > linear.yml <<'END'
merge_method: linear
models:
  - {model: ./first, parameters: {weight: 1}}
  - {model: ./second, parameters: {weight: 1}}
END
(cat linear.yml && echo "base_model: ./first") > based.yml
cat > look.py <<'END'
import hashlib
import json
import sys

for name in sys.argv[1:]:
    folders = [f"{name}{seed}" for seed in range(8)]
    positions = {json.load(open(f"{folder}/config.json"))["max_position_embeddings"] for folder in folders}
    weights = {hashlib.sha256(open(f"{folder}/model.safetensors", "rb").read()).hexdigest() for folder in folders}
    print(name, sorted(positions), "weights:", len(weights))
END
export HF_HUB_OFFLINE=1
venv/bin/python make.py 2>> log
for name in linear based; do
  for seed in 0 1 2 3 4 5 6 7; do PYTHONHASHSEED=$seed venv/bin/mergekit-yaml $name.yml $name$seed >> log 2>&1; done
done
venv/bin/python look.py linear based | tee seen

diff - seen <<'END'
linear [128, 256] weights: 1
based [128] weights: 1
END
echo "as described"
