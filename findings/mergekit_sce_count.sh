#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mergekit 0.1.5, torch 2.15.0 (PyPI, CPU): how many elements sce keeps. sce_mask() counts the variances that are not 0 and takes
# int(count * select_topk), where the count is a tensor of int64 and select_topk a Python float.
#
# Expected: the product is that of Python, in float64, as of magnitude's int(density * x.numel()) in the same package.
# Seen: a tensor of integers times a float is of torch's default dtype, float32. Of shares of two decimals and counts up to 3,000
# the number that is kept is one more or one less than float64 gives in 168 of 2,871 pairs (0.29 of 100 is 29, not 28), and never
# more than that; 0.7 of 100,000,007 is four more. Who writes sce again from its formula keeps other elements.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check mergekit==0.1.5 transformers==5.24.0 torch==2.15.0 numpy==2.4.6

cat > look.py <<'END'
import torch
from mergekit.merge_methods.sce import sce_mask


def kept(count, share):
    # Two models, of which every element has a variance, each another.
    deltas = torch.stack([torch.zeros(count), torch.arange(1, count + 1, dtype=torch.float32)])
    return int(sce_mask(deltas, share, torch.float32).sum())


print("0.29 of 100:", kept(100, 0.29), "kept;", int(100 * 0.29), "in float64")
assert kept(100, 0.29) == 29 and int(100 * 0.29) == 28
apart = [kept(count, share / 100) - int(count * (share / 100)) for count in range(100, 3000, 100) for share in range(1, 100)]
print("of", len(apart), "pairs", sum(x != 0 for x in apart), "differ, by", sorted(set(apart)))
assert any(apart) and set(apart) <= {-1, 0, 1}
large = int(torch.tensor(100_000_007) * 0.7), int(100_000_007 * 0.7)
print("0.7 of 100,000,007:", large)
assert large[0] != large[1]
print("as described")
END
environment/bin/python look.py
