# SPDX-License-Identifier: Apache-2.0
"""What only looks: inspect, hash, methods, doctor, describe; and opening a checkpoint."""
from __future__ import annotations

from typing import Optional

from . import _library
from ._inputs import Inputs, Operands, Path, path_text
from ._signatures import Hashes, Unpack, takes
from .checkpoint import Checkpoint, framework_for
from .merging import made
from .report import Report


def inspect(inputs: Inputs, *, blocks: Optional[bool] = None, component: Optional[str] = None, key: Optional[str] = None,
            registry: Optional[Path] = None) -> Report:
    """Tensors, dtypes, sizes and metadata of checkpoints, in ``files``. Reads headers and pickles, and runs nothing of them.

    ``blocks=True`` adds the blocks of the architecture; ``key`` says where in a PyTorch file its tensors are,
    ``component`` which of a pipeline's is meant.

    >>> found = inspect("A.safetensors").files[0]
    >>> found.tensors[0].name, found.tensors[0].dtype, found.tensors[0].shape
    ('w', 'F32', [2, 2])
    """
    operands = Operands()
    options = {"blocks": blocks, "component": component, "key": key, "registry": registry}
    return Report(made("inspect", operands.words(inputs), options, operands, None))


@takes(Hashes)
def hash(inputs: Inputs = (), *, check: Optional[Path] = None, **options: Unpack[Hashes]) -> Report:  # noqa: A001
    """SHA-256, AutoV1, AutoV2, AutoV3 and CRC32 of files, in ``files``; with ``check`` the files of a list of SHA-256 sums
    compared with it. Raises ``ckmerge.DifferenceError`` where one differs.

    >>> hash("A.safetensors").files[0].sha256[:4].isalnum()
    True
    """
    operands = Operands()
    given = dict(options)
    progress = options.get("progress")
    given.pop("progress", None)
    return Report(made("hash", operands.words(inputs), {**given, "check": check}, operands, progress))


def methods(name: Optional[str] = None) -> Report:
    """What each method computes, its parameters and where its definition comes from, in ``methods``.

    >>> [method.formula for method in methods("weighted_sum").methods]
    ['(1 - alpha) * A + alpha * B']
    """
    operands = Operands()
    return Report(made("methods", [] if name is None else [name], {}, operands, None))


def doctor(folder: Optional[Path] = None) -> Report:
    """What ckmerge finds on this machine, how files would be written in ``folder`` (default: this one), and what is in a merge's
    way (``problems``). To find out it makes a small file there and removes it.

    >>> doctor().problems is not None
    True
    """
    operands = Operands()
    return Report(made("doctor", [] if folder is None else [path_text(folder)], {}, operands, None))


def describe() -> Report:
    """All that a program needs to offer what ckmerge can do: ``commands``, ``options``, ``methods`` with their parameters,
    ``dtypes``, ``architectures`` with their blocks, ``exit_codes``.

    >>> "slerp" in [method.name for method in describe().methods]
    True
    """
    return Report(_library.described())


def open(path: Path, *, framework: Optional[str] = None, key: Optional[str] = None,  # noqa: A001
         registry: Optional[Path] = None) -> Checkpoint:
    """Opens a checkpoint as a mapping of names to arrays that are mapped and not copied.

    Args:
        path: a file of any form that ckmerge reads, or an ``@NAME``.
        framework: ``"numpy"``, ``"torch"`` or ``"memoryview"``; None is torch where the program has imported it, else numpy where
            it is installed.
        key: where in a PyTorch file its tensors are.

    Raises ``ckmerge.Error``.

    >>> with open("A.safetensors", framework="numpy") as checkpoint:
    ...     checkpoint["w"].tolist(), list(checkpoint), checkpoint.info("w").dtype
    ([[1.0, 2.0], [3.0, 4.0]], ['w'], 'F32')
    """
    chosen = framework_for(framework)
    document = inspect([path], key=key, registry=registry).to_dict()
    return Checkpoint(document["files"][0], chosen)
