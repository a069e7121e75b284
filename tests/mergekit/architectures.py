# SPDX-License-Identifier: Apache-2.0
"""Small models of transformers, made from configs: what make_folders.py saves. Widths are as small as each class allows."""
import transformers

VOCABULARY, WIDTH, LAYERS = 48, 16, 4
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
TEXT = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
        "num_key_value_heads": 1, "max_position_embeddings": 64, "tie_word_embeddings": False, **SPECIAL}
FEW = TEXT | {"num_hidden_layers": 2}
VISION = {"hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
DEEPSEEK = {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1, "n_shared_experts": 1, "moe_intermediate_size": 8,
            "first_k_dense_replace": 1, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8,
            "num_key_value_heads": 2}
QWEN_VISION = {"depth": 2, "hidden_size": WIDTH, "intermediate_size": 24, "num_heads": 2, "patch_size": 4, "out_hidden_size": WIDTH, "window_size": 8,
               "fullatt_block_indexes": [1]}
ROPE = {"rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}}

# Class, its config, what the config is made of, the dtype that is saved.
MODELS = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", TEXT, "float32"),
    "tied-llama": ("LlamaForCausalLM", "LlamaConfig", FEW | {"tie_word_embeddings": True}, "bfloat16"),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", TEXT | {"use_sliding_window": True, "max_window_layers": 2, "sliding_window": 16}, "float32"),
    "qwen3-moe": ("Qwen3MoeForCausalLM", "Qwen3MoeConfig",
                  FEW | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "head_dim": 8}, "bfloat16"),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", FEW | {"num_local_experts": 4}, "float32"),
    "gpt-oss": ("GptOssForCausalLM", "GptOssConfig",
                FEW | {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8,
                       "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}, "float32"),
    "deepseek-v3": ("DeepseekV3ForCausalLM", "DeepseekV3Config", FEW | DEEPSEEK, "bfloat16"),
    "gemma3": ("Gemma3ForConditionalGeneration", "Gemma3Config",
               {"text_config": FEW | {"head_dim": 8, "model_type": "gemma3_text", "layer_types": ["sliding_attention", "full_attention"],
                                      "tie_word_embeddings": True},
                "vision_config": VISION | {"model_type": "siglip_vision_model"}, "mm_tokens_per_image": 4, "image_token_index": 5,
                "boi_token_index": 6, "eoi_token_index": 7, "tie_word_embeddings": True}, "float32"),
    "llava": ("LlavaForConditionalGeneration", "LlavaConfig",
              {"text_config": FEW | {"model_type": "llama"}, "vision_config": VISION | {"model_type": "clip_vision_model", "projection_dim": WIDTH},
               "image_token_index": 5, "tie_word_embeddings": False}, "float32"),
    "qwen2.5-vl": ("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLConfig",
                   {"text_config": FEW | ROPE, "vision_config": QWEN_VISION, "image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 7,
                    "vision_end_token_id": 8, "tie_word_embeddings": False}, "float32"),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"vocab_size": VOCABULARY, "n_embd": WIDTH, "n_layer": 2, "n_head": 2, "n_positions": 64, **SPECIAL}, "float32"),
    "t5": ("T5ForConditionalGeneration", "T5Config",
           {"vocab_size": VOCABULARY, "d_model": WIDTH, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0,
            "eos_token_id": 2, "pad_token_id": 0}, "float32"),
    "mamba": ("MambaForCausalLM", "MambaConfig", {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "state_size": 4, "num_hidden_layers": 2, **SPECIAL}, "float32"),
}


def make(name):
    """The model with weights of its class's own, in the dtype of its row."""
    import torch

    kind, config, given, dtype = MODELS[name]
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        return getattr(transformers, kind)(getattr(transformers, config)(**given, dtype=dtype))
    finally:
        torch.set_default_dtype(before)


def load(name, folder, **given):
    return getattr(transformers, MODELS[name][0]).from_pretrained(folder, local_files_only=True, **given)
