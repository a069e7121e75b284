#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What rows_layouts.py compares with: a Flux.1 transformer from one file to a folder, as diffusers does it.

    diffusers_convert.py FILE FOLDER DOUBLE_BLOCKS

The folder is synced, since ckmerge's output is durable. Prints the seconds without the interpreter's start and the
imports.
"""
import json
import os
import pathlib
import sys
import tempfile
import time


def converted(file, folder, blocks):
    import torch
    from diffusers import FluxTransformer2DModel
    with tempfile.TemporaryDirectory() as config:
        pathlib.Path(config, "config.json").write_text(json.dumps(
            {"_class_name": "FluxTransformer2DModel", "num_layers": blocks, "num_single_layers": 2 * blocks,
             "guidance_embeds": True}), encoding="utf-8")
        start = time.perf_counter()
        model = FluxTransformer2DModel.from_single_file(file, config=config, torch_dtype=torch.bfloat16, local_files_only=True)
        model.save_pretrained(folder)
    for path in pathlib.Path(folder).iterdir():
        with path.open("rb") as written:
            os.fsync(written.fileno())
    return time.perf_counter() - start


if __name__ == "__main__":
    print(converted(sys.argv[1], sys.argv[2], int(sys.argv[3])), flush=True)
