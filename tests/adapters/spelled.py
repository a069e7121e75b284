# SPDX-License-Identifier: Apache-2.0
"""One adapter in the spellings of those who write them, and one model in the layouts that it is found in. The adapter is LoRA of
rank 2 with alpha 1; whoever has no place for alpha has half of it in the factor."""
import json

import namings
import tensors

ALPHA = "F32", [], tensors.packed("F32", [namings.ALPHA])
SCALE = namings.ALPHA / namings.RANK


class Model:
    """Parts of a model: {part: lines of both namings}; `places` is where each part lies in a whole checkpoint, in the left's names."""

    def __init__(self, name, parts, places, wanted):
        self.name, self.lines, self.places = name, parts, places
        self.left, self.right, self.left_pairs, self.right_pairs = {}, {}, {}, {}
        for part, lines in parts.items():
            self.left[part], self.right[part] = namings.values_of(f"{name} {part}", lines)
            self.left_pairs[part], self.right_pairs[part] = namings.adapter(f"{name} {part} adapter", lines, wanted)

    def expected(self, part):
        """{left name: numbers} with the whole adapter."""
        return namings.merged(self.left[part], self.left_pairs[part], SCALE)


def trained(name):
    return not any(word in name for word in ("embeddings", "text_projection", "time_embed", "add_embedding", "time_text", "guidance"))


def models():
    """The small models, by their names."""
    sd1 = Model("sd1", {"unet": namings.recording("sd1"), "te": namings.clip(2, 4)},
                {"unet": "model.diffusion_model.", "te": "cond_stage_model.transformer."}, trained)
    sdxl = Model("sdxl", {"unet": namings.recording("sdxl"), "te1": namings.clip(2, 4), "te2": namings.recording("clip-g-open-clip")},
                 {"unet": "model.diffusion_model.", "te1": "conditioner.embedders.0.transformer.", "te2": "conditioner.embedders.1.model."}, trained)
    flux = Model("flux", {"transformer": namings.recording("flux-dev")}, {"transformer": ""}, trained)
    llama = Model("llama", {"model": llama_lines()}, {"model": ""}, lambda name: name.startswith("model.layers") and "norm" not in name)
    return {model.name: model for model in (sd1, sdxl, flux, llama)}


def llama_lines():
    hidden, inner, names = 8, 12, {"model.embed_tokens.weight": [16, 8], "lm_head.weight": [16, 8], "model.norm.weight": [8]}
    for n in range(2):
        stem = f"model.layers.{n}."
        for part, shape in (("self_attn.q_proj", [hidden, hidden]), ("self_attn.k_proj", [4, hidden]), ("self_attn.v_proj", [4, hidden]),
                            ("self_attn.o_proj", [hidden, hidden]), ("mlp.gate_proj", [inner, hidden]), ("mlp.up_proj", [inner, hidden]),
                            ("mlp.down_proj", [hidden, inner])):
            names[stem + part + ".weight"] = shape
        names[stem + "input_layernorm.weight"] = names[stem + "post_attention_layernorm.weight"] = [hidden]
    return namings.plain(names)


# Spellings: functions of ({part: {module: Pair}}) that give ({name: entry}, metadata or config).
def kohya(prefixes, join="_"):
    """kohya's: lora_unet_, with underscores for dots, and alpha."""
    def spell(pairs):
        out = {}
        for part, prefix in prefixes.items():
            for module, pair in pairs[part].items():
                stem = prefix + module.replace(".", join)
                up, down = pair.file_tensors()
                out |= {stem + ".lora_down.weight": down, stem + ".lora_up.weight": up, stem + ".alpha": ALPHA}
        return out, {"ss_network_module": "networks.lora"}
    return spell


def dotted(prefixes, names=("lora_A.weight", "lora_B.weight"), told=False, alpha=False, rename=lambda module: module):
    """diffusers': dotted paths behind a component's word, with the scale in lora_adapter_metadata, or none."""
    def spell(pairs):
        out, metadata = {}, {"format": "pt"}
        for part, prefix in prefixes.items():
            for module, pair in pairs[part].items():
                stem = prefix + rename(module) + ("" if names[0].startswith(".") else ".")
                up, down = pair.file_tensors(1.0 if told or alpha else SCALE)
                out |= {stem + names[0]: down, stem + names[1]: up}
                if alpha:
                    out[prefix + rename(module) + ".alpha"] = ALPHA
        if told:
            metadata["lora_adapter_metadata"] = json.dumps({key: value for part, prefix in prefixes.items() for key, value in (
                (prefix + "r", namings.RANK), (prefix + "lora_alpha", namings.ALPHA), (prefix + "target_modules", sorted(pairs[part])))})
        return out, metadata
    return spell


def processor(module):
    """Of diffusers of 2023: x.attn1.to_q is x.attn1.processor.to_q_lora, to_out.0 is to_out_lora."""
    stem, last = module.replace(".to_out.0", ".to_out").rsplit(".", 1)
    return f"{stem}.processor.{last}_lora"


CONFIG = {"peft_type": "LORA", "r": namings.RANK, "lora_alpha": namings.ALPHA, "base_model_name_or_path": None, "bias": "none", "fan_in_fan_out": False,
          "init_lora_weights": True, "task_type": None, "target_modules": ["to_q"], "use_dora": False, "use_rslora": False, "rank_pattern": {}, "alpha_pattern": {}}


def peft(part, prefix="base_model.model."):
    """A folder's names, with its config."""
    def spell(pairs):
        made, _ = dotted({part: prefix}, told=True)(pairs)
        return made, dict(CONFIG, target_modules=sorted({module.split(".")[-1] for module in pairs[part]}))
    return spell


def only(pairs, keep):
    return {part: {module: pair for module, pair in modules.items() if keep(module)} for part, modules in pairs.items()}


def whole(model, parts=None, extra=()):
    """A checkpoint in the left's names: all parts behind their places."""
    out = {model.places[part] + name: entry for part in parts or model.left for name, entry in model.left[part].items()}
    out.update({name: tensors.made("extra", name, "F32", shape) for name, shape in extra})
    return dict(sorted(out.items()))
