#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sd3_projection.py CKMERGE
Stable Diffusion 3 in diffusers' folders has a projection in its first encoder, a unit matrix, whatever the single file
says; other families have none made."""
import pathlib
import random
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "layouts")]
import make_models
from checks import call, expect, run_in_folders, safetensors
from recorded_models import Recorded

UNET, CLIP_L = "model.diffusion_model.", "text_encoders.clip_l.transformer."
PROJECTION = "text_projection.weight"
ONES = {"F32": "3f800000", "F16": "3c00", "BF16": "3f80"}


def write(path, model, dtype, has_projection):
    encoder = {"text_model.embeddings.token_embedding.weight": [6, 3], "text_model.final_layer_norm.weight": [3],
               "text_model.encoder.layers.0.layer_norm1.weight": [3],
               "text_model.encoder.layers.0.self_attn.q_proj.weight": [3, 3]}
    if has_projection:
        encoder[PROJECTION] = [3, 3]
    named = {UNET + name: tensor for name, tensor in make_models.tensors(Recorded(model), "left", dtype).items()}
    for name, shape in encoder.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        named[CLIP_L + name] = (shape, make_models.bits(count, dtype, random.Random(name)))
    make_models.write(path, named, dtype)


def converted(source, *words):
    done = call("convert", source, "out", "--layout", "diffusers", "-f", *words)
    expect(done.returncode == 0, f"{source}: {done.stderr}")
    return safetensors("out/text_encoder/model.safetensors")[1], done.stdout + done.stderr


def test_unit_matrix():
    for dtype, one in ONES.items():
        for has_projection, told in ((False, "is made: a unit matrix"), (True, "is replaced by a unit matrix")):
            write("sd3.safetensors", "sd3", dtype, has_projection)
            found, output = converted("sd3.safetensors")
            expect(told in output, f"{dtype}: {output}")
            unit = bytes.fromhex(one)[::-1]
            zero = bytes(len(unit))
            expected = b"".join(unit if row == column else zero for row in range(3) for column in range(3))
            expect(found.get(PROJECTION) == (dtype, [3, 3], expected), f"{dtype}: {found.get(PROJECTION)}")
    write("sd3.safetensors", "sd3", "F32", False)
    found, _ = converted("sd3.safetensors", "--dtype", "f16", "--hash")
    expect(found[PROJECTION][2] == struct.pack("<9e", 1, 0, 0, 0, 1, 0, 0, 0, 1), f"f16: {found[PROJECTION]}")


def test_others():
    write("flux.safetensors", "flux-dev", "F32", False)
    found, output = converted("flux.safetensors")
    expect(PROJECTION not in found and "unit matrix" not in output, f"flux: {output}")
    write("sd3.safetensors", "sd3", "F32", False)
    converted("sd3.safetensors")
    done = call("convert", "out", "again", "--layout", "diffusers")
    expect(done.returncode == 0 and "unit matrix" not in done.stdout, f"from a folder: {done.stdout}{done.stderr}")


run_in_folders(test_unit_matrix, test_others)
