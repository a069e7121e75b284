# SPDX-License-Identifier: Apache-2.0
"""Small checkpoints, the same on every machine, since recordings hold outputs alone: names by rules, values from the one
function of Python's random whose sequence is promised not to change."""
import math
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import make_inputs

UNET = "model.diffusion_model."
PLAIN = {"body.0.weight": [9, 14], "body.1.weight": [4, 3, 3, 3], "body.1.bias": [31], "head.gain": [], "head.weight": [2, 5]}


def unet(blocks):
    """Names of SD 1 (12 blocks each way) or SDXL (9), some of each block, as both have them."""
    places = [f"input_blocks.{n}.0." + ("weight" if n == 0 else "op.weight" if n % 3 == 0 else "in_layers.2.weight") for n in range(blocks)]
    places += [f"middle_block.{n}.in_layers.0.weight" for n in (0, 2)] + ["middle_block.1.proj_in.weight"]
    places += [f"output_blocks.{n}.0.skip_connection.weight" for n in range(blocks)]
    places += ["time_embed.0.weight", "time_embed.2.bias", "out.0.weight", "out.2.bias"]
    if blocks == 9:
        places.append("label_emb.0.0.weight")
    names = {UNET + place: [2, 9] for place in places}
    text = ("cond_stage_model.transformer.text_model." if blocks == 12 else "conditioner.embedders.0.transformer.text_model.")
    names[text + "final_layer_norm.weight"] = [11]
    # By the width of this one a checkpoint is told to be SD 1 or SDXL.
    told = ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", 768) if blocks == 12 else (
        "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", 2048)
    names[UNET + told[0]] = [1, told[1]]
    names["first_stage_model.decoder.conv_out.bias"] = [3]
    return names


LAYOUTS = {"plain": PLAIN, "sd1": unet(12), "sdxl": unet(9)}
LETTERS = "ABC"


def value(rolled, place, letter, shared):
    """Values of a model's scale; among them some that all have, zeros, opposites, tiny and large ones."""
    if place % 7 == 3:
        return shared
    if place % 11 == 5:
        return 0.0 if letter == "A" or place % 2 else shared
    if place % 13 == 6:
        return shared if letter == "A" else -shared
    if place % 29 == 7:
        return rolled * 1e-6
    return rolled * 40 if place % 31 == 8 else rolled * 0.1


def rows(layout, letter, dtype):
    """[(name, dtype, shape, bytes)]"""
    own, common, tensors = random.Random(f"ckmerge {letter}"), random.Random("ckmerge"), []
    for name, shape in LAYOUTS[layout].items():
        # Of the wide one a few values, one after another.
        wide, count = shape[-1:] > [99], math.prod(shape)
        values = [value(own.random() - 0.5, k, letter, common.random() - 0.5) for k in range(9 if wide else count)]
        tensors.append((name, dtype, shape, packed((values * (count // 9 + 1))[:count], dtype)))
    return tensors


def packed(values, dtype):
    if dtype == "BF16":  # cut, so that no rounding of ours matters
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack(f"<{len(values)}{make_inputs.PACK[dtype]}", *values)


def numbers(dtype, raw):
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + raw[k:k + 2])[0] for k in range(0, len(raw), 2)]
    code = make_inputs.PACK[dtype]
    return struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw)


def write(folder, layout, dtype):
    paths = {letter: pathlib.Path(folder, f"{layout}-{dtype.lower()}-{letter}.safetensors") for letter in LETTERS}
    for letter, path in paths.items():
        make_inputs.write(path, {"format": "pt"}, rows(layout, letter, dtype), True)
    return paths
