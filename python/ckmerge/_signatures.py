# SPDX-License-Identifier: Apache-2.0
"""Every option of every command as a keyword, with its type. None is not given; _meanings.py says what each means.

A test holds these against the table of options in the library, so that neither has one that the other lacks.
"""
from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Optional, TypedDict, TypeVar, Union

from ._inputs import Input, Path
from ._method_options import Methods, Number
from .progress import Progress

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
else:  # of Python 3.11; before it only what looks at annotations needs a name
    try:
        from typing import Unpack as Unpack
    except ImportError:
        Unpack = Optional

Texts = Union[str, Iterable[str]]
Patterns = Union[str, re.Pattern[str], Iterable[Union[str, re.Pattern[str]]]]
Pairs = Union[Texts, Mapping[str, Any]]
Weights = Union[Texts, Mapping[str, Any]]
Dtype = Any  # "f16", torch.float16, numpy's, or {"all": "bf16", "vae": "f32", "/norm/": "f32"}
Size = Union[int, str]  # bytes, or "512M", "2GiB"


class Works(TypedDict, total=False):
    """How the work is done, and who learns of it."""

    hash_cache: Optional[Path]
    registry: Optional[Path]
    no_register: Optional[bool]
    notify: Optional[str]
    verify: Optional[bool]
    dry_run: Optional[bool]
    no_fsync: Optional[bool]
    memory: Optional[Size]
    threads: Optional[int]
    device: Optional[Any]
    gpu_memory: Optional[Size]
    progress: Progress


class Names(TypedDict, total=False):
    """How the file is called, and what form it has."""

    filename_prefix: Optional[str]
    format: Optional[str]
    wrap: Optional[str]


class Writes(Works, Names, total=False):
    """Of commands that write a checkpoint of others."""

    allow_expanded: Optional[bool]
    force: Optional[bool]


class Stores(TypedDict, total=False):
    """What becomes of tensors on their way into the file."""

    dtype: Optional[Dtype]
    half: Optional[bool]
    discard: Optional[Patterns]
    strip_prefix: Optional[Texts]
    rename: Optional[Pairs]
    add_prefix: Optional[Texts]
    mend: Optional[bool]
    copy_codes: Optional[bool]
    nan: Optional[str]
    underflow: Optional[str]
    rounding: Optional[str]
    seed: Optional[int]


class Makes(Writes, Stores, total=False):
    """Of commands that say themselves what the checkpoint is made of."""

    metadata: Optional[str]
    key: Optional[Pairs]
    set_metadata: Optional[Pairs]
    hash: Optional[bool]
    hash_inputs: Optional[bool]


class Lays(TypedDict, total=False):
    """Names of the result, and what lies beside the weights in a folder."""

    layout: Optional[str]
    config_from: Optional[Path]


class Folders(TypedDict, total=False):
    """Of a model's folder as output."""

    shard_size: Optional[Size]
    copy_code: Optional[bool]


class Adapts(TypedDict, total=False):
    """Adapters that are added, and how they are read."""

    lora: Optional[Texts]
    allow_unmatched: Optional[bool]
    tied: Optional[str]
    dora: Optional[str]


class Selects(TypedDict, total=False):
    """Of pipelines: which of their components."""

    component: Optional[Any]


class Saves(Works, Names, Stores, total=False):
    """Of ``save``, which has metadata and force of its own."""

    layout: Optional[str]
    part: Optional[Texts]
    prune: Optional[bool]
    ema: Optional[str]
    keep_names: Optional[bool]


class Chooses(TypedDict, total=False):
    """Of merges and averages: which tensors, and what of names that one side lacks."""

    config: Optional[str]
    save_recipe: Optional[Path]
    only: Optional[Patterns]
    exclude: Optional[Patterns]
    missing: Optional[str]
    extra: Optional[str]
    vocab: Optional[str]
    merge_buffers: Optional[bool]


class Merges(Makes, Chooses, Lays, Folders, Adapts, Selects, Methods, total=False):
    """Of ``merge`` and ``plan``, parameters of methods among them."""

    like: Optional[str]
    method: Optional[str]
    param: Optional[Pairs]
    mbw_presets: Optional[Path]
    mbw_preset: Optional[Texts]
    mbw: Optional[Union[Texts, Sequence[Number]]]
    base_alpha: Optional[Union[Number, Texts]]
    weight: Optional[Weights]
    formula: Optional[str]
    sweep: Optional[Pairs]
    vae: Optional[Input]
    expand: Optional[str]
    first_channels: Optional[Patterns]


class Plans(Merges, total=False):
    """Of ``plan``."""

    mergekit: Optional[Path]


class Runs(Writes, Folders, total=False):
    """Of ``run``."""

    models: Optional[Path]
    config_from: Optional[Path]
    save_recipe: Optional[Path]


class Converts(Makes, Lays, Folders, Selects, total=False):
    """Of ``convert``."""

    part: Optional[Texts]
    prune: Optional[bool]
    ema: Optional[str]
    keep_names: Optional[bool]
    from_unsafe: Optional[bool]
    config: Optional[str]
    save_recipe: Optional[Path]


class Bakes(Makes, Lays, Folders, Adapts, Selects, total=False):
    """Of ``bake``."""

    config: Optional[str]
    save_recipe: Optional[Path]


class Averages(Makes, Chooses, Lays, Folders, Selects, total=False):
    """Of ``average``."""

    beta: Optional[Number]
    gamma: Optional[Number]


class Loras(TypedDict, total=False):
    """Of ``lora``."""

    rank: Optional[int]
    conv_rank: Optional[int]
    clamp: Optional[Number]
    energy: Optional[Number]
    concat: Optional[bool]
    save_dtype: Optional[Dtype]
    spelling: Optional[str]
    registry: Optional[Path]
    no_register: Optional[bool]
    verify: Optional[bool]
    dry_run: Optional[bool]
    no_fsync: Optional[bool]
    memory: Optional[Size]
    threads: Optional[int]
    force: Optional[bool]
    progress: Progress


class Hashes(Selects, total=False):
    """Of ``hash``."""

    hash_cache: Optional[Path]
    registry: Optional[Path]
    threads: Optional[int]
    progress: Progress


class Scans(TypedDict, total=False):
    """Of ``scan``."""

    hash: Optional[bool]
    forget: Optional[bool]
    hash_cache: Optional[Path]
    threads: Optional[int]
    progress: Progress


Function = TypeVar("Function", bound=Callable[..., Any])
_FIRST = ("method", "alpha", "weights", "formula", "only", "dtype")  # what a merge is, before how it is done


def takes(options: Any) -> Callable[[Function], Function]:
    """Shows the keywords of ``options`` in the signature that ``help()``, editors and notebooks see, and what they mean in the
    docstring. Keywords that are not among them are passed on: the engine knows its options, and says which one may have been
    meant."""

    def with_signature(function: Function) -> Function:
        shown = inspect.signature(function)
        own = [parameter for parameter in shown.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
        kinds = _annotations(options)
        names = [name for name in _FIRST if name in kinds] + [name for name in kinds if name not in _FIRST]
        more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kinds[name]) for name in names]
        function.__signature__ = shown.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        if function.__doc__ is not None:
            explained = [parameter.name for parameter in own if parameter.kind is parameter.KEYWORD_ONLY]
            function.__doc__ = inspect.cleandoc(function.__doc__) + _explained(function.__name__, [*explained, *names])
        return function

    return with_signature


def _explained(function: str, names: list[str]) -> str:
    from ._meanings import MEANINGS

    command = "convert" if function == "save" else function
    lines = ["", "", "Keywords (None: not given):", ""]
    for name in names:
        meaning = MEANINGS.get(f"{command}.{name}") or MEANINGS.get(name)
        if name == "progress":
            meaning = "True, or a callable that is given each Event"
        if meaning is not None and not (function == "save" and name in ("metadata", "force")):
            lines += _wrapped(f"{name}: {meaning}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 111, initial_indent="    ", subsequent_indent="        ", break_long_words=False, break_on_hyphens=False)


def _annotations(options: Any) -> dict[str, str]:
    return {name: getattr(kind, "__forward_arg__", str(kind)) for name, kind in options.__annotations__.items()}
