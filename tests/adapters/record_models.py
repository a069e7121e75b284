# SPDX-License-Identifier: Apache-2.0
"""What PEFT makes of small models of transformers, as they lie in folders: cases for record.py. Adapters speak the names that modules
have in memory, which are not those on disk for experts, towers and wrapped language models."""
import json
import pathlib
import tempfile

import record_peft
import tensors
import torch

SMALL = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
GROUPED = {**SMALL, "num_key_value_heads": 1}
SEEING = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
EXPERTS = ["experts.gate_up_proj", "experts.down_proj"]


def models():
    """Each by its name, made without values."""
    import transformers as t
    patches = {**SEEING, "image_size": 28, "patch_size": 14}
    return {
        "llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**GROUPED)),
        "llama-tied": lambda: t.LlamaForCausalLM(t.LlamaConfig(**GROUPED, tie_word_embeddings=True)),
        "mixtral": lambda: t.MixtralForCausalLM(t.MixtralConfig(**GROUPED, num_local_experts=3)),
        "qwen3-moe": lambda: t.Qwen3MoeForCausalLM(t.Qwen3MoeConfig(**GROUPED, num_experts=3, num_experts_per_tok=2, moe_intermediate_size=6, head_dim=4)),
        "gpt-oss": lambda: t.GptOssForCausalLM(t.GptOssConfig(**GROUPED, num_local_experts=3, num_experts_per_tok=2, head_dim=4)),
        "gpt2": lambda: t.GPT2LMHeadModel(t.GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=20, n_positions=6)),
        "t5": lambda: t.T5ForConditionalGeneration(t.T5Config(d_model=8, d_kv=4, d_ff=12, num_layers=1, num_heads=2, vocab_size=20)),
        "llava": lambda: t.LlavaForConditionalGeneration(t.LlavaConfig(text_config=t.LlamaConfig(**GROUPED), vision_config=t.CLIPVisionConfig(**patches), image_token_index=3)),
        "gemma3": lambda: t.Gemma3ForConditionalGeneration(t.Gemma3Config(text_config=t.Gemma3TextConfig(**GROUPED, head_dim=4), vision_config=t.SiglipVisionConfig(**patches))),
        "qwen2.5-vl": lambda: t.Qwen2_5_VLForConditionalGeneration(t.Qwen2_5_VLConfig(
            text_config={**GROUPED, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 0]}},
            vision_config={"depth": 1, "hidden_size": 8, "intermediate_size": 12, "num_heads": 2, "out_hidden_size": 8})),
    }


class Case:
    def __init__(self, model, options=(), **given):
        self.model, self.options, self.given = model, list(options), {"r": 2, "lora_alpha": 3, **given}


ATTENTION = ["q_proj", "v_proj"]
MODELS = {
    "Llama": Case("llama", target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
    "Llama, all-linear": Case("llama", target_modules="all-linear"),
    "Llama, embeddings": Case("llama", target_modules=["embed_tokens", "lm_head", "q_proj"]),
    "Llama, whole modules": Case("llama", target_modules=["q_proj"], modules_to_save=["lm_head", "embed_tokens"]),
    "Llama, tokens": Case("llama", target_modules=["q_proj"], trainable_token_indices={"embed_tokens": [3, 7]}),
    "Llama, tied, one of both": Case("llama-tied", target_modules=["embed_tokens", "q_proj"]),
    "Llama, tied, both": Case("llama-tied", ("--tied", "sum"), target_modules=["embed_tokens", "lm_head"]),
    "Mixtral": Case("mixtral", target_modules=ATTENTION, target_parameters=EXPERTS),
    "Mixtral, one parameter": Case("mixtral", target_modules=[], target_parameters=["experts.down_proj"]),
    "Qwen3-MoE": Case("qwen3-moe", target_modules=ATTENTION, target_parameters=EXPERTS),
    "gpt-oss": Case("gpt-oss", target_modules=ATTENTION, target_parameters=EXPERTS),
    "GPT-2": Case("gpt2", target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True),
    "T5": Case("t5", target_modules=["q", "v", "wi", "wo"]),
    "LLaVA": Case("llava", target_modules=ATTENTION),
    "Gemma3": Case("gemma3", target_modules=ATTENTION),
    "Qwen2.5-VL": Case("qwen2.5-vl", target_modules=ATTENTION + ["qkv"]),
}


def read_folder(folder):
    out = {}
    for path in sorted(folder.glob("*.safetensors")):
        out |= tensors.read(path)
    return out


def base_folder(name, folder):
    """The model with values from names, as it is saved. Returns its tensors."""
    torch.manual_seed(0)
    models()[name]().save_pretrained(folder, max_shard_size="1GB")
    made = {key: tensors.made(name, key, dtype, shape) for key, (dtype, shape, _) in read_folder(folder).items()}
    tensors.write(folder / "model.safetensors", made)
    return made


def load(name, folder):
    return type(models()[name]()).from_pretrained(folder)


def record(case, name):
    """A recording: what files there are, and which tensors become what."""
    import peft
    with tempfile.TemporaryDirectory() as scratch:
        base, adapter, merged = (pathlib.Path(scratch, part) for part in ("base", "adapter", "merged"))
        before = base_folder(case.model, base)
        peft.get_peft_model(load(case.model, base), peft.LoraConfig(**case.given)).save_pretrained(adapter)
        made, kept = record_peft.made_adapter(record_peft.lora("", []), name, adapter)
        tensors.write(adapter / "adapter_model.safetensors", made)
        config = json.loads((adapter / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = None  # a path of the machine that recorded it
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        peft.PeftModel.from_pretrained(load(case.model, base), adapter).merge_and_unload().save_pretrained(merged, max_shard_size="1GB")
        after, model_config = read_folder(merged), json.loads((base / "config.json").read_text())
    assert set(after) == set(before), set(after) ^ set(before)
    changed = {key: entry for key, entry in after.items() if entry[2] != before[key][2]}
    model_config.pop("transformers_version", None)
    return {"net": case.model, "dtype": "F32", "strength": 1.0, "config": config, "metadata": {"format": "pt"}, "model_config": model_config, "options": case.options,
            "adapter": {key: [*entry[:2], *([tensors.text_of(entry[2])] if key in kept else [])] for key, entry in made.items()},
            "expected": {key: tensors.text_of(raw) for key, (_, _, raw) in changed.items()}}


def shapes():
    """{model: {tensor: shape}} as they lie on disk."""
    out = {}
    for name in models():
        with tempfile.TemporaryDirectory() as scratch:
            out[name] = {key: shape for key, (_, shape, _) in base_folder(name, pathlib.Path(scratch)).items()}
    return out
