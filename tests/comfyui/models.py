# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that ComfyUI takes for SD 1.5: one level of its U-Net instead of four, its whole text encoder, a tiny VAE; or the whole of it. The bytes are
random, the same for the same seed, of a model's size: halves between 2^-7 and 2^-4."""
import json
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import make_inputs

UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."
WIDE, EMBEDDED, CONTEXT = 320, 1280, 768
SMALL, WHOLE = ((1,), 1), ((1, 2, 4, 4), 2)  # channels of the levels in multiples of WIDE, residual blocks in each


def with_bias(name, *shape):
    return {f"{name}.weight": list(shape), f"{name}.bias": [shape[0]]}


def residual(place, of, to):
    names = {**with_bias(f"{place}.in_layers.0", of), **with_bias(f"{place}.in_layers.2", to, of, 3, 3),
             **with_bias(f"{place}.emb_layers.1", to, EMBEDDED), **with_bias(f"{place}.out_layers.0", to), **with_bias(f"{place}.out_layers.3", to, to, 3, 3)}
    return names | (with_bias(f"{place}.skip_connection", to, of, 1, 1) if of != to else {})


def transformer(place, wide):
    block = f"{place}.transformer_blocks.0"
    names = {**with_bias(f"{place}.norm", wide), **with_bias(f"{place}.proj_in", wide, wide, 1, 1), **with_bias(f"{place}.proj_out", wide, wide, 1, 1)}
    for attention, context in (("attn1", wide), ("attn2", CONTEXT)):
        names |= {f"{block}.{attention}.to_q.weight": [wide, wide], f"{block}.{attention}.to_k.weight": [wide, context],
                  f"{block}.{attention}.to_v.weight": [wide, context], **with_bias(f"{block}.{attention}.to_out.0", wide, wide)}
    for norm in ("norm1", "norm2", "norm3"):
        names |= with_bias(f"{block}.{norm}", wide)
    return names | with_bias(f"{block}.ff.net.0.proj", 8 * wide, wide) | with_bias(f"{block}.ff.net.2", wide, 4 * wide)


def unet(channels, size=SMALL):
    """Of several levels the last has no attention, as in SD 1.5."""
    levels, count = [WIDE * n for n in size[0]], size[1]
    attends = [len(levels) == 1 or level + 1 < len(levels) for level in range(len(levels))]
    names = {**with_bias("time_embed.0", EMBEDDED, WIDE), **with_bias("time_embed.2", EMBEDDED, EMBEDDED),
             **with_bias("input_blocks.0.0", WIDE, channels, 3, 3), **with_bias("out.0", WIDE), **with_bias("out.2", 4, WIDE, 3, 3)}
    skips, wide = [WIDE], WIDE
    for level, to in enumerate(levels):
        for _ in range(count):
            place = f"input_blocks.{len(skips)}"
            names |= residual(f"{place}.0", wide, to) | (transformer(f"{place}.1", to) if attends[level] else {})
            skips, wide = [*skips, to], to
        if level + 1 < len(levels):
            names |= with_bias(f"input_blocks.{len(skips)}.0.op", to, to, 3, 3)
            skips.append(to)
    names |= residual("middle_block.0", wide, wide) | transformer("middle_block.1", wide) | residual("middle_block.2", wide, wide)
    n = 0
    for level in reversed(range(len(levels))):
        for k in range(count + 1):
            place, to = f"output_blocks.{n}", levels[level]
            names |= residual(f"{place}.0", wide + skips.pop(), to) | (transformer(f"{place}.1", to) if attends[level] else {})
            if k == count and level:
                names |= with_bias(f"{place}.{2 if attends[level] else 1}.conv", to, to, 3, 3)
            n, wide = n + 1, to
    return {UNET + name: shape for name, shape in names.items()}


def text_encoder():
    names = {"embeddings.token_embedding.weight": [49408, CONTEXT], "embeddings.position_embedding.weight": [77, CONTEXT]}
    for layer in range(12):
        place = f"encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            names |= with_bias(f"{place}.self_attn.{name}", CONTEXT, CONTEXT)
        names |= with_bias(f"{place}.mlp.fc1", 4 * CONTEXT, CONTEXT) | with_bias(f"{place}.mlp.fc2", CONTEXT, 4 * CONTEXT)
        names |= with_bias(f"{place}.layer_norm1", CONTEXT) | with_bias(f"{place}.layer_norm2", CONTEXT)
    return {CLIP + name: shape for name, shape in (names | with_bias("final_layer_norm", CONTEXT)).items()}


def vae():
    return {VAE + name: shape for name, shape in with_bias("taesd_decoder.1", 64, 4, 3, 3).items()}


def whole_vae():
    """That of SD 1.5."""
    def block(place, of, to):
        names = with_bias(f"{place}.norm1", of) | with_bias(f"{place}.conv1", to, of, 3, 3) | with_bias(f"{place}.norm2", to) | with_bias(f"{place}.conv2", to, to, 3, 3)
        return names | (with_bias(f"{place}.nin_shortcut", to, of, 1, 1) if of != to else {})

    names, levels = with_bias("quant_conv", 8, 8, 1, 1) | with_bias("post_quant_conv", 4, 4, 1, 1), [128, 256, 512, 512]
    for side, (into, out) in {"encoder": ((128, 3), (8, 512)), "decoder": ((512, 4), (3, 128))}.items():
        names |= with_bias(f"{side}.conv_in", *into, 3, 3) | with_bias(f"{side}.norm_out", out[1]) | with_bias(f"{side}.conv_out", *out, 3, 3)
        names |= block(f"{side}.mid.block_1", 512, 512) | block(f"{side}.mid.block_2", 512, 512) | with_bias(f"{side}.mid.attn_1.norm", 512)
        for name in ("q", "k", "v", "proj_out"):
            names |= with_bias(f"{side}.mid.attn_1.{name}", 512, 512, 1, 1)
    for level, to in enumerate(levels):
        for n in range(2):
            names |= block(f"encoder.down.{level}.block.{n}", levels[max(0, level - 1)] if n == 0 else to, to)
        for n in range(3):
            names |= block(f"decoder.up.{level}.block.{n}", levels[min(3, level + 1)] if n == 0 else to, to)
        names |= with_bias(f"encoder.down.{level}.downsample.conv", to, to, 3, 3) if level < 3 else {}
        names |= with_bias(f"decoder.up.{level}.upsample.conv", to, to, 3, 3) if level else {}
    return {VAE + name: shape for name, shape in names.items()}


def halves(rolled, count):
    """Bits s01 0mm mmmm mmmm of s eeeee mmmmmmmmmm, the third and fourth of the exponent rolled as well."""
    size = 2 * count
    bits = int.from_bytes(rolled.randbytes(size), "little")
    keep, put = int.from_bytes(b"\xff\x8f" * count, "little"), int.from_bytes(b"\x00\x20" * count, "little")
    return (bits & keep | put).to_bytes(size, "little")


def count_of(shape):
    count = 1
    for n in shape:
        count *= n
    return count


def decoder_ends():
    """As much of a VAE as it takes to be one."""
    return {name: shape for name, shape in whole_vae().items() if ".conv_in." in name or ".conv_out." in name}


def write(path, seed, channels=4, encoder=True, without=(), whole=False):
    names = unet(channels, WHOLE if whole else SMALL) | (text_encoder() if encoder or whole else {}) | (whole_vae() if whole else vae())
    return write_names(path, seed, names, without)


def write_names(path, seed, names, without=()):
    tensors = [(name, "F16", shape, halves(random.Random(f"{seed} {name}"), count_of(shape))) for name, shape in names.items() if name not in without]
    make_inputs.write(path, {"format": "pt"}, tensors, True)
    return path


def read(path):
    """(metadata, {name: (dtype, shape, bytes)})"""
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", None)
    return metadata, {name: (entry["dtype"], entry["shape"], data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]])
                      for name, entry in header.items()}
