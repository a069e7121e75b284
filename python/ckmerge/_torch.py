# SPDX-License-Identifier: Apache-2.0
"""torch's tensors, to and from the format's dtypes; those on a GPU are copied range by range."""
from __future__ import annotations

import ctypes
from typing import Any

import torch

from ._tensors import DTYPES, Entry, Read, spelling_of_dtype
from .errors import UsageError

_PAIRS = "float4_e2m1fn_x2"  # torch's F4: an element is two of the format's
_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
          "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
          "F8_E8M0": "float8_e8m0fnu", "BOOL": "bool", "C64": "complex64", "I64": "int64", "I32": "int32", "I16": "int16",
          "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "F4": _PAIRS}


def _refuse(name: str, what: str) -> UsageError:
    return UsageError(f"'{name}' {what}", where=name)


def _check(name: str, value: Any) -> None:
    if value.is_nested:
        raise _refuse(name, "is a nested tensor, which checkpoints do not have; store its parts")
    if value.layout != torch.strided:
        raise _refuse(name, f"is sparse ({value.layout}); make it dense first (to_dense())")
    if value.is_quantized:
        raise _refuse(name, "is one of torch's quantized tensors; store int_repr(), or dequantize() it first")
    if value.device.type == "meta":
        raise _refuse(name, "is on the meta device: it has a shape and no values")


def entry_of_torch(name: str, value: Any) -> Entry:
    """A tensor on any device. Raises UsageError that names it and says why it cannot be stored."""
    _check(name, value)
    found, copied = value.detach(), ""
    if found.is_conj() or found.is_neg():
        found, copied = found.resolve_conj().resolve_neg(), "it is a conjugate or negative view"
    shape = tuple(found.shape)
    if str(found.dtype) == "torch." + _PAIRS and shape:
        dtype, shape = "F4", (*shape[:-1], 2 * shape[-1])
        found = found.contiguous()
    else:
        try:
            dtype = spelling_of_dtype(found.dtype)
        except UsageError:
            raise _refuse(name, f"has dtype {found.dtype}, which checkpoints do not have") from None
    if found.device.type != "cpu":
        place = found.data_ptr()
        same = (str(found.device), place, tuple(found.stride())) if place else None
        return Entry(dtype, shape, read=_reader(found), kept=found, same=same)
    if found.numel() and not found.data_ptr():
        raise _refuse(name, f"is a {type(value).__name__} without elements at an address; make it a plain tensor first")
    strides = None if found.is_contiguous() else tuple(found.stride())
    return Entry(dtype, shape, address=found.data_ptr(), strides=strides, kept=found, copied=copied)


def _elements(found: Any, first: int, last: int) -> Any:
    """Elements [first, last) in order, one-dimensional; no more is gathered than the rows that they lie in."""
    if found.dim() <= 1 or found.is_contiguous():
        return found.reshape(-1)[first:last].contiguous()
    row = found.numel() // found.shape[0]
    begin, end = first // row, -(-last // row)
    if end - begin == 1:
        return _elements(found[begin], first - begin * row, last - begin * row)
    return found[begin:end].reshape(-1)[first - begin * row:last - begin * row].contiguous()


def _reader(found: Any) -> Read:
    if found.device.type == "cuda":
        torch.cuda.current_stream(found.device).synchronize()  # the engine's threads have streams of their own
    size_of_element = found.element_size()

    def read(offset: int, size: int, to: int) -> None:
        first, last = offset // size_of_element, -(-(offset + size) // size_of_element)
        skipped = offset - first * size_of_element
        part = _elements(found, first, last)
        if part.stride(0) != 1:  # one element of a row is contiguous whatever its stride, and has no bytes then
            part = part.clone(memory_format=torch.contiguous_format)
        part = part.view(torch.uint8)[skipped:skipped + size]
        torch.frombuffer((ctypes.c_ubyte * size).from_address(to), dtype=torch.uint8).copy_(part)

    return read


def view_of(buffer: Any, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, size: int) -> Any:
    """A tensor over ``buffer``; ``strides`` as of numpy's. What is written into it stays in memory."""
    found = getattr(torch, _NAMES.get(dtype, ""), None) if dtype in DTYPES or dtype == "F4" else None
    if found is None:
        return torch.frombuffer(buffer, dtype=torch.uint8, count=size, offset=offset) if size else torch.empty(0).byte()
    if dtype == "F4":
        shape = (*shape[:-1], shape[-1] // 2)
    if size == 0:
        return torch.empty(shape, dtype=found)
    if not strides:
        count = size // found.itemsize
        return torch.frombuffer(buffer, dtype=found, count=count, offset=offset).reshape(shape)
    extent = 1 + sum((dimension - 1) * stride for dimension, stride in zip(shape, strides))
    return torch.frombuffer(buffer, dtype=found, count=extent, offset=offset).as_strided(shape, strides)
