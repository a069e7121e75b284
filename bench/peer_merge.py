#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The merges of rows_formulas.py as sd-mecha and ComfyUI's nodes do them, in the environment of tests/peers.

    peer_merge.py mecha A B C OUT ALPHAS BETAS       (1 - b)*((1 - a)*A + a*B) + b*C, a and b 26 numbers by block of SD 1
    peer_merge.py mecha-sweep A B OUT RATIO,...      one merge of A and B for each ratio, to OUT0, OUT1, ...
    peer_merge.py comfy A B OUT-PREFIX INPUT,MIDDLE,OUT   load two checkpoints, ModelMergeBlocks, save

All synced, since every contender's output is durable. Prints the seconds without the interpreter's start and the imports.
"""
import os
import pathlib
import sys
import time


def synced(path):
    with open(path, "rb") as written:
        os.fsync(written.fileno())


def by_block(text):
    import sd_mecha
    import torch
    names = ["BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12))]
    return sd_mecha.literal({name: torch.tensor(float(value)) for name, value in zip(names, text.split(","))}, config="sd1-supermerger_blocks")


def mecha(a, b, c, out, alphas, betas):
    import sd_mecha
    start = time.perf_counter()
    a, b, c = (sd_mecha.model(path, config="sd1-ldm") for path in (a, b, c))
    inner = sd_mecha.weighted_sum(a, b, alpha=sd_mecha.convert(by_block(alphas), a))
    sd_mecha.merge(sd_mecha.weighted_sum(inner, c, alpha=sd_mecha.convert(by_block(betas), a)), output=out)
    synced(out)
    return time.perf_counter() - start


def mecha_sweep(a, b, out, ratios):
    import sd_mecha
    start = time.perf_counter()
    a, b = (sd_mecha.model(path, config="sd1-ldm") for path in (a, b))
    for k, ratio in enumerate(ratios.split(",")):
        path = f"{out}{k}.safetensors"
        sd_mecha.merge(sd_mecha.weighted_sum(a, b, alpha=float(ratio)), output=path)
        synced(path)
    return time.perf_counter() - start


def comfy(a, b, prefix, ratios):
    sys.argv = [sys.argv[0], "--cpu", "--fp16-unet"]  # the dtype of the files, kept
    import comfy.options
    comfy.options.enable_args_parsing(True)
    import comfy.sd
    from comfy_extras import nodes_model_merging as nodes
    folder, name = os.path.split(prefix)
    start = time.perf_counter()
    model, clip, vae = comfy.sd.load_checkpoint_guess_config(a, output_vae=True, output_clip=True)[:3]
    other = comfy.sd.load_checkpoint_guess_config(b, output_vae=True, output_clip=True)[0]
    (merged,) = nodes.ModelMergeBlocks().merge(model, other, **dict(zip(("input", "middle", "out"), map(float, ratios.split(",")))))
    nodes.save_checkpoint(merged, clip=clip, vae=vae, filename_prefix=name, output_dir=folder)
    for path in pathlib.Path(folder).glob(name + "_*.safetensors"):
        synced(path)
    return time.perf_counter() - start


if __name__ == "__main__":
    seconds = {"mecha": mecha, "mecha-sweep": mecha_sweep, "comfy": comfy}[sys.argv[1]](*sys.argv[2:])
    print(seconds, flush=True)
    os._exit(0)  # ComfyUI's models complain of modules that are gone by then
