#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sd-mecha 1.1.8 with torch 2.15.0 and safetensors 0.8.0 (PyPI, CPU): rebasin of SDXL's attention, over random weights.
#
# Expected: channels change places within heads, so that the model that was put in order computes what it did, for any model and any
# reference. SDXL has heads of 64 channels everywhere: 12 in CLIP-L, 10 in the UNet's attention of 640 channels and 20 in that of 1280.
# Seen: so it is in CLIP-L. Of the UNet any attention is taken to have 64 heads, which are of 10 and of 20 channels: those that lie across
# two real heads exchange channels between them, and the output is off by more than a tenth of its length. Computed with 64 heads it is
# the same, so that it is the number that is wrong: 64 is the width of a head.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 safetensors==0.8.0 numpy==2.4.6 scipy==1.17.1 sd-mecha==1.1.8

cat > reorder.py <<'END'
import sd_mecha
import torch
from safetensors.torch import load_file, save_file

CLIP = "conditioner.embedders.0.transformer.text_model.encoder.layers.0.self_attn."
IN_4 = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1."
IN_7 = "model.diffusion_model.input_blocks.7.1.transformer_blocks.0.attn1."
# By module: channels, real heads, and names of queries, keys, values and the projection behind them.
MODULES = {"CLIP-L": (CLIP, 768, 12, ("q_proj", "k_proj", "v_proj", "out_proj")), "UNet 640": (IN_4, 640, 10, ("to_q", "to_k", "to_v", "to_out.0")),
           "UNet 1280": (IN_7, 1280, 20, ("to_q", "to_k", "to_v", "to_out.0"))}


def model(path):
    tensors = {}
    for prefix, channels, _, parts in MODULES.values():
        for part in parts:
            tensors[f"{prefix}{part}.weight"] = torch.randn(channels, channels) / channels**0.5
            if prefix == CLIP:
                tensors[f"{prefix}{part}.bias"] = torch.randn(channels) / 10
    save_file(tensors, path)
    return tensors


def attention(tensors, prefix, heads, parts, tokens):
    def project(part, x):
        return torch.nn.functional.linear(x, tensors[f"{prefix}{part}.weight"], tensors.get(f"{prefix}{part}.bias"))

    split = [project(part, tokens).unflatten(-1, (heads, -1)).transpose(0, 1) for part in parts[:3]]
    return project(parts[3], torch.nn.functional.scaled_dot_product_attention(*split).transpose(0, 1).flatten(1))


torch.manual_seed(0)
own = model("own.safetensors")
model("reference.safetensors")
recipe = sd_mecha.rebasin(*(sd_mecha.model(f"{name}.safetensors", config="sdxl-sgm") for name in ("own", "reference")))
sd_mecha.merge(recipe, output="out.safetensors", output_dtype=None, threads=1)
out = load_file("out.safetensors")
for name, (prefix, channels, real, parts) in MODULES.items():
    tokens = torch.randn(77, channels)
    for heads in (real, 64):
        before, after = (attention(tensors, prefix, heads, parts, tokens) for tensors in (own, out))
        off = ((after - before).norm() / before.norm()).item()
        print(name, f"{heads} heads:", "the same" if off < 1e-5 else "off by more than a tenth" if off > 0.1 else f"off by {off:.0e}")
    rows = {tuple(row.tolist()): place for place, row in enumerate(own[f"{prefix}{parts[0]}.weight"])}
    came = [rows[tuple(row.tolist())] for row in out[f"{prefix}{parts[0]}.weight"]]
    width = channels // real
    print(name, "queries that left their head:", "none" if all(a // width == b // width for a, b in enumerate(came)) else "some")
END
venv/bin/python reorder.py 2>log | tee seen

diff - seen <<'END'
CLIP-L 12 heads: the same
CLIP-L 64 heads: off by more than a tenth
CLIP-L queries that left their head: none
UNet 640 10 heads: off by more than a tenth
UNet 640 64 heads: the same
UNet 640 queries that left their head: some
UNet 1280 20 heads: off by more than a tenth
UNet 1280 64 heads: the same
UNet 1280 queries that left their head: some
END
echo "as described"
