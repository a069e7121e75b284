# SPDX-License-Identifier: Apache-2.0
"""Tensors as memoryviews, where there is neither numpy nor torch."""
from __future__ import annotations

import math
import sys
import warnings
from typing import Any

from .errors import Warning as MergeWarning

_FORMATS = {"F64": "d", "F32": "f", "F16": "e", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U64": "Q", "U32": "I",
            "U16": "H", "U8": "B", "BOOL": "?"}


def view_of(buffer: Any, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, size: int) -> Any:
    """A read-only memoryview of these elements and this shape; of dtypes that Python lacks (F16 before 3.12), and of tensors
    whose elements do not lie in order, the bytes are flat."""
    if strides:
        warnings.warn("the elements do not lie in order: what comes are the bytes from the first on; numpy or torch give "
                      "the tensor", MergeWarning, stacklevel=4)
    view: Any = memoryview(buffer)[offset:offset + size].toreadonly()
    code = _FORMATS.get(dtype)
    if code is None or strides or math.prod(shape) == 0:
        return view
    if code == "e" and sys.version_info < (3, 12):
        return view
    return view.cast(code, shape) if shape else view.cast(code)
