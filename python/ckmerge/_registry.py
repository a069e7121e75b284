# SPDX-License-Identifier: Apache-2.0
"""The registry of known checkpoints: scan, list, show."""
from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Optional, Union

from ._inputs import Operands, Path, path_text
from ._signatures import Scans, Unpack, takes
from .merging import made
from .report import Report


@takes(Scans)
def scan(folders: Union[Path, Iterable[Path]] = (), *, registry: Optional[Path] = None, **options: Unpack[Scans]) -> Report:
    """Finds the checkpoints below folders, and keeps in the registry what their headers say. A folder may be an A1111 or ComfyUI
    installation; without any, those of earlier scans are looked through again.

    Args:
        folders: one or several.
        registry: the database; default: the user's.
        options: ``hash=True`` computes sums too, ``forget=True`` removes entries of what is gone.
    """
    operands = Operands()
    chosen = [folders] if isinstance(folders, (str, bytes, os.PathLike)) else list(folders)
    given: dict[str, Any] = {**options, "registry": registry}
    progress = given.pop("progress", None)
    return Report(made("scan", [path_text(folder) for folder in chosen], given, operands, progress))


class Registry:
    """A registry by its database. ``ckmerge.registry`` is the user's, which ``@NAME`` is looked up in."""

    def __init__(self, path: Optional[Path] = None) -> None:
        self._path = path

    def scan(self, folders: Union[Path, Iterable[Path]] = (), **options: Any) -> Report:
        """As ``ckmerge.scan``, into this registry."""
        return scan(folders, registry=self._path, **options)

    def list(self, *words: str) -> Report:
        """The checkpoints in whose title, path, architecture, kind or hash every word is found, in ``files``. Raises
        ``ckmerge.UsageError`` where there is no registry."""
        return Report(made("list", [*words], {"registry": self._path}, Operands(), None))

    def show(self, name: str) -> Report:
        """All that is known of one checkpoint, its lineage too. Raises ``ckmerge.UsageError``."""
        return Report(made("show", [name], {"registry": self._path}, Operands(), None))

    def __repr__(self) -> str:
        return f"Registry({str(self._path)!r})" if self._path is not None else "<the user's registry>"


registry = Registry()
"""The user's registry: ``ckmerge.registry.list("sdxl")``."""
