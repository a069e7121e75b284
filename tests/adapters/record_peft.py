# SPDX-License-Identifier: Apache-2.0
"""What PEFT makes of the small models of nets.py with an adapter of each of its kinds: cases for record.py.

An adapter is saved by PEFT, its floats are replaced by values that names give (but those that have to be what they are), it is
loaded by PEFT on a fresh base, and merged by merge_and_unload, which is right for all of these (where the forward says
otherwise, a case says so)."""
import json
import pathlib
import re
import tempfile

import nets
import tensors
import torch

LINEAR = ["q_proj", "v_proj", "down_proj"]
SQUARE = ["q_proj", "v_proj"]
CONVS = ["down.0", "down.1", "down.2", "down.3", "proj"]
# Tensors that keep what PEFT gave them: places, probabilities, parts of a base's own decomposition, copies of base weights.
KEPT = r"indices|topk|w_norm$|base_layer\.weight$|frod_V|\.zeros|_eye|original_module|layers.*randlora_[AB]$"


class Case:
    """`given` are the config's words, `scale` a strength that PEFT sets before it merges, `dtype` the base's, `stored` the file's."""

    def __init__(self, net, kind, scale=1.0, dtype="F32", stored=None, kept=KEPT, autocast=True, sizes=0.5, **given):
        self.net, self.kind, self.scale, self.dtype, self.stored = net, kind, scale, dtype, stored
        self.kept, self.autocast, self.sizes, self.given = kept, autocast, sizes, given


def lora(net, targets, **given):
    return Case(net, "LoraConfig", **{"r": 4, "lora_alpha": 6, "target_modules": targets, **given})


LORA = {
    "lora": lora("linear", LINEAR),
    "lora, strength 0.6": lora("linear", LINEAR, scale=0.6),
    "lora, a base of bf16": lora("linear", LINEAR, dtype="BF16"),
    "lora, a base of f16": lora("linear", LINEAR, dtype="F16"),
    "lora, files of bf16": lora("linear", LINEAR, dtype="BF16", stored="BF16"),
    "lora, rslora": lora("linear", LINEAR, use_rslora=True),
    "lora, patterns": lora("linear", LINEAR, rank_pattern={"q_proj": 2, "layers.0.v_proj": 3}, alpha_pattern={"q_proj": 5, "^layers.0.down_proj": 1}),
    "lora, patterns with rslora": lora("linear", LINEAR, use_rslora=True, rank_pattern={"q_proj|v_proj": 2}, alpha_pattern={"q_proj": 5}),
    "lora, patterns of parts of names": lora("linear", LINEAR, rank_pattern={"proj": 2, "v_proj": 1}, alpha_pattern={"layers": 5}),
    "lora, bias of the adapter": lora("linear", ["v_proj"], lora_bias=True),
    "lora, all biases": lora("linear", LINEAR, bias="all"),
    "lora, biases of its modules": lora("linear", LINEAR, bias="lora_only"),
    "lora, modules to save": lora("linear", ["q_proj"], modules_to_save=["norm", "v_proj"]),
    "lora, convolutions": lora("convs", CONVS),
    "lora, an embedding": lora("tokens", ["embed_tokens", "q_proj"]),
    "lora, a head": lora("tokens", ["lm_head"]),
    "lora, an embedding of bf16": lora("tokens", ["embed_tokens", "q_proj"], dtype="BF16"),
    "lora, Conv1D of GPT-2": lora("gpt", ["c_attn", "c_proj", "c_fc", "out"], fan_in_fan_out=True),
    "lora, tokens": lora("tokens", ["q_proj"], trainable_token_indices={"embed_tokens": [1, 5, 10]}),
    "lora, tokens in a list": lora("tokens", ["q_proj"], trainable_token_indices=[2, 3]),
    "lora, experts": lora("experts", [], target_parameters=["experts.down_proj"]),
    "lora, experts, both": lora("experts", [], target_parameters=["experts.gate_up_proj", "experts.down_proj"]),
    "lora, experts, transposed": lora("experts-turned", [], target_parameters=["experts.gate_up_proj", "experts.down_proj"]),
    "lora, a router": lora("experts", [], target_parameters=["router.weight"]),
    "lora, attention of torch": lora("attention", ["attn"]),
    "lora, pissa": lora("square", SQUARE, init_lora_weights="pissa"),
    "lora, olora": lora("square", SQUARE, init_lora_weights="olora"),
    "dora": lora("linear", LINEAR, use_dora=True),
    "dora, strength 0.6": lora("linear", LINEAR, use_dora=True, scale=0.6),
    "dora, rslora, a base of bf16": lora("linear", LINEAR, use_dora=True, use_rslora=True, dtype="BF16"),
    "dora, convolutions": lora("convs", ["down.0", "down.1", "down.2", "proj"], use_dora=True),
    "dora, an embedding": lora("tokens", ["embed_tokens", "q_proj"], use_dora=True),
    "dora, Conv1D of GPT-2": lora("gpt", ["c_attn", "c_proj", "c_fc", "out"], use_dora=True, fan_in_fan_out=True),
    "bd-lora": lora("square", ["q_proj", "up_proj", "down_proj"],
                    use_bdlora={"target_modules_bd_a": ["q_proj", "up_proj"], "target_modules_bd_b": ["down_proj"], "nblocks": 2}),
    "kasa": lora("square", SQUARE, kasa_config={}),
}


def hadamard(net, targets, kind="LoHaConfig", **given):
    return Case(net, kind, **{"r": 4, "alpha": 6, "target_modules": targets, **given})


def of(kind, net="square", targets=None, **given):
    return Case(net, kind, **{"target_modules": SQUARE if targets is None else targets, **given})


ADDING = {
    "loha": hadamard("linear", LINEAR),
    "loha, convolutions": hadamard("convs", ["down.1", "down.2", "proj"]),
    "loha, convolutions, effective": hadamard("convs", ["down.1", "down.2", "proj"], use_effective_conv2d=True),
    "lokr": hadamard("linear", LINEAR, "LoKrConfig", r=2, decompose_both=True),
    "lokr, whole factors": hadamard("linear", LINEAR, "LoKrConfig", r=16),
    "lokr, one whole factor": hadamard("square", SQUARE + ["up_proj"], "LoKrConfig", r=1, decompose_factor=2),
    "lokr, convolutions": hadamard("convs", ["down.1", "down.2", "proj"], "LoKrConfig", r=1),
    "lokr, convolutions, whole": hadamard("convs", ["down.0", "down.1"], "LoKrConfig", r=16),
    "lokr, convolutions, effective": hadamard("convs", ["down.1", "down.2"], "LoKrConfig", r=2, use_effective_conv2d=True),
    "adalora": Case("linear", "AdaLoraConfig", init_r=4, target_r=2, total_step=10, lora_alpha=6, target_modules=LINEAR),
    "adalora, pruned": Case("linear", "AdaLoraConfig", init_r=4, target_r=2, total_step=10, lora_alpha=6, target_modules=LINEAR),
    "vera": of("VeraConfig", "linear", LINEAR, r=4, save_projection=True),
    "pvera": of("PveraConfig", "linear", LINEAR, r=4, save_projection=True),
    "randlora": of("RandLoraConfig", "linear", LINEAR, r=2, randlora_alpha=3, save_projection=True),
    "randlora, more inputs": of("RandLoraConfig", "square", ["down_proj"], r=2, randlora_alpha=3, save_projection=True),
    "vblora": of("VBLoRAConfig", r=2, num_vectors=6, vector_length=4, topk=2, save_only_topk_weights=False),
    "vblora, the weights of the best": of("VBLoRAConfig", r=2, num_vectors=6, vector_length=4, topk=2, save_only_topk_weights=True),
    "unilora, indices": of("UniLoraConfig", r=2, theta_d_length=16, save_indices=True),
    "tinylora": of("TinyLoraConfig", r=2, u=3),
    "fourierft": of("FourierFTConfig", "linear", LINEAR, n_frequency=7, scaling=9.0),
    "fourierft, patterns": of("FourierFTConfig", "linear", LINEAR, n_frequency=7, n_frequency_pattern={"q_proj": 4}, random_loc_seed=11),
    "waveft": of("WaveFTConfig", n_frequency=9, scaling=5.0),
    "waveft, db2": of("WaveFTConfig", "linear", LINEAR, n_frequency=9, scaling=5.0, wavelet_family="db2"),
    "waveft, db7": of("WaveFTConfig", n_frequency=9, scaling=5.0, wavelet_family="db7"),
    "waveft, coif1": of("WaveFTConfig", n_frequency=9, scaling=5.0, wavelet_family="coif1", random_loc_seed=5),
    "waveft, sym5": of("WaveFTConfig", "linear", LINEAR, n_frequency=9, scaling=5.0, wavelet_family="sym5"),
    "waveft, coif4": of("WaveFTConfig", n_frequency=9, scaling=5.0, wavelet_family="coif4"),
    "c3a": of("C3AConfig", block_size=4, block_size_pattern={"v_proj": 2}),
    "shira": of("ShiraConfig", "linear", LINEAR, r=2),
    "supertuning": of("SupertuningConfig", sparsity=0.8, save_precomputed_indices=True),
    "supertuning, lora": of("SupertuningConfig", sparsity=0.8, r=2, lora_alpha=3.0, save_precomputed_indices=True),
    "miss": of("MissConfig", "linear", LINEAR, r=2),
    "miss, r that does not divide": of("MissConfig", "linear", LINEAR, r=4),
    "miss, bat": of("MissConfig", r=4, init_weights="bat"),
    "miss, mini": of("MissConfig", r=4, mini_r=2, init_weights="mini"),
    "gralora": of("GraloraConfig", r=4, alpha=6, gralora_k=2),
    "gralora, hybrid": of("GraloraConfig", r=4, alpha=6, gralora_k=2, hybrid_r=2),
    "peanut": of("PeanutConfig", r=2, depth=0, act_fn="relu", scaling=1.5),
    "peanut, deep": of("PeanutConfig", r=2, depth=2, act_fn="relu"),
}

ACTING = {
    "oft": of("OFTConfig", oft_block_size=4, use_cayley_neumann=True),
    "oft, blocks counted": of("OFTConfig", r=2, oft_block_size=0, use_cayley_neumann=True),
    "oft, inverse": of("OFTConfig", oft_block_size=4, use_cayley_neumann=False),
    "oft, shared": of("OFTConfig", oft_block_size=4, block_share=True),
    "oft, held": of("OFTConfig", oft_block_size=4, coft=True, eps=0.3),
    "oft, convolutions": of("OFTConfig", "convs", ["down.1", "down.2"], oft_block_size=2),
    "oft, an embedding": of("OFTConfig", "tokens", ["embed_tokens"], oft_block_size=3),
    "boft": of("BOFTConfig", boft_block_size=4),
    "boft, convolutions": of("BOFTConfig", "convs", ["down.1", "down.2"], boft_block_size=2),
    "ia3": of("IA3Config", "linear", LINEAR, feedforward_modules=["v_proj", "down_proj"]),
    "ia3, convolutions": of("IA3Config", "convs", ["down.1", "down.2", "proj"], feedforward_modules=["down.1"]),
    "ia3, Conv1D of GPT-2": of("IA3Config", "gpt", ["c_attn", "c_proj", "c_fc", "out"], feedforward_modules=["c_fc"], fan_in_fan_out=True),
    "hra": of("HRAConfig", "linear", LINEAR, r=4),
    "hra, orthonormal": of("HRAConfig", "linear", LINEAR, r=4, apply_GS=True),
    "hra, convolutions": of("HRAConfig", "convs", ["down.1", "down.2"], r=4),
    "glora": of("GloraConfig", r=2),
    "glora, vectors": of("GloraConfig", config_A_B="vector", config_C="vector", config_D_E="vector"),
    "glora, constants": of("GloraConfig", config_A_B="constant", config_C="none", config_D_E="none"),
    "delora": of("DeloraConfig", "linear", LINEAR, r=2, delora_lambda=5),
    "hira": of("HiraConfig", "linear", LINEAR, r=4),
    "hira, patterns": of("HiraConfig", "convs", ["down.1", "down.2", "proj"], r=4, rank_pattern={"proj": 2}),
    "deft": of("DeftConfig", r=2, decomposition_method="relu"),
    "deft, qr": of("DeftConfig", r=2, alpha=3, decomposition_method="qr"),
    "road 1": of("RoadConfig", variant="road_1", group_size=4),
    "road 2": of("RoadConfig", variant="road_2", group_size=4),
    "road 4": of("RoadConfig", variant="road_4", group_size=4),
    "osf": of("OSFConfig", effective_rank=5),
    "frod": of("FrodConfig", save_projection=True),
    "frod, modules of the model itself": of("FrodConfig", "tokens", ["q_proj", "lm_head"], save_projection=True),
    "beft": of("BeftConfig", targets=["v_proj"]),
    "norms": of("LNTuningConfig", "linear", ["norm"]),
    "tokens": Case("tokens", "TrainableTokensConfig", token_indices=[0, 4, 7], target_modules=["embed_tokens"]),
}

GROUPS = {"peft-lora": LORA, "peft-adding": ADDING, "peft-acting": ACTING}


def made_adapter(case, name, folder):
    """({tensor: (dtype, shape, bytes)}, the names that are what they are), of the file that PEFT wrote."""
    saved = tensors.read(folder / "adapter_model.safetensors")
    kept = {key for key, (dtype, *_) in saved.items() if dtype not in ("F32", "F16", "BF16") or re.search(case.kept, key)}
    if name == "adalora, pruned":  # what AdaLoRA leaves of a module whose other singular values are gone
        rows = {"lora_A": lambda s: [s[0] - 1, s[1]], "lora_E": lambda s: [s[0] - 1, 1], "lora_B": lambda s: [s[0], s[1] - 1]}
        saved = {key: (dtype, rows[key.split(".")[-1]](shape), raw) if "q_proj" in key else (dtype, shape, raw) for key, (dtype, shape, raw) in saved.items()}
    made = {key: entry if key in kept else tensors.made(name, key, case.stored or entry[0], entry[1]) for key, entry in saved.items()}
    for key in kept:  # copies that a file has in every layer
        shared = "base_model." + key.rsplit(".", 1)[1]
        if shared in made:
            made[key] = made[shared]
    return made, kept


def config_of(case):
    import peft
    given = dict(case.given)
    if "kasa_config" in given:
        given["kasa_config"] = peft.tuners.lora.config.KasaConfig(**given["kasa_config"])
    if "use_bdlora" in given:
        given["use_bdlora"] = peft.tuners.lora.config.BdLoraConfig(**given["use_bdlora"])
    return getattr(peft, case.kind)(**given)


def record(case, name):
    """A recording: what files there are, and which tensors become what."""
    import peft
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        peft.get_peft_model(nets.Net(case.net, case.dtype), config_of(case)).save_pretrained(folder)
        made, kept = made_adapter(case, name, folder)
        tensors.write(folder / "adapter_model.safetensors", made)
        config = json.loads((folder / "adapter_config.json").read_text())
        if name == "adalora, pruned":
            config["rank_pattern"] = {key.replace("base_model.model.", "") + "": [True] * shape[0] + [False] * ("q_proj" in key)
                                      for key, (_, shape, _) in made.items() if key.endswith("lora_E")}
            (folder / "adapter_config.json").write_text(json.dumps(config))
        base = nets.Net(case.net, case.dtype)
        before = {key: nets.made_of(value) for key, value in base.state_dict().items()}
        model = peft.PeftModel.from_pretrained(base, folder, autocast_adapter_dtype=case.autocast)
        if case.scale != 1:
            for module in model.modules():
                if isinstance(module, peft.tuners.lora.LoraLayer):
                    module.scale_layer(case.scale)
        after = {key: nets.made_of(value) for key, value in model.merge_and_unload().state_dict().items()}
    changed = {key: value for key, value in after.items() if value[2] != before[key][2]}
    assert set(after) == set(before) and all(after[key][:2] == before[key][:2] for key in after), (set(after) ^ set(before))
    return {"net": case.net, "dtype": case.dtype, "strength": case.scale, "config": config, "metadata": {"format": "pt"},
            "adapter": {key: [*entry[:2], *([tensors.text_of(entry[2])] if key in kept else [])] for key, entry in made.items()},
            "expected": {key: tensors.text_of(raw) for key, (_, _, raw) in changed.items()}}
