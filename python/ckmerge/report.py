# SPDX-License-Identifier: Apache-2.0
"""What calls return: the documents that ``--json`` prints, with attributes, and tables for notebooks."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LISTED = 20  # rows of a table in a notebook; the document has all
_TOLD = 6  # of them in a repr


def _seen(value: Any) -> Any:
    if isinstance(value, dict):
        return Report(value)
    if isinstance(value, list):
        return [_seen(item) for item in value]
    return value


class Report(Mapping[str, Any]):
    """A document of ``--json`` (docs/cli.md, "JSON"). Its keys are attributes too, and so are those of what is in it.

    >>> report = Report({"output": {"path": "out.safetensors", "size": 2048}, "warnings": []})
    >>> report.output.size, report["output"]["path"]
    (2048, 'out.safetensors')
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._views: dict[str, Any] = {}

    def to_dict(self) -> dict[str, Any]:
        """The document itself: dicts, lists, texts, numbers and None."""
        return self._document

    def __getitem__(self, key: str) -> Any:
        if key not in self._views:
            self._views[key] = _seen(self._document[key])
        return self._views[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._document:
            raise AttributeError(f"this document has no '{name}'; it has {', '.join(self._document)}"
                                 if not name.startswith("_") else name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._document)

    def __len__(self) -> int:
        return len(self._document)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._document]

    def __reduce__(self) -> Any:
        return type(self), (self._document,)

    def __repr__(self) -> str:
        rows = _summary(self._document)
        told = ", ".join([*(f"{name}: {value}" for name, value in rows[:_TOLD]), *(["..."] if len(rows) > _TOLD else [])])
        return f"<{type(self).__name__} {told}>" if told else f"<{type(self).__name__} of {', '.join(self._document)}>"

    def _repr_html_(self) -> str:
        return _html(self._document, type(self).__name__)


class Plan(Report):
    """What a merge would do: ``steps``, ``size``, ``sizes``, ``passes``, ``warnings``, without a byte of a tensor read.

    Of a sweep ``outputs`` has a plan for each output, and ``steps``, ``passes`` and ``warnings`` are those of all of them.
    """

    @property
    def outputs(self) -> list[Plan]:
        """A plan for each output of a sweep; of other merges this one alone."""
        if "outputs" not in self._document:
            return [self]
        return [Plan(document) for document in self._document["outputs"]]

    @property
    def passes(self) -> list[Any]:
        """The readings of the inputs, in order: ``name``, ``tensors``, ``bytes_to_read`` and ``methods``."""
        return [Report(found) for document in self._documents() for found in document.get("passes", [])]

    @property
    def warnings(self) -> list[str]:
        """What ``merge`` would warn of."""
        documents = [self._document, *self._document.get("outputs", [])]
        return list(dict.fromkeys(sentence for document in documents for sentence in document.get("warnings", [])))

    def _documents(self) -> list[Any]:
        return list(self._document.get("outputs", [self._document]))

    @property
    def steps(self) -> list[Any]:
        """One for each tensor of the output, in the order of the file: ``name``, ``dtype``, ``shape``, ``action``,
        ``sources``, ``offset`` and ``size``."""
        return [Report(step) for document in self._documents() for step in document.get("tensors", [])]

    @property
    def sizes(self) -> list[int]:
        """Of each output, in bytes."""
        return [int(document["output"]["size"]) for document in self._documents()]

    @property
    def size(self) -> int:
        """Of the output, or of all outputs of a sweep, in bytes."""
        return sum(self.sizes)


def _size(count: Any) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _recipe(document: dict[str, Any]) -> str:
    formula = document.get("formula")
    if formula:
        return str(formula["text"])
    numbers = ", ".join(f"{name} {value}" for name, value in (document.get("parameters") or {}).items())
    return f"{document.get('method', '')}{', ' if numbers else ''}{numbers}"


def _summary(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What a person looks for first."""
    rows = [("file", f"{path}, {told}") for path, told in _files(document)] + _methods(document)
    if document.get("method"):
        rows.append(("method", _recipe(document)))
    output = document.get("output")
    if isinstance(output, dict):
        rows.append(("output", str(output.get("path") or "nowhere yet")))
        rows.append(("tensors", f"{output['tensors']:,}"))
        rows.append(("size", _size(output["size"])))
    for output in (document.get("outputs") or [])[:_LISTED]:
        rows.append(("output", f"{output['output'].get('path') or 'nowhere yet'}, {_size(output['output']['size'])}"))
    if document.get("bytes_to_read"):
        rows.append(("reads", _size(document["bytes_to_read"])))
    run = document.get("run")
    if isinstance(run, dict):
        rows.append(("took", f"{run['seconds']:.2f} s"))
    return rows


def _files(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Of ``inspect``, ``hash`` and lists: each file, and what was found of it."""
    files = document.get("files", [document] if isinstance(document.get("tensors"), list) and "path" in document else [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        return []
    return [(str(file.get("path") or file.get("name")), _of_file(file)) for file in files[:_LISTED]]


def _of_file(file: dict[str, Any]) -> str:
    tensors, dtypes, told = file.get("tensors"), file.get("dtypes"), []
    for count, word in ((len(tensors) if isinstance(tensors, list) else tensors, "tensor"), (file.get("parameters"), "parameter")):
        if isinstance(count, int):
            told.append(f"{count:,} {word}{'' if count == 1 else 's'}")
    told.append(", ".join(dtypes) if isinstance(dtypes, dict) else "")
    told.append(_size(file["size"]) if isinstance(file.get("size"), int) else "")
    told.append(str(file.get("architecture") or ""))
    told.append(f"SHA-256 {file['sha256'][:10]}" if file.get("sha256") else "")
    return ", ".join(item for item in told if item)


def _methods(document: dict[str, Any]) -> list[tuple[str, str]]:
    found = document.get("methods")
    if not isinstance(found, list) or not all(isinstance(method, dict) and "formula" in method for method in found):
        return []
    return [("method", f"{method['name']}, {method['formula']}") for method in found]


def _table(rows: Any, head: tuple[str, ...] = ()) -> str:
    from html import escape  # slow to import, and for notebooks alone

    def cells(row: Any, tag: str) -> str:
        return "".join(f"<{tag} style='text-align:left'>{escape(str(cell))}</{tag}>" for cell in row)

    top = f"<tr>{cells(head, 'th')}</tr>" if head else ""
    return "<table>" + top + "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows) + "</table>"


def _html(document: dict[str, Any], title: str) -> str:
    rows = _summary(document) or [(key, _short(value)) for key, value in document.items()]
    parts = [f"<b>{title}</b>", _table(rows)]
    inputs = document.get("inputs")
    if isinstance(inputs, list) and inputs and isinstance(inputs[0], dict):
        parts.append(_table([(item.get("path"), item.get("tensors"), _size(item.get("size") or 0)) for item in inputs[:_LISTED]],
                            ("input", "tensors", "size")))
    if isinstance(document.get("counts"), dict):
        parts.append(_table([(name, f"{count:,}") for name, count in document["counts"].items() if count],
                            ("what becomes of them", "tensors")))
    warned = document.get("warnings") or []
    if warned:
        parts.append(_table([(sentence,) for sentence in warned[:_LISTED]], ("warnings",)))
    return "".join(parts)


def _short(value: Any) -> str:
    text = f"{len(value):,} entries" if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 100 else text[:97] + "..."
