# SPDX-License-Identifier: Apache-2.0
"""Tensors that are computed when they are written. ComfyUI's own code names, cuts and joins a model's weights for saving; given these,
which have a dtype and a shape but no values, it does so without one of them in memory, and each can tell its values later."""
from __future__ import annotations

from typing import Any, Callable

import torch
from torch.utils._pytree import tree_map


class Deferred(torch.Tensor):
    """A tensor on the meta device, and how its values are made. `there` is the tensor itself where it is one that has them."""

    make: Callable[[], torch.Tensor]
    there: torch.Tensor | None

    @staticmethod
    def __new__(cls, shape: torch.Tensor, make: Callable[[], torch.Tensor], there: torch.Tensor | None = None) -> Deferred:
        made = torch.Tensor._make_subclass(cls, shape)
        made.make, made.there = make, there
        return made

    @classmethod
    def __torch_function__(cls, function: Callable, types: Any, arguments: tuple = (), keywords: dict | None = None) -> Any:
        keywords = keywords or {}
        with torch._C.DisableTorchFunctionSubclass():
            shape = function(*tree_map(outline, arguments), **tree_map(outline, keywords))

        def values() -> Any:
            return function(*tree_map(value, arguments), **tree_map(value, keywords))

        if isinstance(shape, torch.Tensor):
            return cls(shape, values)
        if isinstance(shape, (tuple, list)) and shape and all(isinstance(part, torch.Tensor) for part in shape):
            return type(shape)(cls(part, lambda k=k: values()[k]) for k, part in enumerate(shape))
        return shape


def outline(what: Any) -> Any:
    """Dtype and shape of a tensor, without its values."""
    if isinstance(what, Deferred):
        return what.as_subclass(torch.Tensor)
    if isinstance(what, torch.Tensor):
        return torch.empty_strided(what.shape, what.stride(), dtype=what.dtype, device="meta")
    return what


def value(what: Any) -> Any:
    return what.make() if isinstance(what, Deferred) else what


def deferred(like: torch.Tensor, make: Callable[[], torch.Tensor]) -> Deferred:
    """What `make` will give: a tensor of this dtype and shape."""
    return Deferred(torch.empty(like.shape, dtype=like.dtype, device="meta"), make)


def as_it_is(tensor: torch.Tensor) -> Deferred:
    """A tensor that has values already, and is neither joined nor moved before it is written."""
    tensor = tensor.detach()
    return Deferred(torch.empty(tensor.shape, dtype=tensor.dtype, device="meta"), lambda: tensor, tensor)
