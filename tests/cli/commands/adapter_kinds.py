# SPDX-License-Identifier: Apache-2.0
"""How PEFT, LyCORIS, kohya's scripts and diffusers name the tensors of adapters in 2026: kind | names, after the module's."""

KOHYA = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q."
PEFT = "base_model.model.model.layers.0.self_attn.q_proj."

# What each must be called | prefix | tensors of one module.
KINDS = [
    ("LoRA", KOHYA, "lora_down.weight lora_up.weight alpha"),
    ("LoRA", "lora_te1_text_model_encoder_layers_0_mlp_fc1.", "lora_down.weight lora_mid.weight lora_up.weight alpha"),
    ("LoRA", PEFT, "lora_A.weight lora_B.weight"),
    ("LoRA", PEFT, "lora_A.default.weight lora_B.default.weight base_layer.weight"),
    ("LoRA", "base_model.model.model.embed_tokens.", "lora_embedding_A lora_embedding_B"),
    ("LoRA", "transformer.single_transformer_blocks.0.attn.to_q.", "lora_A.weight lora_B.weight"),
    ("LoRA", "diffusion_model.blocks.0.cross_attn.k.", "lora_A.weight lora_B.weight diff_b"),
    ("LoRA", "unet.down_blocks.0.attn1.processor.to_q_lora.", "down.weight up.weight"),
    ("LoRA", "text_encoder.encoder.layers.0.self_attn.q_proj.lora_linear_layer.", "down.weight up.weight"),
    ("LoRA with DoRA", PEFT, "lora_A.weight lora_B.weight lora_magnitude_vector"),
    ("LoRA with DoRA", KOHYA, "lora_down.weight lora_up.weight alpha dora_scale"),
    ("AdaLoRA", PEFT, "lora_A lora_B lora_E"),
    ("LoHa", KOHYA, "hada_w1_a hada_w1_b hada_w2_a hada_w2_b alpha"),
    ("LoHa with DoRA", KOHYA, "hada_t1 hada_w1_a hada_w1_b hada_t2 hada_w2_a hada_w2_b alpha dora_scale"),
    ("LoHa", PEFT, "hada_w1_a hada_w1_b hada_w2_a hada_w2_b"),
    ("LoKr", KOHYA, "lokr_w1 lokr_w2_a lokr_w2_b lokr_t2 alpha"),
    ("LoKr", "diffusion_model.blocks.0.self_attn.q.", "lokr_w1 lokr_w2 alpha"),
    ("OFT", KOHYA, "oft_blocks alpha rescale"),
    ("OFT", PEFT, "oft_R.weight"),
    ("BOFT", PEFT, "boft_R boft_s"),
    ("GLoRA", KOHYA, "a1.weight a2.weight b1.weight b2.weight alpha"),
    ("GLoRA", PEFT, "glora_A.Xd glora_A.Xu glora_B.X glora_C.X glora_D.X glora_E.X"),
    ("IA3", KOHYA, "weight on_input"),
    ("IA3", PEFT, "ia3_l"),
    ("full differences", KOHYA, "diff diff_b"),
    ("norms", KOHYA, "w_norm b_norm"),
    ("T-LoRA", KOHYA, "q_layer.weight p_layer.weight lambda_layer alpha"),
    ("VeRA", PEFT, "vera_lambda_b vera_lambda_d"),
    ("RandLoRA", PEFT, "randlora_lambda randlora_gamma"),
    ("VB-LoRA", PEFT, "vblora_logits_A_topk_weights vblora_logits_B_topk_weights"),
    ("TinyLoRA", PEFT, "tinylora_A tinylora_B tinylora_P"),
    ("FourierFT", PEFT, "fourierft_spectrum"),
    ("WaveFT", PEFT, "waveft_spectrum"),
    ("C3A", PEFT, "c3a_kernel"),
    ("SHiRA", PEFT, "shira_weight shira_indices"),
    ("SuperTuning", PEFT, "supertuning_values supertuning_indices"),
    ("MiSS", PEFT, "miss_block"),
    ("HRA", PEFT, "hra_u"),
    ("RoAd", PEFT, "road_theta road_alpha"),
    ("DeLoRA", PEFT, "delora_A delora_B delora_lambda delora_w_norm"),
    ("GraLoRA", PEFT, "gralora_A gralora_B"),
    ("HiRA", PEFT, "hira_A hira_B"),
    ("DEFT", PEFT, "deft_P deft_R"),
    ("PSOFT", PEFT, "psoft_R.weight psoft_vector_a psoft_vector_b"),
    ("OSF", PEFT, "osf_svd_params.U_low osf_svd_params.S_low osf_svd_params.V_low"),
    ("FROD", PEFT, "frod_lambda_l frod_s_values"),
    ("AdaMSS", PEFT, "adamss_A.0 adamss_B.0"),
    ("BEFT", PEFT, "beft_bias"),
    ("LN tuning", "base_model.model.model.norm.", "ln_tuning_layers.weight ln_tuning_layers.bias"),
    ("trainable tokens", "base_model.model.model.embed_tokens.", "trainable_tokens_delta"),
    ("prompt tuning", "", "prompt_embeddings"),
]

# Names of models that share a word with adapters.
PLAIN = """
model.diffusion_model.input_blocks.0.0.weight model.diffusion_model.out.2.bias first_stage_model.decoder.up.0.block.0.norm1.weight
first_stage_model.encoder.down.0.downsample.conv.weight cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight
double_blocks.0.img_attn.norm.query_norm.scale single_blocks.0.modulation.lin.weight double_blocks.0.img_mlp.0.weight
model.layers.0.mlp.up_proj.weight model.layers.0.mlp.down_proj.weight model.layers.0.self_attn.q_a_proj.weight
model.layers.0.self_attn.kv_b_proj.weight generator.ups.0.alpha decoder.model.0.alpha snake.beta time_mix.diff att.w1 att.w2
base_model.model.embed.weight blocks.0.modulation rope.freqs lora_scale_embed.weight road_head.weight a1.weight b2.weight
attn.q_layer.weight down.0.weight up.0.weight mlp.up.weight mlp.down.weight h.0.ln_1.weight vera.weight hada.weight
"""
