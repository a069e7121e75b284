# SPDX-License-Identifier: Apache-2.0
"""What Python users give for options, as requests have it. The engine reads and refuses values; here they only change form."""
from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ._inputs import Operands, is_array, path_text
from .checkpoint import Checkpoint
from .errors import UsageError

_FLAGS_OF_PATTERNS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
_OTHER_FLAGS = {re.VERBOSE: "VERBOSE", re.LOCALE: "LOCALE"}


def _number(value: Any, option: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{option} is {value}, and no option takes that", where=option)
    return value


def _plain(value: Any, option: str) -> Any:
    """A value that JSON has, for one of Python's, numpy's or torch's."""
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return _number(float(value), option)
    if isinstance(value, os.PathLike):
        return path_text(value)
    if isinstance(value, re.Pattern):
        return _pattern(value, option)
    if is_array(value):  # a scalar, or a vector of numbers
        return _plain(value.tolist(), option)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        return [_plain(item, option) for item in value]
    return str(value)  # a device, a dtype


def _pattern(value: re.Pattern[Any], option: str) -> str:
    if isinstance(value.pattern, bytes):
        raise UsageError(f"{option}: names are texts, and the pattern {value.pattern!r} is of bytes; leave out the b",
                         where=option)
    for flag, name in _OTHER_FLAGS.items():
        if value.flags & flag:
            raise UsageError(f"{option}: patterns have no re.{name}; write {value.pattern!r} without it", where=option)
    flags = "".join(letter for flag, letter in _FLAGS_OF_PATTERNS.items() if value.flags & flag)
    return f"(?{flags}){value.pattern}" if flags else value.pattern


def _text(value: Any, option: str, between: str = ",") -> str:
    """A value as the command line has it: ``0.3``, ``true``, ``1,2``."""
    plain = _plain(value, option)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        return between.join(_text(item, option) for item in plain)
    return repr(plain) if isinstance(plain, float) else str(plain)


def _pairs(value: Any, option: str) -> Any:
    """``{"K": 0.3}`` as ``["K=0.3"]``."""
    if not isinstance(value, Mapping):
        return _plain(value, option)
    return [f"{name}={_text(item, option)}" for name, item in value.items()]


def metadata_fields(fields: Mapping[str, str], option: str) -> dict[str, str]:
    """Fields of metadata as requests have them: any texts, save what is none in Unicode. Raises UsageError."""
    for key, value in fields.items():
        try:
            (key + value).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{option}: the field {key!r} is not Unicode text, which a file's metadata is; leave it out",
                             where=option) from None
    return dict(fields)


def _metadata(value: Any, option: str) -> Any:
    if not isinstance(value, Mapping):
        return _plain(value, option)
    return metadata_fields({str(key): _text(item, option) for key, item in value.items()}, option)


def _weights_by_tensor(value: Any, option: str) -> Any:
    """``{"IN04": 0.2}``, or of one parameter ``{"alpha": {"IN04": 0.2}}``, as the texts of ``--weight``."""
    if not isinstance(value, Mapping):
        return _plain(value, option)
    texts = []
    for name, item in value.items():
        if isinstance(item, Mapping):
            texts += [f"{name}:{selector}={_one_weight(number, option)}" for selector, number in item.items()]
        else:
            texts.append(f"{name}={_one_weight(item, option)}")
    return texts


def _one_weight(value: Any, option: str) -> str:
    text = _text(value, option)
    return f"[{text}]" if isinstance(_plain(value, option), list) else text


def _sweep(value: Any, option: str) -> Any:
    if not isinstance(value, Mapping):
        return _plain(value, option)
    return [f"{name}={','.join(_text(item, option, '/') for item in _several(items, option))}" for name, items in value.items()]


def _several(items: Any, option: str) -> Any:
    plain = _plain(items, option)
    return plain if isinstance(plain, list) else [items]


def _dtype_word(dtype: Any) -> str:
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "name", None) or (dtype.__name__ if isinstance(dtype, type) else str(dtype))
    return str(name).rpartition(".")[2]


def _dtype(value: Any, option: str) -> Any:
    """``"f16"``, ``torch.float16``, or ``{"all": "bf16", "vae": "f32", "/norm/": "f32"}``, as texts of ``--dtype``."""
    if isinstance(value, Mapping):
        return [_dtype_word(item) if part in (None, "all") else f"{part}={_dtype_word(item)}" for part, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [_dtype_word(item) for item in value]
    return _dtype_word(value)


def _comma(value: Any, option: str) -> Any:
    """A list of numbers or words that is one value of the option."""
    plain = _plain(value, option)
    return _text(plain, option) if isinstance(plain, list) and not any(isinstance(x, str) and "," in x for x in plain) else plain


_FORMS: dict[str, Callable[[Any, str], Any]] = {
    "param": _pairs, "set_metadata": _metadata, "rename": _pairs, "key": _pairs, "weight": _weights_by_tensor, "sweep": _sweep,
    "dtype": _dtype, "mbw": _comma, "part": _comma,
}


def _operand(value: Any, option: str, operands: Operands) -> Any:
    if isinstance(value, Checkpoint) or hasattr(value, "state_dict"):
        return operands.word(value, option)
    if isinstance(value, Mapping) and option not in _FORMS:
        return operands.word(value, option)
    return None


def request_options(given: Mapping[str, Any], operands: Operands) -> dict[str, Any]:
    """The options of a request: what is None is not given, ``_`` is ``-``."""
    options: dict[str, Any] = {}
    weights = given.get("weights")
    if isinstance(weights, Mapping):  # by tensor, not by checkpoint
        given = {**given, "weights": None, "weight": [*_listed(given.get("weight")), *_weights_by_tensor(weights, "weights")]}
    for option, value in given.items():
        if value is None:
            continue
        word = _operand(value, option, operands)
        options[option.replace("_", "-")] = word if word is not None else _FORMS.get(option, _plain)(value, option)
    return options


def _listed(value: Any) -> list[Any]:
    found = _weights_by_tensor(value, "weight") if value is not None else []
    return found if isinstance(found, list) else [found]
