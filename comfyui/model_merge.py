# SPDX-License-Identifier: Apache-2.0
"""Checkpoint Merge: ArtVenture's node, on loaded models. w1 * A + w2 * B over the diffusion model, not divided by the sum; what B lacks
becomes zero; channels that an inpainting or instruct-pix2pix model alone has become w1 * A."""
from __future__ import annotations

from typing import Any

import comfy.lora
import comfy.model_management
import torch

from .node import Hidden, Node, NodeError, Output, Result, Widget

CATEGORY = "Art Venture/Model Merging"
UNET = "diffusion_model."
EXTRA_CHANNELS = {9: "an inpainting", 8: "an instruct-pix2pix"}  # channels of the first layer, where 4 is plain


def value_of(entry: list, name: str) -> torch.Tensor:
    """A weight with the patches that its model has already, in f32: what calculate_weight makes of a nested list of patches."""
    weight, convert = entry[0]
    copy = convert(comfy.model_management.cast_to_device(weight, weight.device, torch.float32, copy=True), inplace=True)
    return comfy.lora.calculate_weight(entry[1:], copy, name) if len(entry) > 1 else copy


def widened(a: torch.Tensor, entry: list, name: str) -> list | tuple:
    """B's patch for A's weight: as it is, or with zeros for the channels that A alone has."""
    b = entry[0][0]
    if a.shape == b.shape:
        return entry
    apart = a.shape[:1] + a.shape[2:] == b.shape[:1] + b.shape[2:]
    if apart and a.shape[1] == 4 and b.shape[1] in EXTRA_CHANNELS:
        raise NodeError(f"model2 is {EXTRA_CHANNELS[b.shape[1]]} model and model1 is not: give it as model1")
    if not apart or b.shape[1] != 4 or a.shape[1] not in EXTRA_CHANNELS:
        raise NodeError(f"{name}: model1 has the shape {list(a.shape)}, model2 {list(b.shape)}; such models cannot be merged")
    wide = torch.zeros(a.shape, dtype=torch.float32, device=b.device)
    wide[:, :4] = value_of(entry, name)
    return (wide,)


def merge(values: dict[str, Any], hidden: Hidden) -> Result:
    model1, model2 = values["model1"], values["model2"]
    merged, others = model1.clone(), model2.get_key_patches(UNET)
    mine = model1.get_key_patches(UNET)
    missing = [name for name in mine if name not in others]
    if len(missing) == len(mine):
        raise NodeError("model1 and model2 have no name in common: they are of different architectures")
    patches = {name: widened(mine[name][0][0], entry, name) for name, entry in others.items() if name in mine}
    for name, patch in patches.items():
        merged.add_patches({name: patch}, values["model2_weight"], values["model1_weight"])
    for name in missing:
        zero = torch.zeros(()).expand(mine[name][0][0].shape)  # one number, however large the weight
        merged.add_patches({name: ("set", (zero,))}, 1.0, 1.0)
    left = [name for name in others if name not in mine]
    told = [f"{len(patches)} weights merged"]
    told += [f"{len(missing)} that model2 lacks are zero: {', '.join(missing[:5])}"] if missing else []
    told += [f"{len(left)} that model1 lacks are left out: {', '.join(left[:5])}"] if left else []
    return Result((merged,), "\n".join(told))


def checkpoint_merge() -> Node:
    def widgets() -> list[Widget]:
        weight = {"min": -1.0, "max": 1.0, "step": 0.01}
        return [Widget("model1", "MODEL"), Widget("model2", "MODEL"), Widget("model1_weight", "FLOAT", 1.0, extra=weight),
                Widget("model2_weight", "FLOAT", 1.0, extra=weight)]

    return Node("ckmerge_CheckpointMerge", "Checkpoint Merge (ckmerge)", CATEGORY, "model1_weight * model1 + model2_weight * model2 over the diffusion "
                "model, not divided by the sum of the weights. What model2 lacks becomes zero.", widgets, (Output("MODEL", "model"),), merge)
