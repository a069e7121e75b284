#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# lycoris-lora 4.1.3 with torch 2.15.0 (PyPI, CPU): create_lycoris() and words that its modules take.
#
# Expected: rs_lora=True scales by alpha over the root of the rank, since LoConModule takes that word; train_on_input=True makes
# IA3's vector one of the inputs.
# Seen: neither does anything, and nothing is said: create_lycoris() hands on words of a fixed list, in which both are missing. A
# network that was trained so has the plain scale, alpha over rank, and its file says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6 lycoris-lora==4.1.3

cat > words.py <<'END'
import torch
from lycoris import create_lycoris


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(10, 6, bias=False)


def made(**words):
    network = create_lycoris(Net(), 1.0, linear_dim=4, linear_alpha=2, **words)
    network.apply_to()
    return network.loras[0]


for word in (False, True):
    module = made(algo="lora", rs_lora=word)
    print("rs_lora", word, "scale", float(module.scale), "alpha", float(module.alpha))
for word in (False, True):
    module = made(algo="ia3", train_on_input=word)
    print("train_on_input", word, "vector of", module.weight.numel())
END
venv/bin/python words.py 2>/dev/null | grep -E '^(rs_lora|train_on_input) ' | tee seen.txt
diff seen.txt - <<'END'
rs_lora False scale 0.5 alpha 2.0
rs_lora True scale 0.5 alpha 2.0
train_on_input False vector of 6
train_on_input True vector of 6
END
