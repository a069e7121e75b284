# SPDX-License-Identifier: Apache-2.0
"""ckmerge's nodes for ComfyUI: checkpoints are merged file by file, without loading them.

Nodes are plain data (node.py). comfy_api.latest makes classes of them (v3.py); where a ComfyUI is too old to have it, v1.py does.
NODE_CLASS_MAPPINGS exists only then: ComfyUI takes nothing else of a module that has it.
"""
from __future__ import annotations

import importlib

try:
    importlib.import_module("ckmerge")
except ImportError as error:
    raise ImportError("ckmerge's nodes need the package ckmerge: python -m pip install -r requirements.txt") from error

from . import blocks, checkpoint_save, merges, model_merge, operations
from .node import Node

WEB_DIRECTORY = "./web"


def nodes() -> list[Node]:
    """All nodes of this pack."""
    return [model_merge.checkpoint_merge(), checkpoint_save.node(), *merges.nodes(), *operations.nodes(), *blocks.nodes()]


try:
    from comfy_api.latest import ComfyExtension
except ImportError:
    from . import v1

    NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS = v1.mappings(nodes())
    __all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
else:
    from . import v3

    class Extension(ComfyExtension):
        async def get_node_list(self):
            return [v3.node_class(node) for node in nodes()]

    async def comfy_entrypoint():
        return Extension()

    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
