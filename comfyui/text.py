# SPDX-License-Identifier: Apache-2.0
"""Documents of ckmerge as the few lines that a node has room for."""
from __future__ import annotations

import os
from typing import Any, Mapping

LONGEST_LIST = 20


def size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def listed(lines: list[str]) -> list[str]:
    return lines if len(lines) <= LONGEST_LIST else [*lines[:LONGEST_LIST], f"... and {len(lines) - LONGEST_LIST} more"]


def counts(document: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in document.get("counts", {}).items() if count)


def warnings(document: Mapping[str, Any]) -> list[str]:
    return listed([f"warning: {warning if isinstance(warning, str) else warning['message']}" for warning in document.get("warnings", [])])


def plan(document: Mapping[str, Any]) -> str:
    """What would be done."""
    lines = [term["text"] for term in document.get("graph", [])][-1:] or [str(document.get("method", ""))]
    lines += [f"{os.path.basename(file['path'])}: {file['tensors']} tensors, {size(file['size'])}" for file in document.get("inputs", [])]
    outputs = document.get("outputs") or [document["output"]]
    lines += [f"the result: {output['tensors']} tensors, {size(output['size'])}" for output in outputs]
    lines.append(counts(document))
    lines += [f"pass {one['name']}: {one['tensors']} tensors, {size(one['bytes_to_read'])} to read" for one in document.get("passes", [])]
    return "\n".join(lines + warnings(document) + ["Nothing was written."])


def report(document: Mapping[str, Any], name: str) -> str:
    """What was done."""
    output = document["output"]
    return "\n".join([f"{name}: {output['tensors']} tensors, {size(output['size'])}", counts(document), *warnings(document)])


def inspected(file: Mapping[str, Any]) -> str:
    lines = [f"{len(file['tensors'])} tensors, {file['parameters']:,} parameters, {size(file['size'])}, {file['form']}"]
    lines += [f"{dtype}: {held['tensors']} tensors, {size(held['size'])}" for dtype, held in file["dtypes"].items()]
    for kind in ("quantized", "adapter"):
        if file.get(kind):
            lines.append(f"{kind}: {file[kind]}")
    lines += [f"block {block['name']}: {block['tensors']} tensors" for block in file.get("blocks", [])]
    lines += [f"{key} = {value if len(value) <= 200 else value[:200] + '...'}" for key, value in (file.get("metadata") or {}).items()]
    shown = [f"{tensor['name']} {tensor['dtype']} {tensor['shape']}" for tensor in file["tensors"]]
    return "\n".join(lines + listed(shown))
