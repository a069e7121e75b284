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

from . import low_rank, slices
from .deferred import as_it_is, deferred
from .node import NodeError


ROUNDED_AT_RANDOM = (torch.float8_e4m3fn, torch.float8_e5m2)  # by numbers that are drawn over the whole weight


def maker(entry: list, name: str, device: torch.device) -> Callable[[], torch.Tensor]:
    """What makes the patched weight: f32, the patches, one rounding; fp8 at random, with a seed from the name."""
    weight, convert = entry[0]

    def merged(part: torch.Tensor, patches: list) -> torch.Tensor:
        copy = convert(comfy.model_management.cast_to_device(part, device, torch.float32, copy=True), inplace=True)
        return comfy.lora.calculate_weight(patches, copy, name)

    def rounded(values: torch.Tensor) -> torch.Tensor:
        return comfy.float.stochastic_rounding(values, weight.dtype, seed=comfy.model_patcher.string_to_seed(name)).cpu()

    def by_rows() -> torch.Tensor:
        whole = weight.dtype in ROUNDED_AT_RANDOM
        found = slices.memory(weight.shape, torch.float32 if whole else weight.dtype)
        for first, count in slices.slices(weight.shape, device):
            rows = merged(weight.narrow(0, first, count), slices.rows_of(entry[1:], first, count))
            found.narrow(0, first, count).copy_(rows if whole else rounded(rows))
        return rounded(found.to(device)) if whole else found

    def with_loras() -> torch.Tensor:
        found = low_rank.merged(weight, entry[1:], device, merged)
        if weight.dtype in ROUNDED_AT_RANDOM or found.device.type != "cpu":
            return rounded(found)
        return low_rank.rounded_in_place(found, weight.dtype, rounded)

    if weight.numel() and weight.dim() and slices.is_identity(convert):
        if slices.by_elements(entry[1:], weight.shape):
            return by_rows
        if weight.dtype.itemsize <= torch.float32.itemsize and low_rank.by_rows(entry[1:], weight.shape):
            return with_loras
    return lambda: rounded(merged(weight, entry[1:]))


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
