# SPDX-License-Identifier: Apache-2.0
"""Documents of ckmerge as the few lines that a node has room for."""
from __future__ import annotations

import os
import re
from typing import Any, Mapping

LONGEST_LIST = 20
# What nodes of these commands are called; of others, what commands are.
NODES = {"merge": "Merge files", "plan": "Plan a merge of files", "convert": "Convert a file", "bake": "Bake a VAE into a file",
         "compose": "Compose a checkpoint of files", "average": "Average files"}


def title(command: str) -> str:
    return NODES.get(command, f"{command.capitalize()} files")


# How ckmerge's sentences speak, of the command line's options or of Python's keywords, and how a node does: of its own widgets and of those of the node
# Options. OPTION is how an option begins that is a word of its own.
OPTION = r"(?<![\w./-])--"
SPOKEN = tuple((re.compile(pattern), told) for pattern, told in (
    (r"; use (?:-f|force=True) to replace it", "; give another filename_prefix"),
    (r"; name another folder with (?:-o DIR|output=[^ ;]*)", "; give a filename_prefix without .. and without links that lead out of it"),
    (r"name the file with (?:-o FILE|output=[^ ;]*)", "give another filename_prefix"),
    (r"(?<= is given); (?:`ckmerge [^`]*`|ckmerge\.\w+\([^)]*\))", "; choose one in the node"),
    (r"`ckmerge convert --mend`|ckmerge\.convert\(\.\.\., mend=True\)", "the node Convert a file, with `mend` in Options,"),
    (r"`ckmerge (bake|compose|merge) [^`]*`|ckmerge\.(bake|compose|merge)\([^)]*\)", lambda found: f"the node {title(found[1] or found[2])}"),
    (r"`ckmerge methods NAME`|ckmerge\.methods\(NAME\)", "the node's help"),
    (r"""(?:--|\b)dtype(?: |=\{")(unet|te|vae)(?:=\.\.\.|": \.\.\.\})(?=:)""", r"dtype_\1"),
    (r"(?:--|\b)dtype of parts", "dtype_unet, dtype_te or dtype_vae"),
    (OPTION + r"(?:weight|mbw)\b|^(?:weight|mbw)(?=:)|^mbw(?=[ =]')", "block_weights"),
    (r"^weight(?= ')", "block_weights:"),
    (r"^weight(?==')", "block_weights"),
    (rf"(?:{OPTION}|^)param (?=[A-Za-z_]+:)", ""),
    (OPTION + r"param\b|^param(?=:)", "parameters"),
    (OPTION + r"([a-z0-9]+(?:-[a-z0-9]+)*)", lambda found: found[1].replace("-", "_")),
    (r"(?<!['\w])([a-z_]+)=True\b", r"\1"),
    (r"""(?<!['\w])([a-z_]+)="([^"]*)\"""", r"\1 \2"),
    (r"(?<!['\w])([a-z_]+)=(?=')", r"\1 "),
))


def spoken(sentence: str) -> str:
    """A sentence of ckmerge's in the words of a node."""
    for pattern, told in SPOKEN:
        sentence = pattern.sub(told, sentence)
    return sentence


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
    return listed([f"warning: {spoken(warning if isinstance(warning, str) else warning['message'])}" for warning in document.get("warnings", [])])


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
