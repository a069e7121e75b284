# SPDX-License-Identifier: Apache-2.0
"""Block weights as sliders, a node for each architecture whose blocks are always the same, and for some models of others: what ComfyUI's ModelMergeSD1 and
its kin have, for files. Others have as many blocks as the file (Inspect a file lists them): their weights are typed into `block_weights`."""
from __future__ import annotations

import re
from typing import Any, Callable

from . import engine, widgets
from .node import Hidden, Node, Output, Result, Widget


def layers(letters: str, count: int) -> list[str]:
    return [f"{letters}{n:02}" for n in range(count)]


# Models of architectures whose tables have no number of layers. They are as many as the sliders of ComfyUI's own node of the model.
MODELS = {
    "SD 3 Medium": ["EMBED", *layers("IN", 24), "OUT"],  # ModelMergeSD3_2B
    "SD 3.5 Large": ["EMBED", *layers("IN", 38), "OUT"],  # ModelMergeSD35_Large
    "AuraFlow": ["IN", *layers("D", 4), *layers("S", 32), "OUT"],  # ModelMergeAuraflow
    "Wan 2.1 14B": ["IN", *layers("B", 40), "OUT"],  # ModelMergeWAN2_1
    "Qwen-Image": ["IN", *layers("T", 60), "OUT"],  # ModelMergeQwenImage
}


def as_list(numbers: dict[str, str]) -> str:
    """All blocks of an architecture, in their order."""
    return ",".join(numbers.values())


def as_lines(numbers: dict[str, str]) -> str:
    """These blocks, whatever else a file has."""
    return "\n".join(f"{block}={number}" for block, number in numbers.items())


def node(name: str, title: str, blocks: list[str], written: Callable[[dict[str, str]], str]) -> Node:
    def sliders() -> list[Widget]:
        return [Widget(block, "FLOAT", 0.5, extra={"min": -10.0, "max": 10.0, "step": 0.01, "round": False}) for block in blocks]

    def run(values: dict[str, Any], hidden: Hidden) -> Result:
        return Result((written({block: widgets.spelled(values[block]) for block in blocks}),))

    return Node(f"ckmerge_blocks_{re.sub('[^a-z0-9]+', '_', name.lower())}", f"Block weights: {name}", "ckmerge", f"A number for each block of {title}, for "
                "`block_weights` of a node that merges files. It is the method's first number: alpha, the share of B.", sliders,
                (Output("STRING", "block_weights"),), run)


def nodes() -> list[Node]:
    tables: dict[str, tuple[list[str], list[str]]] = {}
    for architecture in engine.tables()["architectures"]:
        if architecture["blocks"]:
            tables.setdefault(architecture["table"], ([], architecture["blocks"]))[0].append(architecture["name"])
    return [*(node(table, f"{table} ({', '.join(architectures)})", blocks, as_list) for table, (architectures, blocks) in tables.items()),
            *(node(model, model, blocks, as_lines) for model, blocks in MODELS.items() if model not in tables)]
