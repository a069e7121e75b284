# SPDX-License-Identifier: Apache-2.0
"""What is done with one checkpoint, its parts or its snapshots: convert, bake, compose, average; and saving a state dict."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, cast

from ._inputs import Input, Inputs, Operands, Path, StateDict, path_text
from ._options import metadata_fields
from ._signatures import Averages, Bakes, Converts, Loras, Makes, Saves, Unpack, takes
from .checkpoint import Checkpoint
from .errors import UsageError
from .merging import written
from .report import Report


@takes(Converts)
def convert(input: Input, output: Optional[Path] = None, **options: Unpack[Converts]) -> Report:
    """Writes a checkpoint in another form (by the extension of ``output``), dtype or selection.

    >>> convert("A.safetensors", "small.safetensors", dtype="f16", force=True).counts.convert
    1
    """
    operands = Operands()
    return written("convert", [operands.word(input, "A")], output, options, operands)


@takes(Bakes)
def bake(input: Input, output: Optional[Path] = None, *, vae: Optional[Input] = None, **options: Unpack[Bakes]) -> Report:
    """Writes a checkpoint with the tensors of ``vae`` in the place of its own, and with the adapters ``lora`` (paths, each with a
    strength behind a colon: ``"style.safetensors:0.8"``) added. Raises ``ckmerge.MismatchError`` where the checkpoint has no
    place for them."""
    operands = Operands()
    word = operands.word(input, "A")
    return written("bake", [word], output, {**options, "vae": None if vae is None else operands.word(vae, "vae")}, operands)


@takes(Makes)
def compose(output: Optional[Path] = None, *, unet: Optional[Input] = None, te: Optional[Input] = None,
            te2: Optional[Input] = None, te3: Optional[Input] = None, vae: Optional[Input] = None,
            layout: Optional[str] = None, **options: Unpack[Makes]) -> Report:
    """Makes one checkpoint of separate files, named as those of SD 1, SD 2, SDXL, SD3, Flux and others are. Which text encoder
    a file holds is told by its tensors."""
    operands = Operands()
    components = {"unet": unet, "te": te, "te2": te2, "te3": te3, "vae": vae}
    words = {name: operands.word(given, name) for name, given in components.items() if given is not None}
    return written("compose", [], output, {**options, **words, "layout": layout}, operands)


@takes(Loras)
def lora(recipe: str, inputs: Inputs, output: Optional[Path] = None, **options: Unpack[Loras]) -> Report:
    """Makes a LoRA. ``recipe`` is ``"extract"`` (``inputs``: a tuned checkpoint and its base), ``"merge"`` (LoRAs, each with its
    strength behind a colon: ``"style.safetensors:0.7"``) or ``"resize"`` (one LoRA). The report has ``kept``, the share of the
    energy that is kept in all, and ``modules`` with that of each."""
    operands = Operands()
    return written("lora", [recipe, *operands.words(inputs)], output, options, operands)


@takes(Averages)
def average(inputs: Inputs, output: Optional[Path] = None, **options: Unpack[Averages]) -> Report:
    """Averages any number of snapshots of one training. ``beta`` makes it an exponential moving average in the order given,
    ``gamma`` a power-function average.

    >>> average(["A.safetensors", "B.safetensors"], "mean.safetensors", force=True).method
    'linear'
    """
    operands = Operands()
    return written("average", operands.words(inputs), output, options, operands)


@takes(Saves)
def save(tensors: StateDict, path: Path, *, metadata: Optional[Mapping[str, str]] = None, force: bool = True,
         **options: Unpack[Saves]) -> Report:
    """Writes a dict of numpy arrays or torch tensors: a ``save_file`` that converts, is atomic and keeps no second copy.

    Args:
        tensors: names to arrays, tensors on any device, ``Lazy``, or objects with ``dtype``, ``shape`` and
            ``read_into(offset, memoryview)``. Or what has a ``state_dict()``.
        path: ``.safetensors``, or ``.ckpt``, ``.pt``, ``.pth``, ``.bin`` for torch's form. Replaced if it exists, as ``save_file``
            does, unless ``force=False``.
        metadata: texts to texts, written as they are and alone. None: the file has none.
        options: those of ``convert``: ``dtype`` among them, which rounds once while writing. Names are kept, codes of quantizers
            are copied, and the file is not registered unless ``keep_names``, ``copy_codes`` and ``no_register`` say so.

    Returns a Report. Raises ``ckmerge.UsageError`` for values that are no tensors.

    >>> import numpy
    >>> save({"w": numpy.zeros((2, 3), "f4")}, "zeros.safetensors", dtype="f16", metadata={"title": "zeros"}).output.tensors
    1
    """
    if "set_metadata" in options:
        raise UsageError("save takes the whole metadata as metadata={...}, and no set_metadata", where="set_metadata")
    operands = Operands()
    is_replaced = isinstance(tensors, Checkpoint) and tensors.is_file(path_text(path))
    word = operands.word(cast(Checkpoint, tensors).stored() if is_replaced else tensors, "tensors")
    given: dict[str, Any] = {"metadata": "set", "keep_names": True, "copy_codes": True, "no_register": True, **options, "force": force}
    given["set_metadata"] = _fields(metadata or {})
    # The option is ours where the caller did not give it.
    idle = "" if options.get("copy_codes") else "--copy-codes changes nothing"
    return written("convert", [word], path, given, operands, idle)


def _fields(metadata: Mapping[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise UsageError(f"metadata is texts to texts, and {key!r} is {type(value).__name__} under {type(key).__name__}; "
                             "make both texts", where="metadata")
    return metadata_fields(metadata, "metadata")
