# SPDX-License-Identifier: Apache-2.0
"""Nodes as NODE_CLASS_MAPPINGS, for a ComfyUI without comfy_api.latest."""
from __future__ import annotations

from typing import Sequence

from .node import Hidden, Node, Widget


class AnyType(str):
    """Fits every type: ComfyUI compares types with !=."""

    def __ne__(self, other):
        return False


def declared_input(widget: Widget) -> tuple:
    options = dict(widget.extra)
    if widget.tooltip:
        options["tooltip"] = widget.tooltip
    if widget.default is not None:
        options["default"] = widget.default
    return (list(widget.choices) if widget.kind == "COMBO" else widget.kind, options)


def node_class(node: Node) -> type:
    def input_types(cls):
        declared: dict = {"required": {}, "optional": {}, "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}}
        for widget in node.widgets():
            declared["optional" if widget.optional else "required"][widget.name] = declared_input(widget)
        return declared

    def run(self, prompt=None, extra_pnginfo=None, **values):
        result = node.run(values, Hidden(prompt, extra_pnginfo))
        return {"ui": {"text": [result.text]} if result.text else {}, "result": result.outputs}

    members = {
        "INPUT_TYPES": classmethod(input_types), "run": run, "FUNCTION": "run", "CATEGORY": node.category, "DESCRIPTION": node.description,
        "RETURN_TYPES": tuple(AnyType("*") if output.kind == "*" else output.kind for output in node.outputs),
        "RETURN_NAMES": tuple(output.name for output in node.outputs), "OUTPUT_NODE": node.is_output}
    if node.fingerprint:
        def is_changed(cls, prompt=None, extra_pnginfo=None, **values):
            return node.fingerprint(values)

        members["IS_CHANGED"] = classmethod(is_changed)
    return type(node.id, (), members)


def mappings(nodes: Sequence[Node]) -> tuple[dict[str, type], dict[str, str]]:
    return {node.id: node_class(node) for node in nodes}, {node.id: node.title for node in nodes}
