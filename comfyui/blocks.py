# SPDX-License-Identifier: Apache-2.0
"""Block weights as sliders, a node for each architecture whose blocks are always the same: what ComfyUI's ModelMergeSD1 and its kin have, for
files. Others have as many blocks as the file (Inspect a file lists them): their weights are typed into `block_weights`."""
from __future__ import annotations

import re
from typing import Any

from . import engine, widgets
from .node import Hidden, Node, Output, Result, Widget


def node(table: str, architectures: list[str], blocks: list[str]) -> Node:
    def sliders() -> list[Widget]:
        return [Widget(block, "FLOAT", 0.5, extra={"min": -10.0, "max": 10.0, "step": 0.01, "round": False}) for block in blocks]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        return Result((",".join(widgets.spelled(values[block]) for block in blocks),))

    title = f"{table} ({', '.join(architectures)})"
    return Node(f"ckmerge_blocks_{re.sub('[^a-z0-9]+', '_', table.lower())}", f"Block weights: {table}", "ckmerge", f"A number for each block of {title}, for "
                "`block_weights` of a node that merges files. It is the method's first number: alpha, the share of B.", sliders,
                (Output("STRING", "block_weights"),), run)


def nodes() -> list[Node]:
    tables: dict[str, tuple[list[str], list[str]]] = {}
    for architecture in engine.tables()["architectures"]:
        if architecture["blocks"]:
            tables.setdefault(architecture["table"], ([], architecture["blocks"]))[0].append(architecture["name"])
    return [node(table, architectures, blocks) for table, (architectures, blocks) in tables.items()]
