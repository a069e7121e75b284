# SPDX-License-Identifier: Apache-2.0
"""A patched weight computed a few rows at a time, where its patches let each element be computed alone, as merges of models do: the same
operations on the same elements, so the same bits, without the three copies in f32 that calculate_weight takes for a whole weight."""
from __future__ import annotations

import mmap
from typing import Any, Callable, Iterator, Sequence

import torch

# Elements at once. torch shares out 32,768 and more among threads, which wait for each other longer than such a slice takes; a GPU wants more.
ON_CPU, ELSEWHERE = (1 << 15) - 1, 1 << 24
OWN_PAGES = 1 << 20  # bytes from which memory is taken from the system and given back to it, and not left to the allocator


def is_identity(convert: Callable) -> bool:
    """Whether this is what get_key_patches gives for weights that are stored as they are."""
    return getattr(convert, "__name__", "") == "<lambda>"


def values_of(patch: Sequence[Any]) -> tuple[str, Any]:
    """What a patch does and with which tensors: another model's weight and its patches, "diff" or "set", or anything else."""
    value = patch[1]
    if isinstance(value, list):
        return "of a model", value
    if isinstance(value, tuple) and len(value) == 1:
        return "diff", value
    return (value[0], value[1]) if isinstance(value, tuple) and len(value) == 2 else ("", None)


def by_elements(patches: Sequence[Any], shape: torch.Size) -> bool:
    """Whether these patches compute each element of a weight of this shape from the elements in its place."""
    for patch in patches:
        kind, value = values_of(patch)
        if patch[3] is not None or patch[4] is not None:  # a part of the weight, a function of the difference
            return False
        if kind == "of a model":
            weight, convert = value[0]
            if not is_identity(convert) or weight.shape != shape or not by_elements(value[1:], shape):
                return False
        elif kind not in ("diff", "set") or not isinstance(value[0], torch.Tensor) or value[0].shape != shape:
            return False
    return True


def rows_of(patches: Sequence[Any], first: int, count: int) -> list:
    """The same patches for these rows."""
    found = []
    for patch in patches:
        kind, value = values_of(patch)
        if kind == "of a model":
            weight, convert = value[0]
            rows: Any = [(weight.narrow(0, first, count), convert), *rows_of(value[1:], first, count)]
        else:
            rows = (kind, (value[0].narrow(0, first, count), *value[1:]))
        found.append((patch[0], rows, *patch[2:]))
    return found


def slices(shape: torch.Size, device: torch.device) -> Iterator[tuple[int, int]]:
    """(first row, number of rows), over all rows."""
    most = ON_CPU if device.type == "cpu" else ELSEWHERE
    step = max(1, most * shape[0] // max(1, shape.numel()))
    return ((first, min(step, shape[0] - first)) for first in range(0, shape[0], step))


def memory(shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
    """An uninitialized tensor. Of a large one the memory is the system's again as soon as it is dropped."""
    size = shape.numel() * dtype.itemsize
    if size < OWN_PAGES:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(mmap.mmap(-1, size), dtype=torch.uint8).view(dtype).view(shape)
