# SPDX-License-Identifier: Apache-2.0
"""Parameters of merge methods as keywords, as _signatures.py has the options of commands."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, TypedDict, Union

Number = Union[int, float]
Numbers = Union[Sequence[Number], str, Mapping[str, Any]]  # one for each checkpoint


class Methods(TypedDict, total=False):
    """Of ``merge`` and ``plan``: what ``ckmerge methods`` lists."""

    alpha: Optional[Number]
    beta: Optional[Number]
    gamma: Optional[Number]
    density: Optional[Number]
    densities: Optional[Numbers]
    gammas: Optional[Numbers]
    rescale: Optional[bool]
    base: Optional[bool]
    eps: Optional[Number]
    epsilon: Optional[Number]
    epsilons: Optional[Numbers]
    mergekit_masks: Optional[bool]
    mergekit_order: Optional[bool]
    select_topk: Optional[Number]
    k: Optional[Number]
    vote_sgn: Optional[bool]
    apply_stock: Optional[bool]
    apply_median: Optional[bool]
    probability: Optional[Number]
    della_eps: Optional[Number]
    overlap_average: Optional[bool]
    max_iter: Optional[Number]
    tol: Optional[Number]
    ftol: Optional[Number]
    r: Optional[Number]
    decay: Optional[Number]
    threshold: Optional[Number]
    least: Optional[Number]
    stiffness: Optional[Number]
    weights: Optional[Numbers]
    normalize: Optional[bool]
    columns: Optional[bool]
    rows: Optional[bool]
    flatten: Optional[bool]
    row_wise: Optional[bool]
    filter_wise: Optional[bool]
    common: Optional[Number]
    elect: Optional[bool]
    head_channels: Optional[Number]
    alignment: Optional[Number]
    centralization: Optional[Number]
    rank: Optional[Number]
    width: Optional[Number]
    offset: Optional[Number]
    tilt: Optional[Number]
