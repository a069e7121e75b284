# SPDX-License-Identifier: Apache-2.0
"""All nodes of this pack."""
from __future__ import annotations

from . import blocks, checkpoint_save, merges, model_merge, operations
from .node import Node


def nodes() -> list[Node]:
    return [model_merge.checkpoint_merge(), checkpoint_save.node(), *merges.nodes(), *operations.nodes(), *blocks.nodes()]
