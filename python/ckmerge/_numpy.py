# SPDX-License-Identifier: Apache-2.0
"""numpy's arrays, to and from the format's dtypes; those that numpy lacks are ml_dtypes'."""
from __future__ import annotations

import warnings
from typing import Any

import numpy

from ._tensors import DTYPES, Entry, spelling_of_dtype
from .errors import UsageError
from .errors import Warning as MergeWarning

_NATIVE = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "I16": "int16",
           "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64"}
_OF_ML_DTYPES = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
                 "F8_E5M2FNUZ": "float8_e5m2fnuz", "F8_E8M0": "float8_e8m0fnu"}
_CODES = {"BF16": "uint16"}  # what stands for a dtype where ml_dtypes is missing; uint8 for all others


def in_order(value: Any) -> Any:
    """``value`` with its elements in order, as numpy's own."""
    return numpy.ascontiguousarray(value) if numpy.ndim(value) else numpy.asarray(value)


def entry_of_numpy(name: str, value: Any) -> Entry:
    """An array, a numpy scalar, or what ``__array__`` makes an array of. Raises UsageError that names the tensor."""
    if isinstance(value, numpy.ma.MaskedArray):
        raise UsageError(f"'{name}' is a masked array, and a file has no masks; fill it first (filled())", where=name)
    found = numpy.asarray(value)
    try:
        dtype = spelling_of_dtype(found.dtype)
    except UsageError:
        raise UsageError(f"'{name}' has numpy's dtype {found.dtype}, which checkpoints do not have", where=name) from None
    copied = "" if found.dtype.isnative else "its bytes are in the other order"
    if copied:
        found = found.astype(found.dtype.newbyteorder("="))
    size = found.itemsize
    if any(stride < 0 or stride % size for stride in found.strides):
        copied = copied or "its strides are negative or no whole elements"
        found = numpy.ascontiguousarray(found)
    strides = None if found.flags.c_contiguous else tuple(stride // size for stride in found.strides)
    return Entry(dtype, found.shape, address=int(found.__array_interface__["data"][0]), strides=strides, kept=found,
                 copied=copied)


def _dtype_of(dtype: str) -> Any:
    if dtype in _NATIVE:
        return numpy.dtype(_NATIVE[dtype])
    codes = numpy.dtype(_CODES.get(dtype, "uint8"))
    if dtype not in _OF_ML_DTYPES:
        return codes
    try:
        import ml_dtypes

        return numpy.dtype(getattr(ml_dtypes, _OF_ML_DTYPES[dtype]))
    except (ImportError, AttributeError):
        warnings.warn(f"numpy has no {dtype}: its bits come as {codes}; with ml_dtypes installed, or "
                      "framework=\"torch\", they are numbers", MergeWarning, stacklevel=4)
        return codes


def view_of(buffer: Any, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, size: int) -> Any:
    """A read-only array over ``buffer``. ``strides`` are in elements, empty where they lie in order. Of dtypes whose
    elements are no whole bytes the bytes come as they are."""
    if dtype not in DTYPES:
        return numpy.ndarray((size,), numpy.uint8, buffer, offset)
    found = _dtype_of(dtype)
    if size == 0:
        empty = numpy.empty(shape, found)
        empty.flags.writeable = False
        return empty
    steps = tuple(stride * found.itemsize for stride in strides) if strides else None
    return numpy.ndarray(shape, found, buffer, offset, steps)
