#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: comfy_pair.py CKMERGE
The command lines of docs/from-comfyui.md for two checkpoints, with a pair that has ComfyUI's names of SD 1.5 and nothing else."""
import pathlib
import re
import shlex
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, run_in_folders, safetensors

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/from-comfyui.md"
UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."
TOLD = UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"  # by its width it is SD 1
NAMES = {UNET + "out.2.bias": 0.7, UNET + "time_embed.0.bias": 0.7, UNET + "middle_block.1.norm.bias": 0.7, TOLD: 0.7, CLIP + "final_layer_norm.weight": 0.5, VAE + "quant_conv.bias": 1}  # share of the first


def write_pair():
    for name, value in (("A", 1), ("B", 2), ("C", 3)):
        make_inputs.write(f"{name}.safetensors", {"format": "pt"},
                          [make_inputs.parse(f"{tensor} F32 1,768" + f" {value}" * 768 if tensor == TOLD else f"{tensor} F32 2 {value} {value}")
                           for tensor in NAMES], True)


def commands():
    for block in re.findall(r"^```sh run\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield from (shlex.split(line) for line in block.splitlines() if line.startswith("ckmerge "))


def main():
    write_pair()
    pathlib.Path("output").mkdir()
    ran = list(commands())
    expect(len(ran) >= 6, f"commands on the page: {len(ran)}")
    for words in ran:
        done = call(*words[1:])
        expect(done.returncode == 0 and not done.stderr, f"{shlex.join(words)}: {done.returncode} {done.stderr}")
    tensors = safetensors("output/two-ratios.safetensors")[1]
    for name, share in NAMES.items():
        value = struct.unpack("<f", tensors[name][2][:4])[0]
        expect(abs(value - (share + (1 - share) * 2)) < 1e-6, f"{name}: {value}")
    tensors = safetensors("output/blocks.safetensors")[1]
    kept = {UNET + "out.2.bias": 0.25, UNET + "time_embed.0.bias": 0.75, UNET + "middle_block.1.norm.bias": 0.5, TOLD: 0.75}
    for name in NAMES:
        value = struct.unpack("<f", tensors[name][2][:4])[0]
        expect(abs(value - (2 - kept.get(name, 1))) < 1e-6, f"blocks: {name}: {value}")
    told = call("merge", "A.safetensors", "B.safetensors", "--exclude", "logit_scale$", "-o", "x.safetensors").stdout
    expect("warning: --exclude 'logit_scale$' matches no tensor name" in told, told)


run_in_folders(main)
