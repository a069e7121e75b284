# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that ComfyUI takes for SD 1.5: one level of its U-Net instead of four, its whole text encoder, a tiny VAE. The bytes are random,
the same for the same seed, of a model's size: halves between 2^-7 and 2^-4."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import make_inputs

UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."
WIDE, EMBEDDED, CONTEXT = 320, 1280, 768


def with_bias(name, *shape):
    return {f"{name}.weight": list(shape), f"{name}.bias": [shape[0]]}


def residual(place, channels):
    names = {**with_bias(f"{place}.in_layers.0", channels), **with_bias(f"{place}.in_layers.2", WIDE, channels, 3, 3),
             **with_bias(f"{place}.emb_layers.1", WIDE, EMBEDDED), **with_bias(f"{place}.out_layers.0", WIDE),
             **with_bias(f"{place}.out_layers.3", WIDE, WIDE, 3, 3)}
    return names | (with_bias(f"{place}.skip_connection", WIDE, channels, 1, 1) if channels != WIDE else {})


def transformer(place):
    block = f"{place}.transformer_blocks.0"
    names = {**with_bias(f"{place}.norm", WIDE), **with_bias(f"{place}.proj_in", WIDE, WIDE, 1, 1), **with_bias(f"{place}.proj_out", WIDE, WIDE, 1, 1)}
    for attention, context in (("attn1", WIDE), ("attn2", CONTEXT)):
        names |= {f"{block}.{attention}.to_q.weight": [WIDE, WIDE], f"{block}.{attention}.to_k.weight": [WIDE, context],
                  f"{block}.{attention}.to_v.weight": [WIDE, context], **with_bias(f"{block}.{attention}.to_out.0", WIDE, WIDE)}
    for norm in ("norm1", "norm2", "norm3"):
        names |= with_bias(f"{block}.{norm}", WIDE)
    return names | with_bias(f"{block}.ff.net.0.proj", 8 * WIDE, WIDE) | with_bias(f"{block}.ff.net.2", WIDE, 4 * WIDE)


def unet(channels):
    names = {**with_bias("time_embed.0", EMBEDDED, WIDE), **with_bias("time_embed.2", EMBEDDED, EMBEDDED),
             **with_bias("input_blocks.0.0", WIDE, channels, 3, 3), **with_bias("out.0", WIDE), **with_bias("out.2", 4, WIDE, 3, 3)}
    for place in ("input_blocks.1", "output_blocks.0", "output_blocks.1"):
        names |= residual(f"{place}.0", WIDE if place.startswith("in") else 2 * WIDE) | transformer(f"{place}.1")
    names |= residual("middle_block.0", WIDE) | transformer("middle_block.1") | residual("middle_block.2", WIDE)
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


def write(path, seed, channels=4, encoder=True, extra=(), without=()):
    names = unet(channels) | (text_encoder() if encoder else {}) | vae()
    tensors = []
    for name, shape in names.items():
        if name not in without:
            tensors.append((name, "F16", shape, halves(random.Random(f"{seed} {name}"), count_of(shape))))
    tensors.extend(extra)
    make_inputs.write(path, {"format": "pt"}, tensors, True)
    return path


def read(path):
    """(metadata, {name: (dtype, shape, bytes)})"""
    import json
    import struct
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", None)
    return metadata, {name: (entry["dtype"], entry["shape"], data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]])
                      for name, entry in header.items()}
