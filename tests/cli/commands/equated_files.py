# SPDX-License-Identifier: Apache-2.0
"""One tiny model in two spellings, of each kind that ckmerge brings together: functions of a seed that give both files."""
from operation_files import some


def tensor(seed, *shape):
    return "F32", list(shape), some(seed, *shape)


class Model:
    """Tensors that get their values in order, under two names."""

    def __init__(self, seed):
        self.seed = seed * 1000
        self.one, self.other = {}, {}

    def next(self, *shape):
        self.seed += 1
        return tensor(self.seed, *shape)

    def same(self, one, other, *shape):
        self.one[one] = self.other[other] = self.next(*shape)

    def both(self):
        return self.one, self.other


def rows(*tensors):
    """One below the other."""
    return "F32", [sum(t[1][0] for t in tensors), *tensors[0][1][1:]], [value for t in tensors for value in t[2]]


def stacked(*tensors):
    return "F32", [len(tensors), *tensors[0][1]], [value for t in tensors for value in t[2]]


def turned(entry):
    """With the two last dimensions exchanged."""
    *front, a, b = entry[1]
    count = len(entry[2]) // (a * b)
    values = [entry[2][(k * a + i) * b + j] for k in range(count) for j in range(b) for i in range(a)]
    return "F32", [*front, b, a], values


def renamed(names, layers=2):
    """A model whose names alone differ; `#` is the number of a layer, shapes are (4, 3) but of biases and norms."""
    def make(seed):
        model = Model(seed)
        for one, other in names:
            for layer in range(layers) if "#" in one else [0]:
                shape = [4] if one.endswith("bias") or "norm" in one or "Norm" in one else [4, 3]
                model.same(one.replace("#", str(layer)), other.replace("#", str(layer)), *shape)
        return model.both()
    return make


CLIP = [("embeddings.token_embedding.weight",) * 2, ("embeddings.position_embedding.weight",) * 2,
        ("encoder.layers.#.layer_norm1.weight",) * 2, ("encoder.layers.#.mlp.fc1.weight",) * 2,
        ("encoder.layers.#.self_attn.q_proj.weight",) * 2, ("final_layer_norm.weight",) * 2]
LANGUAGE = ["embed_tokens.weight", "layers.#.input_layernorm.weight", "layers.#.self_attn.q_proj.weight",
            "layers.#.post_attention_layernorm.weight", "layers.#.mlp.up_proj.weight", "norm.weight"]
VISION = ["encoder.layers.#.layer_norm1.weight", "encoder.layers.#.self_attn.q_proj.weight", "embeddings.patch.weight"]


def prefixed(one, other, names):
    return [(one + name, other + name) for name in names]


NAMES = {
    "clip": [("text_model." + a, b) for a, b in CLIP] + [("text_projection.weight",) * 2],
    "clip in a checkpoint": [("text_encoders.clip_l.transformer.text_model." + a, "text_encoders.clip_l.transformer." + b)
                             for a, b in CLIP] + prefixed("model.diffusion_model.", "model.diffusion_model.", LANGUAGE),
    "qwen-vl": prefixed("model.", "model.language_model.", LANGUAGE) +
    [("visual.blocks.#.attn.qkv.weight", "model.visual.blocks.#.attn.qkv.weight"), ("lm_head.weight",) * 2],
    "llava": prefixed("language_model.model.", "model.language_model.", LANGUAGE) +
    prefixed("vision_tower.vision_model.", "model.vision_tower.", VISION) +
    [("language_model.lm_head.weight", "lm_head.weight"),
     ("multi_modal_projector.linear_1.weight", "model.multi_modal_projector.linear_1.weight")],
    "gemma3": prefixed("language_model.model.", "language_model.model.", LANGUAGE) +
    prefixed("vision_tower.vision_model.", "vision_tower.", VISION),
    "gpt-2": prefixed("transformer.", "", ["wte.weight", "wpe.weight", "h.#.attn.c_attn.weight", "h.#.ln_1.norm.weight"]),
    "weight norm": [("dec.conv.#.weight_g", "dec.conv.#.parametrizations.weight.original0"),
                    ("dec.conv.#.weight_v", "dec.conv.#.parametrizations.weight.original1"), ("dec.conv.#.bias",) * 2],
    "gamma": [("bert.encoder.#.LayerNorm.gamma", "bert.encoder.#.LayerNorm.weight"),
              ("bert.encoder.#.LayerNorm.beta", "bert.encoder.#.LayerNorm.bias"), ("bert.encoder.#.dense.weight",) * 2],
    "t5": [("shared.weight", "encoder.embed_tokens.weight"), ("encoder.block.#.layer.0.SelfAttention.q.weight",) * 2],
    "net": prefixed("net.", "", LANGUAGE),
    "pipe.dit": prefixed("pipe.dit.", "model.diffusion_model.", LANGUAGE),
    "doubled": prefixed("model.model.", "model.", LANGUAGE),
    "granite": [("model.layers.#.block_sparse_moe.router.layer.weight", "model.layers.#.block_sparse_moe.router.weight"),
                ("model.layers.#.self_attn.q_proj.weight",) * 2],
    "vae of old": prefixed("decoder.", "decoder.", ["conv_in.weight", "mid_block.resnets.0.conv1.weight"]) +
    [(f"decoder.mid_block.attentions.0.{old}.{leaf}", f"decoder.mid_block.attentions.0.{new}.{leaf}") for leaf in ("weight", "bias")
     for old, new in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0"))],
    "vit": [("encoder.layer.#.attention.attention.query.weight", "layers.#.attention.q_proj.weight"),
            ("encoder.layer.#.attention.output.dense.weight", "layers.#.attention.o_proj.weight"),
            ("encoder.layer.#.intermediate.dense.weight", "layers.#.mlp.fc1.weight"),
            ("encoder.layer.#.output.dense.weight", "layers.#.mlp.fc2.weight")],
}


def experts(one, other, kind, gate=None, first_layer=0, size=3):
    """Of two layers with three experts: `one` single, `other` stacked; modules with `#` for the layer."""
    def make(seed):
        model = Model(seed)
        model.same("model.embed_tokens.weight", "model.embed_tokens.weight", 7, 3)
        for layer in range(first_layer, first_layer + 2):
            a, b = one.replace("#", str(layer)), other.replace("#", str(layer))
            parts = [(model.next(4, size), model.next(4, size), model.next(size, 4)) for _ in range(3)]
            for e, tensors in enumerate(parts):
                model.one |= {f"{a}.experts.{e}.{name}.weight": entry
                              for name, entry in zip(kind, tensors if len(kind) == 3 else tensors[1:])}
            into = [rows(g, u) if len(kind) == 3 else u for g, u, _ in parts]
            model.other[f"{b}.experts.{'gate_up_proj' if len(kind) == 3 else 'up_proj'}"] = stacked(*into)
            model.other[f"{b}.experts.down_proj"] = stacked(*(down for _, _, down in parts))
            if gate:
                model.same(f"{a}.{gate[0]}.weight", f"{b}.{gate[1]}.weight", 3, 3)
        return model.both()
    return make


def turned_experts(width, inner, other="model.language_model.layers.#.mlp", parts=("gate_up_proj", "down_proj")):
    """(experts, out, in) against (experts, in, out), in modules that are called `other`."""
    def make(seed):
        model = Model(seed)
        model.same("model.embed_tokens.weight", "model.embed_tokens.weight", 7, 3)
        for layer in range(2):
            at, there = (module.replace("#", str(layer)) + ".experts." for module in ("model.language_model.layers.#.mlp", other))
            for name, shape in (("gate_up_proj", (3, 2 * inner, width)), ("up_proj", (3, inner, width)), ("down_proj", (3, width, inner))):
                if name in parts:
                    model.one[at + name] = model.next(*shape)
                    model.other[there + name] = turned(model.one[at + name])
        return model.both()
    return make


def single_and_turned(model):
    """Single ones against stacked ones that lie (experts, in, out)."""
    def make(seed):
        one, other = model(seed)
        return one, {name: turned(entry) if ".experts." in name else entry for name, entry in other.items()}
    return make


def open_clip(one_prefix, other_prefix, text_model="text_model."):
    def make(seed, width=4, layers=2):
        model = Model(seed)
        a, b = one_prefix, other_prefix
        model.same(a + "token_embedding.weight", b + text_model + "embeddings.token_embedding.weight", 9, width)
        model.same(a + "positional_embedding", b + text_model + "embeddings.position_embedding.weight", 5, width)
        model.same(a + "ln_final.weight", b + text_model + "final_layer_norm.weight", width)
        for layer in range(layers):
            x, y = f"{a}transformer.resblocks.{layer}.", f"{b}{text_model}encoder.layers.{layer}."
            q, k, v = (model.next(width, width) for _ in range(3))
            biases = [model.next(width) for _ in range(3)]
            model.one |= {x + "attn.in_proj_weight": rows(q, k, v), x + "attn.in_proj_bias": rows(*biases)}
            for name, weight, bias in zip("qkv", (q, k, v), biases):
                model.other |= {f"{y}self_attn.{name}_proj.weight": weight, f"{y}self_attn.{name}_proj.bias": bias}
            for p, r, shape in (("ln_1", "layer_norm1", [width]), ("ln_2", "layer_norm2", [width]),
                                ("mlp.c_fc", "mlp.fc1", [width * 2, width]), ("mlp.c_proj", "mlp.fc2", [width, width * 2]),
                                ("attn.out_proj", "self_attn.out_proj", [width, width])):
                model.same(f"{x}{p}.weight", f"{y}{r}.weight", *shape)
        projection = model.next(width, 3)
        model.one[a + "text_projection"] = projection
        model.other[b + "text_projection.weight"] = turned(projection)
        return model.both()
    return make


RESHAPED = {
    "mixtral": experts("model.layers.#.block_sparse_moe", "model.layers.#.mlp", ("w1", "w3", "w2"), ("gate", "gate")),
    "phi-moe": experts("model.layers.#.block_sparse_moe", "model.layers.#.mlp", ("w1", "w3", "w2"), ("gate", "router")),
    "qwen3-moe": experts("model.layers.#.mlp", "model.layers.#.mlp", ("gate_proj", "up_proj", "down_proj"), ("gate", "gate")),
    "deepseek, after dense layers": experts("model.layers.#.mlp", "model.layers.#.mlp",
                                            ("gate_proj", "up_proj", "down_proj"), first_layer=3),
    "nested besides": experts("model.layers.#.mlp", "model.language_model.layers.#.mlp",
                              ("gate_proj", "up_proj", "down_proj")),
    "jamba": experts("model.layers.#.feed_forward", "model.layers.#.feed_forward", ("gate_proj", "up_proj", "down_proj")),
    "lfm2": experts("model.layers.#.feed_forward", "model.layers.#.feed_forward", ("w1", "w3", "w2")),
    "nemotron": experts("backbone.layers.#.mixer", "model.layers.#.mixer", ("up_proj", "down_proj")),
    "qwen3-moe, turned": single_and_turned(
        experts("model.layers.#.mlp", "model.layers.#.mlp", ("gate_proj", "up_proj", "down_proj"), ("gate", "gate"))),
    "nemotron, turned": single_and_turned(
        experts("model.layers.#.mixer", "model.layers.#.mixer", ("up_proj", "down_proj"))),
    "qwen3-vl-moe": turned_experts(4, 3),
    "qwen3-vl-moe, one square": turned_experts(6, 3),
    "turned, another module": turned_experts(4, 3, "model.layers.#.block_sparse_moe"),
    "turned, another module, one square": turned_experts(6, 3, "model.layers.#.block_sparse_moe"),
    "turned, another module, no gate": turned_experts(4, 3, "model.layers.#.block_sparse_moe", ("up_proj", "down_proj")),
    "one of two, turned": turned_experts(4, 3, parts=("gate_up_proj",)),
    "open_clip": open_clip("", ""),
    "open_clip of SDXL": open_clip("conditioner.embedders.1.model.", ""),
    "open_clip, bare": open_clip("", "", ""),
}
