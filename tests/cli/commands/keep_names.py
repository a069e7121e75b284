#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: keep_names.py CKMERGE
convert --keep-names: what is taken off names, or brought to others, stays; recorded, and repeated by run."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, metadata_of, run_in_folders, safetensors

OLD = "cond_stage_model.transformer.embeddings.position_embedding.weight"


def make(names):
    make_inputs.write("A.safetensors", {"format": "pt"}, [make_inputs.parse(f"{name} F32 1 1") for name in names], True)


def names(*words):
    done = call(*words, "-f")
    expect(done.returncode == 0, f"{done}")
    return sorted(safetensors("out.safetensors")[1])


def wrappers():
    make(["module.a", "module.b"])
    expect(names("convert", "A.safetensors", "out.safetensors") == ["a", "b"], "taken off")
    kept = ["module.a", "module.b"]
    expect(names("convert", "A.safetensors", "out.safetensors", "--keep-names") == kept, "kept")
    expect(json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])["keep_names"] is True, "recorded")
    pathlib.Path("out.safetensors").rename("R.safetensors")
    expect(names("run", "R.safetensors", "A=A.safetensors", "-o", "out.safetensors") == kept, "repeated")


def counters():
    make(["module.a", "module.b", "n_averaged"])
    expect(names("convert", "A.safetensors", "out.safetensors", "--keep-names") == ["module.a", "module.b", "n_averaged"], "kept")


def text_encoder():
    make([OLD, "model.diffusion_model.x"])
    expect(OLD not in names("convert", "A.safetensors", "out.safetensors"), "an old name")
    expect(OLD in names("convert", "A.safetensors", "out.safetensors", "--keep-names"), "kept")


run_in_folders(wrappers, counters, text_encoder)
