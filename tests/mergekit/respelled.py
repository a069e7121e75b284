# SPDX-License-Identifier: Apache-2.0
"""The other names that transformers knows of a model: what was loaded under them is saved under them. record.py has the real
one load both and holds them to be the same model."""
import re

RENAMED = {
    "gemma3": [("vision_tower.", "vision_tower.vision_model.")],
    "llava": [("vision_tower.", "vision_tower.vision_model.")],
    "qwen2.5-vl": [("model.", "model.language_model."), ("visual.", "model.visual.")],
    "gpt2": [("transformer.", "")],
}
# Of single experts: their names, and the tensors that hold them all, with what lies one above the other in each.
SINGLE = re.compile(r"(.*)\.experts\.(\d+)\.(\w+)\.weight")
STACKED = {
    "mixtral": ("mlp", {"w1": ("gate_up_proj", 0), "w3": ("gate_up_proj", 1), "w2": ("down_proj", 0)}),
    "qwen3-moe": ("mlp", {"gate_proj": ("gate_up_proj", 0), "up_proj": ("gate_up_proj", 1), "down_proj": ("down_proj", 0)}),
    "deepseek-v3": ("mlp", {"gate_proj": ("gate_up_proj", 0), "up_proj": ("gate_up_proj", 1), "down_proj": ("down_proj", 0)}),
}
MODELS = [*RENAMED, *STACKED]


def stacked(model, named):
    """Single experts become the rows of one tensor per layer: expert after expert, of each the gate above the up."""
    place, kinds = STACKED[model]
    pieces, out = {}, {}
    for name, entry in named.items():
        single = SINGLE.fullmatch(name)
        if not single:
            out[name.replace(".block_sparse_moe.", f".{place}.")] = entry
            continue
        layer, expert, kind = single.groups()
        tensor, order = kinds[kind]
        layer = layer.rsplit(".", 1)[0]
        pieces.setdefault(f"{layer}.{place}.experts.{tensor}", {})[int(expert), order] = entry
    for name, parts in pieces.items():
        ordered = [parts[key] for key in sorted(parts)]
        (dtype, (rows, columns), _, shard), experts = ordered[0], len({expert for expert, _ in parts})
        out[name] = dtype, [experts, rows * len(ordered) // experts, columns], b"".join(raw for _, _, raw, _ in ordered), shard
    return out


def spell(model, named):
    if model in STACKED:
        return stacked(model, named)
    out = {}
    for name, entry in named.items():
        old, new = next(((old, new) for old, new in RENAMED[model] if name.startswith(old)), ("", ""))
        out[new + name[len(old):]] = entry
    return out
