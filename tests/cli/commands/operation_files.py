# SPDX-License-Identifier: Apache-2.0
"""Checkpoints for the tests of convert, bake, compose and average, and the comparison with what is expected of them."""
import json
import math
import os
import pathlib
import random
import struct

import make_inputs
from checks import call, expect, metadata_of, safetensors


def make(path, tensors, metadata=None):
    """{name: (dtype, shape, numbers)}"""
    make_inputs.write(path, metadata or {"format": "pt"}, [
        make_inputs.parse(f"{name} {dtype} {','.join(map(str, shape)) or '-'} {' '.join(map(repr, values))}")
        for name, (dtype, shape, values) in tensors.items()], True)


def read(path):
    return safetensors(path)[1]


def as_dtype(entry, dtype):
    """The tensor rounded to another dtype, as struct rounds."""
    code = {"F16": "e", "F32": "f", "F64": "d"}
    if dtype == entry[0]:
        return entry
    count = len(entry[2]) // struct.calcsize(code[entry[0]])
    values = struct.unpack(f"<{count}{code[entry[0]]}", entry[2])
    return dtype, entry[1], struct.pack(f"<{count}{code[dtype]}", *values)


def produces(expected, *words, output="out.safetensors"):
    """The command writes exactly these tensors, and `run` writes the same file again from what it records."""
    done = call(*words, "-f")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.returncode} {done.stderr}")
    if done.returncode:
        return done
    found = read(output)
    for name in sorted(set(found) | set(expected)):
        expect(found.get(name) == expected.get(name), f"{' '.join(words)}: {name}")
    inputs = json.loads(metadata_of(output)["ckmerge.recipe"])["inputs"]
    paths = [word for word in words[1:] if word.endswith(".safetensors") and word != output]
    bound = [f"{chr(65 + k)}={next(path for path in paths if os.path.basename(path) == entry['name'])}"
             for k, entry in enumerate(inputs) if k < 26]
    if len(inputs) <= 26:
        again = call("run", output, *bound, "-o", "again.safetensors", "-f")
        same = again.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path(output).read_bytes()
        expect(same, f"{' '.join(words)}: again: {again.stderr}")
    return done


def some(seed, *shape):
    rng = random.Random(seed)
    return [rng.randrange(-1000, 1000) / 64 for _ in range(math.prod(shape))]


UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."


def model(seed):
    return {UNET + "out.2.weight": ("F32", [2, 3], some(seed, 6)), UNET + "out.2.bias": ("F16", [3], some(seed + 1, 3)),
            CLIP + "final.weight": ("F32", [4], some(seed + 2, 4)), VAE + "decoder.weight": ("F32", [2, 2], some(seed + 3, 4)),
            VAE + "decoder.bias": ("F32", [2], some(seed + 4, 2)), "model_ema.diffusion_modelout2weight": ("F32", [2, 3], some(seed + 5, 6)),
            "model_ema.num_updates": ("I32", [], [7]), "loss.logvar": ("F32", [1], [0.5]), "betas": ("F64", [2], [0.5, 0.25]),
            "epoch": ("I64", [], [3]), CLIP + "embeddings.position_ids": ("I64", [1, 3], [0, 1, 2])}


PARTS = {"unet": (UNET,), "te": ("cond_stage_model.", "conditioner.", "text_encoders."), "vae": (VAE, "vae.")}


def part_of(name):
    return next((part for part, prefixes in PARTS.items() if name.startswith(prefixes)), None)
