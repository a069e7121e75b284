# SPDX-License-Identifier: Apache-2.0
"""The weights of a loaded model with its patches applied, one at a time and as ComfyUI applies them, the model left as it is. ComfyUI's
own save patches the whole model in place and keeps a copy of every weight that it changes."""
from __future__ import annotations

from typing import Any, Callable

import comfy.float
import comfy.lora
import comfy.model_management
import comfy.model_patcher
import torch

from .deferred import as_it_is, deferred
from .node import NodeError


def maker(entry: list, name: str, device: torch.device) -> Callable[[], torch.Tensor]:
    """What makes the patched weight: f32, the patches, one rounding; fp8 at random, with a seed from the name."""
    weight, convert = entry[0]

    def make() -> torch.Tensor:
        copy = convert(comfy.model_management.cast_to_device(weight, device, torch.float32, copy=True), inplace=True)
        merged = comfy.lora.calculate_weight(entry[1:], copy, name)
        return comfy.float.stochastic_rounding(merged, weight.dtype, seed=comfy.model_patcher.string_to_seed(name)).cpu()

    return make


def refuse_codes(patcher: Any, name: str) -> None:
    """A weight that is stored as codes beside a scale comes out wrong where it is merged: ComfyUI merges the scales as well."""
    module = comfy.model_patcher.get_key_weight(patcher.model, name)
    if module[1] is not None:
        raise NodeError(f"{name} is quantized with a scale, and patched: ComfyUI merges such weights wrongly; load models that are not quantized")


def weights(patcher: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    """Every weight below `prefix`, which its name is without: made when it is written, where it has patches."""
    found: dict[str, torch.Tensor] = {}
    for name, entry in patcher.get_key_patches(prefix or None).items():
        weight = entry[0][0]
        if len(entry) > 1:
            refuse_codes(patcher, name)
            found[name[len(prefix):]] = deferred(weight, maker(entry, name, patcher.load_device))
        else:
            found[name[len(prefix):]] = as_it_is(weight)
    return found
