# SPDX-License-Identifier: Apache-2.0
"""Options of mergekit's programs as keywords, as _signatures.py has those of the other commands."""
from __future__ import annotations

from typing import Optional

from ._inputs import Path
from ._signatures import Size, Works


class Mergekits(Works, total=False):
    """Of ``mergekit``."""

    force: Optional[bool]
    allow_expanded: Optional[bool]
    save_recipe: Optional[Path]
    nan: Optional[str]
    underflow: Optional[str]
    rounding: Optional[str]
    seed: Optional[int]
    hash: Optional[bool]
    hash_inputs: Optional[bool]
    copy_code: Optional[bool]
    out_path: Optional[Path]
    out_shard_size: Optional[Size]
    copy_tokenizer: Optional[bool]
    write_model_card: Optional[bool]
    tensor_union: Optional[bool]
    tensor_intersection: Optional[bool]
    unsafe_truncate_embeddings: Optional[bool]
    random_seed: Optional[int]
    masks: Optional[str]
    order: Optional[str]
    transformers_cache: Optional[Path]
    safe_serialization: Optional[bool]
    num_threads: Optional[int]
    allow_crimes: Optional[bool]
    clone_tensors: Optional[bool]
    lazy_unpickle: Optional[bool]
    low_cpu_memory: Optional[bool]
    read_to_gpu: Optional[bool]
    multi_gpu: Optional[bool]
    async_write: Optional[bool]
    write_threads: Optional[str]
    trust_remote_code: Optional[bool]
    lora_merge_cache: Optional[str]
    lora_merge_dtype: Optional[str]
    cuda: Optional[bool]
    gpu_rich: Optional[bool]
    intermediate_dir: Optional[str]
    lazy: Optional[bool]
