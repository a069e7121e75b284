# SPDX-License-Identifier: Apache-2.0
"""What adapters of every kind make of a weight, in F64 with numpy, dense and plain: merged() from the tensors of the base and of the
file, and adapter_config.json where there is one. It is held against what PEFT and LyCORIS computed (recorded/), and gives the
expected values where no program that is at hand writes or reads a file, as for kohya's."""
import re

import numpy
import reference_acting
import reference_adding
import tensors

PEFT = "base_model.model."
# What follows a module's name, the longest first. `.weight` behind it and the name of an adapter mean nothing.
FACTOR = re.compile(r"\.(lora_embedding_[AB]|lora_[ABE]\.bias|lora_[ABE]|lora_magnitude_vector|lora_diag|lora_(?:down|up|mid)|lora\.(?:down|up)|dora_scale|alpha"
                    r"|hada_\w+|lokr_\w+|oft_\w+|boft_\w+|rescale|ia3_l|on_input|hra_u|glora_[A-E]\.\w+|gralora_\w+|delora_\w+|hira_\w+|miss_block|c3a_kernel|shira_\w+"
                    r"|supertuning_\w+|vera_lambda_[bd]|pvera_lambda_[bd]|randlora_\w+|vblora_\w+|unilora_\w+|tinylora_\w+|fourierft_spectrum|waveft_spectrum|road_\w+"
                    r"|osf_svd_params\.\w+|deft_[PR]|peanut_\w+(?:\.\d+)?|frod_\w+|beft_bias|diff|diff_b|w_norm|b_norm|a1|a2|b1|b2|bm|q_layer|p_layer|lambda_layer)(?:\.weight)?$")
# Of the small models of nets.py: weights that are stored (in, out).
TURNED = ("c_attn", "attn.c_proj", "c_fc")


def array(entry):
    dtype, shape, raw = entry
    return numpy.array(tensors.numbers(dtype, raw), dtype=numpy.float64).reshape(shape)


class Module:
    """One module: its factors, its weight as (out, in, ...), and what the config says of it."""

    def __init__(self, name, factors, config, shared):
        self.name, self.factors, self.config, self.shared = name, factors, config or {}, shared
        self.is_peft = config is not None
        self.strength, self.is_embedding, self.is_turned, self.place, self.comfy = 1.0, False, False, 0, False

    def __getitem__(self, factor):
        return self.factors[factor]

    def has(self, factor):
        return factor in self.factors

    def number(self, key, default=None):
        value = self.config.get(key)
        return default if value is None else value

    def of_pattern(self, pattern, default):
        """What a pattern of PEFT's says of this module: the first of its keys that the name ends with."""
        for key, value in (self.config.get(pattern) or {}).items():
            if re.match(rf"(.*\.)?({key})$", self.name):
                return value
        return self.config[default]

    def scale(self, rank):
        """alpha/rank; of a file without alpha 1."""
        if not self.is_peft:
            alpha = float(self.factors["alpha"]) if "alpha" in self.factors else rank
            return (alpha or rank) / rank
        alpha, rank = self.of_pattern("alpha_pattern", "lora_alpha" if "lora_alpha" in self.config else "alpha"), self.of_pattern("rank_pattern", "r")
        return alpha / (rank**0.5 if self.config.get("use_rslora") else rank)


def grouped(named, config):
    """({module: {factor: array}}, {name: array} of what is no factor of a module)"""
    modules, others = {}, {}
    for name, entry in named.items():
        plain = name.removeprefix(PEFT)
        found = FACTOR.search(plain)
        if not found and config is None and plain.endswith(".weight") and plain.removesuffix("weight") + "on_input" in named:
            found = re.search(r"\.(weight)$", plain)
        if found and not plain.startswith("base_model."):
            modules.setdefault(plain[:found.start()], {})[found.group(1)] = array(entry)
        else:
            others[plain.removeprefix("base_model.")] = array(entry)
    return modules, others


def target(name, base):
    """The module of the base that one of the file is: by its path, or by its path with underscores behind a maker's word."""
    plain = name.replace(".base_layer", "").removeprefix("transformer.").removeprefix("unet.")
    if plain + ".weight" in base or plain in base:
        return plain
    spelled = {key.rsplit(".", 1)[0].replace(".", "_"): key.rsplit(".", 1)[0] for key in base}
    for maker in ("lycoris_", "lora_unet_", "lora_te_", ""):
        if plain.startswith(maker) and plain.removeprefix(maker) in spelled:
            return spelled[plain.removeprefix(maker)]
    return plain


def replaced(others, config, base, out):
    """Whole tensors and rows that stand beside the factors."""
    for name, value in others.items():
        plain = name.replace(".base_layer", "").replace("ln_tuning_layers.", "").replace(".token_adapter", "")
        if plain.endswith("trainable_tokens_delta"):
            module = plain.rsplit(".", 1)[0]
            rows = config.get("trainable_token_indices") or config["token_indices"]
            rows = rows[module.split(".")[-1]] if isinstance(rows, dict) else rows
            out[module + ".weight"] = numpy.array(base[module + ".weight"])
            out[module + ".weight"][rows] = value
        elif plain in base and "original_module" not in name:
            out[plain] = value


def experts(module, base, config, out):
    """Which parameter a module of experts changes: PEFT nests the second around the first, and says nowhere which is which but by
    the order in which the module has them."""
    stem = module.name.replace(".base_layer", "")
    names = [name for name in base if name.startswith(stem + ".") and base[name].ndim == 3]
    wanted = [name for name in names if any(name.endswith(key) for key in config["target_parameters"])]
    wanted.sort(key=lambda name: not name.endswith("gate_up_proj"))
    name = wanted[0] if module.name.endswith(".base_layer") else wanted[-1]
    weight, a, b = base[name], module["lora_A"], module["lora_B"]
    count = len(weight)
    rank = len(a) // count
    deltas = [b[:, e::count] @ a[e * rank:(e + 1) * rank] for e in range(count)]
    turned = a.shape[1] != weight.shape[2]
    out[name] = weight + module.scale(rank) * numpy.stack([delta.T if turned else delta for delta in deltas]) * module.strength


def merged(named, config, base, strength=1.0, comfy=False):
    """{name: F64 array} of the tensors that the adapter changes. `named` and `base` are {name: (dtype, shape, bytes)}; `comfy`: DoRA as
    ComfyUI reads it, by the norm of the weight as it was."""
    arrays = {name: array(entry) for name, entry in base.items()}
    modules, others = grouped(named, config)
    out = {}
    replaced(others, config or {}, arrays, out)
    order = sorted(modules, key=lambda name: list(arrays).index(target(name, arrays) + ".weight") if target(name, arrays) + ".weight" in arrays else 0)
    for name, factors in modules.items():
        module = Module(name.replace(".base_layer", "") if ".base_layer" in name and "experts" not in name else name, factors, config, others)
        module.strength, module.place, module.comfy = strength, order.index(name), comfy
        stem = target(name, arrays)
        module.is_turned, module.is_embedding = stem.endswith(TURNED), "embed_tokens" in stem
        if (config or {}).get("target_parameters") and stem.endswith("experts"):
            experts(module, arrays, config, out)
            continue
        weight_name = stem + (".in_proj_weight" if stem + ".in_proj_weight" in arrays else ".weight")
        weight, bias = out.get(weight_name, arrays[weight_name]), out.get(stem + ".bias", arrays.get(stem + ".bias"))
        if weight_name.endswith("out_proj.weight") and "attn" in stem:
            module.strength *= 2  # PEFT adds it twice, in its forward too
        changed, changed_bias = change(module, weight.T if module.is_turned else weight, bias)
        if changed is not None:
            out[weight_name] = changed.T if module.is_turned else changed
        if changed_bias is not None and bias is not None:
            out[stem + ".bias"] = changed_bias
    return out


def change(module, weight, bias):
    """(weight, bias) as the module makes them; None: as they were."""
    for holds, make in reference_acting.KINDS:
        if any(module.has(factor) for factor in holds):
            return make(module, weight, bias)
    return reference_adding.added(module, weight, bias)
