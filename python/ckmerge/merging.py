# SPDX-License-Identifier: Apache-2.0
"""``merge``, ``plan`` and ``run``, and the call that all commands are."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

from . import _call
from ._inputs import Input, Inputs, Operands, Path, path_text
from ._mergekit_options import Mergekits
from ._options import request_options
from ._signatures import Merges, Plans, Runs, Unpack, takes
from .progress import Progress
from .report import Plan, Report


def call(command: str, inputs: Inputs = (), *, progress: Progress = None, **options: Any) -> Report:
    """Any command of the program, by its name: what all other functions stand on.

    Args:
        command: ``"merge"``, ``"convert"``, ...; ``ckmerge.describe().commands`` has them all.
        inputs: the command's operands: one or several paths, ``@NAME``\\ s or dicts of tensors, or a dict of names to these.
        progress: True, or a callable that is given an ``Event``.
        options: those of the command line, with ``_`` for ``-``. What is None is not given.

    Returns the document that ``--json`` prints. Raises ``ckmerge.Error``.

    >>> call("methods", ["slerp"]).methods[0].name
    'slerp'
    """
    operands = Operands()
    words = operands.words(inputs)
    return Report(made(command, words, options, operands, progress))


def made(command: str, words: list[str], options: Mapping[str, Any], operands: Operands, progress: Progress,
         warn: bool = True, leave_out: str = "") -> dict[str, Any]:
    """The document of a call whose operands are words already."""
    request = request_options(options, operands)
    return _call.call(command, words, request, operands.tables, operands.caller, progress, warn, leave_out)


def written(command: str, words: list[str], output: Optional[Path], given: Mapping[str, Any], operands: Operands,
            leave_out: str = "") -> Report:
    """Of a command that writes ``output``: its report, or its plan where ``dry_run`` was given."""
    options = dict(given)
    progress: Any = options.pop("progress", None)
    if output is not None:
        options["output"] = path_text(output)
    only_plan = bool(options.get("dry_run"))
    document = made(command, words, options, operands, progress, not only_plan, leave_out)
    return Plan(document) if only_plan else Report(document)


@takes(Merges)
def merge(inputs: Inputs, output: Optional[Path] = None, **options: Unpack[Merges]) -> Report:
    """Merges checkpoints tensor by tensor into ``output``, in constant memory. ``output`` is complete when this returns,
    and untouched when it raises; but what ``progress`` raises at ``"finish"``, and a warning that is an error, come after
    the work, and the complete file stays.

    Args:
        inputs: two or more paths, ``@NAME``\\ s of registered checkpoints, or dicts of numpy arrays or torch tensors; with
            ``formula`` also a dict of names to these.
        output: the file to write, or a folder; that of a merge is then named as A1111 names it.
        options: those of ``ckmerge merge`` (docs/cli.md), with ``_`` for ``-``. Numbers by block or name may be a dict:
            ``weights={"IN04": 0.2, "/attn2/": 0}``, or of one parameter ``weights={"alpha": {"OUT*": [0, 1]}}``; and so may
            ``param``, ``sweep``, ``set_metadata`` and ``dtype`` (``{"all": "bf16", "vae": "f32", "/norm/": "f32"}``).
            ``memory`` is in bytes, or ``"512M"``. ``progress`` is True or a callable; what it raises stops the merge.

    Returns a Report, with ``dry_run=True`` a Plan. Warnings are issued as ``ckmerge.Warning``. Raises ``ckmerge.Error``.

    >>> report = merge(["A.safetensors", "B.safetensors"], "out.safetensors", alpha=0.3, force=True)
    >>> report.method, report.counts.merge
    ('weighted_sum', 1)
    """
    operands = Operands()
    return written("merge", operands.words(inputs), output, options, operands)


@takes(Plans)
def plan(inputs: Inputs, output: Optional[Path] = None, **options: Unpack[Plans]) -> Plan:
    """What ``merge`` with the same arguments would do, or everything that stands against it. Reads headers and writes
    nothing. Of a recipe (.yaml) it is what ``run`` would do.

    >>> planned = plan(["A.safetensors", "B.safetensors"], method="slerp", alpha=0.5)
    >>> planned.steps[0].name, planned.steps[0].action, planned.size > 16
    ('w', 'merge', True)
    """
    operands = Operands()
    made_of = dict(options)
    progress: Any = made_of.pop("progress", None)
    if output is not None:
        made_of["output"] = path_text(output)
    return Plan(made("plan", operands.words(inputs), made_of, operands, progress, warn=False))


@takes(Mergekits)
def mergekit(recipe: Path, output: Optional[Path] = None, **options: Unpack[Mergekits]) -> Report:
    """Merges what ``recipe``, a configuration of mergekit (.yml), says into the folder ``output``, as mergekit-yaml,
    mergekit-pytorch and mergekit-multi do, whose options are taken (docs/from-mergekit.md)."""
    return written("mergekit", [path_text(recipe)], output, options, Operands())


@takes(Runs)
def run(recipe: Path, output: Optional[Path] = None, inputs: Optional[Union[Mapping[str, Input], Sequence[Input]]] = None,
        **options: Unpack[Runs]) -> Report:
    """Repeats the merge that the file ``recipe`` records, or runs a recipe file (.yaml).

    Args:
        recipe: a merged checkpoint, or a recipe file.
        output: the file to write, or a folder.
        inputs: letters or names to inputs, ``{"A": "base.safetensors"}``, or inputs in order.
        options: those of ``ckmerge run``; ``models`` is a folder in which inputs that are not given are looked for.

    >>> run("out.safetensors", "again.safetensors", {"A": "A.safetensors", "B": "B.safetensors"}, force=True).verified
    False
    """
    operands = Operands()
    words = [recipe if isinstance(recipe, str) and recipe.startswith("@") else path_text(recipe)]
    if isinstance(inputs, (list, tuple)) and all(isinstance(word, str) for word in inputs):
        words += inputs  # "A=base.safetensors", as on the command line
    else:
        words += operands.words(inputs if inputs is not None else [])
    return written("run", words, output, options, operands)
