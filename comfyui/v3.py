# SPDX-License-Identifier: Apache-2.0
"""Nodes as classes of comfy_api.latest."""
from __future__ import annotations

from comfy_api.latest import io

from .node import Hidden, Node, Output, Widget

WIDGETS = {"COMBO": io.Combo, "FLOAT": io.Float, "INT": io.Int, "BOOLEAN": io.Boolean, "STRING": io.String}


def declared_input(widget: Widget):
    common = {"optional": widget.optional, "tooltip": widget.tooltip or None}
    if widget.kind not in WIDGETS:
        return io.Custom(widget.kind).Input(widget.name, **common)
    if widget.kind == "COMBO":
        common["options"] = list(widget.choices)
    if widget.default is not None:
        common["default"] = widget.default
    return WIDGETS[widget.kind].Input(widget.name, **common, **widget.extra)


def declared_output(output: Output):
    kind = io.AnyType if output.kind == "*" else io.Custom(output.kind)
    return kind.Output(display_name=output.name, tooltip=output.tooltip or None)


def node_class(node: Node) -> type:
    class Made(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(node_id=node.id, display_name=node.title, category=node.category, description=node.description,
                             inputs=[declared_input(widget) for widget in node.widgets()],
                             outputs=[declared_output(output) for output in node.outputs],
                             hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo], is_output_node=node.is_output)

        @classmethod
        def execute(cls, **values):
            result = node.run(values, Hidden(cls.hidden.prompt, cls.hidden.extra_pnginfo))
            return io.NodeOutput(*result.outputs, ui={"text": [result.text]} if result.text else None)

    if node.fingerprint:
        def fingerprint_inputs(cls, **values):
            return node.fingerprint(values)

        Made.fingerprint_inputs = classmethod(fingerprint_inputs)
    Made.__name__ = Made.__qualname__ = node.id
    return Made
