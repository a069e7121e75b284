# SPDX-License-Identifier: Apache-2.0
"""Weights with LoRAs, a few rows at a time. The product of a LoRA's two factors is a whole weight in f32; ComfyUI makes three of that size at once, of which
the first convolutions of SD 1.5 have 118 MB each. Here the product alone is made whole, by the same multiplication, and then added row by row
with ComfyUI's own operations, each result in the place of the product's row: the same bits in a third of the memory."""
from __future__ import annotations

from typing import Any, Callable, Sequence

import torch

from . import slices

Merge = Callable[[torch.Tensor, list], torch.Tensor]  # some rows in f32 with patches of these rows


def factors(patch: Sequence[Any], shape: torch.Size) -> tuple[torch.Tensor, torch.Tensor, float] | None:
    """Of a plain LoRA for a weight of this shape: its two factors, and what their product is multiplied with. None of any other patch."""
    weights = getattr(patch[1], "weights", None)
    if getattr(patch[1], "name", "") != "lora" or patch[3] is not None or patch[4] is not None or not isinstance(weights, (tuple, list)) or len(weights) < 2:
        return None
    up, down, alpha, *others = (*weights, None)[:max(3, len(weights))]
    if any(other is not None for other in others) or not (isinstance(up, torch.Tensor) and isinstance(down, torch.Tensor)):
        return None  # a middle factor, DoRA's scale, another shape
    if min(up.dim(), down.dim()) < 2 or up.shape[0] != shape[0] or up.shape[0] * down[0].numel() != shape.numel() or up[0].numel() != down.shape[0]:
        return None
    scale = float(patch[0] * (1.0 if alpha is None else alpha / down.shape[0]))
    return (up, down, scale) if scale else None


def by_rows(patches: Sequence[Any], shape: torch.Size) -> bool:
    """Whether some of these patches are LoRAs, and `merged` can compute all of them."""
    others = [patch for patch in patches if factors(patch, shape) is None]
    return len(others) < len(patches) and slices.by_elements(others, shape)


def product(up: torch.Tensor, down: torch.Tensor, shape: torch.Size, device: torch.device) -> torch.Tensor:
    """As LoRAAdapter.calculate_weight computes it, into memory that is given back when it is dropped."""
    first, second = (factor.to(device, torch.float32).flatten(start_dim=1) for factor in (up, down))
    found = slices.memory(shape, torch.float32) if device.type == "cpu" else torch.empty(shape, dtype=torch.float32, device=device)
    torch.mm(first, second, out=found.view(first.shape[0], second.shape[1]))
    return found


def as_difference(patch: Sequence[Any], shape: torch.Size, device: torch.device) -> Sequence[Any]:
    """A LoRA as the difference that it is, which is added; another patch as it is."""
    lora = factors(patch, shape)
    if lora is None:
        return patch
    up, down, scale = lora
    return (scale, ("diff", (product(up, down, shape, device),)), *patch[2:])


def runs(patches: Sequence[Any], shape: torch.Size) -> list[list]:
    """The patches in their order, in lists with one LoRA each."""
    found: list[list] = [[]]
    for patch in patches:
        if factors(patch, shape) and any(factors(other, shape) for other in found[-1]):
            found.append([])
        found[-1].append(patch)
    return found


def merged(weight: torch.Tensor, patches: Sequence[Any], device: torch.device, merge: Merge) -> torch.Tensor:
    """The patched weight in f32, on `device`."""
    shape, values = weight.shape, weight
    for run in runs(patches, shape):
        computed = [as_difference(patch, shape, device) for patch in run]
        made = next(new[1][1][0] for new, patch in zip(computed, run) if new is not patch)
        for first, count in slices.slices(shape, device):
            made.narrow(0, first, count).copy_(merge(values.narrow(0, first, count), slices.rows_of(computed, first, count)))
        values = made
    return values


def rounded_in_place(values: torch.Tensor, dtype: torch.dtype, rounded: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Values in f32 in the memory of the CPU as ones of a dtype that is no larger, in the beginning of the same memory."""
    found = values.view(-1).view(dtype)[:values.numel()].view(values.shape)
    for first, count in slices.slices(values.shape, values.device):
        found.narrow(0, first, count).copy_(rounded(values.narrow(0, first, count)))
    return found
