# SPDX-License-Identifier: Apache-2.0
"""Small checkpoints with the names of whole ones, and the block of each name by a table of its own: regular expressions
as supermerger's code has them, in its order."""
import re
import random
import struct
import sys
import pathlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

UNET = "model.diffusion_model."
WIDTH = {"sd1": 768, "sdxl": 2048}  # of the text encoder, by which an architecture is told


def attention(path, width):
    yield path + ".proj_in.weight", [2]
    for layer in ("attn1", "attn2"):
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            yield f"{path}.transformer_blocks.0.{layer}.{part}.weight", [1, width if (layer, part) == ("attn2", "to_k") else 2]
    yield path + ".transformer_blocks.0.norm2.weight", [2]


def residual(path):
    for part in ("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3"):
        yield f"{path}.{part}.weight", [2]


def unet(kind):
    blocks = 12 if kind == "sd1" else 9
    attended = (1, 2, 4, 5, 7, 8) if kind == "sd1" else (4, 5, 7, 8)
    yield "time_embed.0.weight", [2]
    yield "time_embed.2.bias", [2]
    if kind == "sdxl":
        yield "label_emb.0.0.weight", [2]
    yield "input_blocks.0.0.weight", [1, 4, 1, 1]
    for n in range(1, blocks):
        if n % 3 == 0:
            yield f"input_blocks.{n}.0.op.weight", [2]
            continue
        yield from residual(f"input_blocks.{n}.0")
        if n in attended:
            yield from attention(f"input_blocks.{n}.1", WIDTH[kind])
    for n in (0, 2):
        yield from residual(f"middle_block.{n}")
    yield from attention("middle_block.1", WIDTH[kind])
    for n in range(blocks):
        yield from residual(f"output_blocks.{n}.0")
        yield from attention(f"output_blocks.{n}.1", WIDTH[kind])
        if n % 3 == 2:
            yield f"output_blocks.{n}.2.conv.weight", [2]
    yield "out.0.weight", [2]
    yield "out.2.bias", [2]


def stable_diffusion(kind):
    names = {UNET + name: shape for name, shape in unet(kind)}
    clip = "cond_stage_model.transformer." if kind == "sd1" else "conditioner.embedders.0.transformer."
    for layer in range(2):
        names[f"{clip}text_model.encoder.layers.{layer}.self_attn.out_proj.weight"] = [2]
    if kind == "sdxl":
        names["conditioner.embedders.1.model.transformer.resblocks.3.attn.out_proj.weight"] = [2]
    names["first_stage_model.decoder.up.1.block.0.conv1.weight"] = [2]
    names["first_stage_model.decoder.conv_out.weight"] = [2]
    return names


def flux():
    names = {}
    for part in ("img_in", "txt_in", "time_in.in_layer", "vector_in.out_layer", "guidance_in.in_layer", "final_layer.linear",
                 "final_layer.adaLN_modulation.1"):
        names[f"{UNET}{part}.weight"] = [2]
    for n in range(19):
        for part in ("img_attn.qkv", "txt_attn.qkv", "img_mod.lin", "txt_mlp.0"):
            names[f"{UNET}double_blocks.{n}.{part}.weight"] = [2]
    for n in range(38):
        for part in ("linear1", "linear2", "modulation.lin"):
            names[f"{UNET}single_blocks.{n}.{part}.weight"] = [2]
    names["text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.weight"] = [2]
    names["text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight"] = [2]
    names["vae.decoder.up.0.block.0.conv1.weight"] = [2]
    return names


def sd_block(name, kind):
    if "time_embed" in name or "label_emb" in name:
        return "IN00"
    if ".out." in name:
        return "OUT11" if kind == "sd1" else "OUT08"
    if found := re.search(r"\.input_blocks\.(\d+)\.", name):
        return f"IN{int(found[1]):02}"
    if re.search(r"\.middle_block\.(\d+)\.", name):
        return "M00"
    if found := re.search(r"\.output_blocks\.(\d+)\.", name):
        return f"OUT{int(found[1]):02}"
    return "BASE"


def flux_block(name, _):
    if "vae" in name:
        return "VAE"
    if "t5xxl" in name:
        return "T5"
    if "text_encoders.clip" in name:
        return "CLIP"
    if found := re.search(r"double_blocks\.(\d+)", name):
        return f"D{int(found[1]):02}"
    if found := re.search(r"single_blocks\.(\d+)", name):
        return f"S{int(found[1]):02}"
    if "_in" in name:
        return "IN"
    return "OUT" if "final_layer" in name else "BASE"


def write(path, names, seed):
    import make_inputs
    rolled = random.Random(seed)
    tensors = []
    for name, shape in names.items():
        count = 1
        for size in shape:
            count *= size
        values = " ".join(str(rolled.randrange(-99, 99) / 8) for _ in range(count))
        tensors.append(make_inputs.parse(f"{name} F32 {','.join(map(str, shape))} {values}"))
    make_inputs.write(path, {"format": "pt"}, tensors, True)


def floats(entry):
    return struct.unpack(f"<{len(entry[2]) // 4}f", entry[2])
