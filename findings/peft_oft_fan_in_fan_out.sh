#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# peft 0.21.2 with transformers 5.24.0 and torch 2.15.0 (PyPI, CPU): OFT of the Conv1D of GPT-2.
#
# Expected: OFTConfig(fan_in_fan_out=True), said to be for layers that store their weight as (fan_in, fan_out), adapts GPT-2's
# c_attn, which is one, as LoraConfig does.
# Seen: TypeError, the module is not supported, with the option and without. So no adapter_config.json of OFT with that option has
# a Conv1D under it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 transformers==5.24.0 peft==0.21.2

cat > adapt.py <<'END'
from peft import LoraConfig, OFTConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

for name, kind, words in (("LORA", LoraConfig, {"r": 2}), ("OFT", OFTConfig, {"oft_block_size": 4})):
    for turned in (True, False):
        model = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=10, n_positions=8))
        try:
            adapted = get_peft_model(model, kind(target_modules=["c_attn"], fan_in_fan_out=turned, **words))
            print(name, turned, type(adapted.base_model.model.transformer.h[0].attn.c_attn).__name__)
        except TypeError as error:
            print(name, turned, "TypeError:", str(error).split(".")[0])
END
venv/bin/python adapt.py 2>/dev/null | grep -E '^(LORA|OFT) ' | tee seen.txt
diff seen.txt - <<'END'
LORA True Linear
LORA False Linear
OFT True TypeError: Target module Conv1D(nf=24, nx=8) is not supported
OFT False TypeError: Target module Conv1D(nf=24, nx=8) is not supported
END
