# SPDX-License-Identifier: Apache-2.0
"""The classes of diffusers that the recorded models are of, and the sizes that make small ones of them."""

UNET = {"in_channels": 4, "out_channels": 4, "cross_attention_dim": 8, "norm_num_groups": 8, "attention_head_dim": 2}
VAE = {"in_channels": 3, "out_channels": 3, "norm_num_groups": 4, "latent_channels": 2, "layers_per_block": 1}
WAN = {"num_attention_heads": 1, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 5,
       "freq_dim": 6, "ffn_dim": 16, "num_layers": 2}  # fmt: skip
FLUX = {"in_channels": 4, "num_layers": 2, "num_single_layers": 2, "attention_head_dim": 4, "num_attention_heads": 2,
        "joint_attention_dim": 5, "axes_dims_rope": (2, 2)}  # fmt: skip

DC_AE = {"latent_channels": 2, "attention_head_dim": 2, "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
         "decoder_block_types": ("ResBlock", "EfficientViTBlock"), "encoder_block_out_channels": (4, 4),
         "decoder_block_out_channels": (4, 4), "encoder_qkv_multiscales": ((), (5,)),
         "decoder_qkv_multiscales": ((), (5,))}  # fmt: skip
CASCADE = {"in_channels": 2, "out_channels": 2, "conditioning_dim": 4, "patch_size": 1, "block_out_channels": (4, 4),
           "num_attention_heads": (2, 2), "down_num_layers_per_block": (1, 1), "up_num_layers_per_block": (1, 1),
           "down_blocks_repeat_mappers": (1, 2), "up_blocks_repeat_mappers": (2, 1), "clip_seq": 2, "kernel_size": 3,
           "timestep_ratio_embedding_dim": 4,
           "block_types_per_layer": (("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),) * 2}  # fmt: skip
HUNYUAN = {"in_channels": 2, "out_channels": 2, "num_attention_heads": 2, "attention_head_dim": 4, "num_layers": 2,
           "num_refiner_layers": 2, "text_embed_dim": 5, "text_embed_2_dim": 6}  # fmt: skip


def levels(down, up, *channels):
    return {"down_block_types": down, "up_block_types": up, "block_out_channels": channels}


CLASSES = {
    "sd1": ("UNet2DConditionModel", {**UNET, **levels(
        ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, 8, 16, 16, 16)}),
    "sdxl": ("UNet2DConditionModel", {**UNET, **levels(
        ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), 8, 16, 16),
        "transformer_layers_per_block": (1, 2, 3), "use_linear_projection": True, "addition_embed_type": "text_time",
        "addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 32}),
    "autoencoder-kl": ("AutoencoderKL", {**VAE, **levels(
        ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4, 8, 8, 16, 16)}),
    "flux-ae": ("AutoencoderKL", {**VAE, **levels(
        ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4, 8, 8, 16, 16),
        "use_quant_conv": False, "use_post_quant_conv": False}),
    "wan-vae": ("AutoencoderKLWan", {"base_dim": 8, "z_dim": 4}),
    "flux-dev": ("FluxTransformer2DModel", {**FLUX, "pooled_projection_dim": 3, "guidance_embeds": True}),
    "flux-schnell": ("FluxTransformer2DModel", {**FLUX, "pooled_projection_dim": 3, "guidance_embeds": False}),
    "chroma": ("ChromaTransformer2DModel", {
        **FLUX, "approximator_num_channels": 4, "approximator_hidden_dim": 6, "approximator_layers": 2}),
    "flux2": ("Flux2Transformer2DModel", {**FLUX, "axes_dims_rope": (1, 1, 1, 1)}),
    "sd3": ("SD3Transformer2DModel", {
        "sample_size": 4, "in_channels": 2, "out_channels": 2, "num_layers": 3, "attention_head_dim": 4,
        "num_attention_heads": 2, "joint_attention_dim": 5, "caption_projection_dim": 8, "pooled_projection_dim": 3,
        "pos_embed_max_size": 2}),
    "sd3.5-medium": ("SD3Transformer2DModel", {
        "sample_size": 4, "in_channels": 2, "out_channels": 2, "num_layers": 3, "attention_head_dim": 4,
        "num_attention_heads": 2, "joint_attention_dim": 5, "caption_projection_dim": 8, "pooled_projection_dim": 3,
        "pos_embed_max_size": 2, "dual_attention_layers": (0,), "qk_norm": "rms_norm"}),
    "auraflow": ("AuraFlowTransformer2DModel", {
        "sample_size": 4, "in_channels": 2, "out_channels": 2, "num_mmdit_layers": 2, "num_single_dit_layers": 1,
        "attention_head_dim": 4, "num_attention_heads": 2, "joint_attention_dim": 5, "caption_projection_dim": 8,
        "pos_embed_max_size": 4}),
    "lumina2": ("Lumina2Transformer2DModel", {
        "sample_size": 4, "in_channels": 2, "hidden_size": 12, "num_layers": 2, "num_attention_heads": 6,
        "num_kv_heads": 2, "multiple_of": 4, "cap_feat_dim": 5, "axes_dim_rope": (2, 0, 0), "axes_lens": (4, 4, 4)}),
    "z-image": ("ZImageTransformer2DModel", {
        "in_channels": 2, "dim": 8, "n_layers": 2, "n_refiner_layers": 2, "n_heads": 2, "n_kv_heads": 2,
        "cap_feat_dim": 5, "axes_dims": [4, 0, 0], "axes_lens": [4, 4, 4]}),
    "pixart": ("PixArtTransformer2DModel", {
        "num_attention_heads": 3, "attention_head_dim": 4, "in_channels": 2, "out_channels": 4, "num_layers": 2,
        "cross_attention_dim": 12, "sample_size": 128, "caption_channels": 5, "patch_size": 2,
        "use_additional_conditions": True}),
    "sana": ("SanaTransformer2DModel", {
        "in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 4, "num_layers": 2,
        "num_cross_attention_heads": 2, "cross_attention_head_dim": 4, "cross_attention_dim": 8, "caption_channels": 5}),
    "qwen-image-2.1": ("QwenImage21Transformer2DModel", {
        "in_channels": 4, "out_channels": 4, "num_layers": 2, "attention_head_dim": 4, "num_attention_heads": 2,
        "context_in_dim": 5, "mlp_ratio": 3, "axes_dims_rope": (2, 2, 0)}),
    "krea2": ("Krea2Transformer2DModel", {
        "in_channels": 4, "num_layers": 2, "attention_head_dim": 4, "num_attention_heads": 2, "num_key_value_heads": 1,
        "intermediate_size": 6, "timestep_embed_dim": 6, "text_hidden_dim": 4, "num_text_layers": 2,
        "text_num_attention_heads": 1, "text_num_key_value_heads": 1, "text_intermediate_size": 6,
        "num_layerwise_text_blocks": 1, "num_refiner_text_blocks": 1, "axes_dims_rope": (2, 2, 0)}),
    "flux3": ("Flux3Transformer2DModel", {
        "in_channels": 4, "cond_in_channels": 4, "num_layers": 1, "num_single_layers": 2, "attention_head_dim": 4,
        "num_attention_heads": 2, "joint_attention_dim": 5, "timestep_channels": 6, "mlp_ratio": 3.0,
        "axes_dims_rope": (1, 1, 1, 1), "flow_map": True}),
    "wan-t2v": ("WanTransformer3DModel", WAN),
    "wan-i2v": ("WanTransformer3DModel", {**WAN, "image_dim": 1280, "added_kv_proj_dim": 12}),
    "wan-vace": ("WanVACETransformer3DModel", {**WAN, "vace_layers": [0, 1], "vace_in_channels": 4}),
    "hunyuan-video": ("HunyuanVideoTransformer3DModel", {
        "in_channels": 2, "out_channels": 2, "num_attention_heads": 2, "attention_head_dim": 4, "num_layers": 2,
        "num_single_layers": 2, "num_refiner_layers": 2, "text_embed_dim": 5, "pooled_projection_dim": 3,
        "rope_axes_dim": (2, 2, 0)}),
    "ltx-video": ("LTXVideoTransformer3DModel", {
        "in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 4,
        "cross_attention_dim": 8, "num_layers": 2, "caption_channels": 5}),
    "ltx2": ("LTX2VideoTransformer3DModel", {
        "in_channels": 4, "out_channels": 4, "num_attention_heads": 1, "attention_head_dim": 4, "cross_attention_dim": 4,
        "num_layers": 2, "caption_channels": 5, "audio_in_channels": 4, "audio_out_channels": 4,
        "audio_num_attention_heads": 1, "audio_attention_head_dim": 4, "audio_cross_attention_dim": 4}),
    "ltx2-vae": ("AutoencoderKLLTX2Video", {
        "latent_channels": 2, "block_out_channels": (4, 8, 16, 16), "decoder_block_out_channels": (4, 8, 16),
        "layers_per_block": (1,) * 5, "decoder_layers_per_block": (1,) * 4, "patch_size": 1}),
    "ltx2-audio-vae": ("AutoencoderKLLTX2Audio", {
        "base_channels": 4, "ch_mult": (1, 2), "num_res_blocks": 1, "latent_channels": 2}),
    "cosmos1": ("CosmosTransformer3DModel", {
        "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 4, "in_channels": 2, "out_channels": 2,
        "text_embed_dim": 5, "adaln_lora_dim": 3, "max_size": (2, 4, 4), "extra_pos_embed_type": "learnable"}),
    "dc-ae": ("AutoencoderDC", {
        **DC_AE, "encoder_layers_per_block": (1, 2), "decoder_layers_per_block": (1, 2), "upsample_block_type": "pixel_shuffle"}),
    "dc-ae-sana": ("AutoencoderDC", {
        **DC_AE, "encoder_layers_per_block": (1, 1), "decoder_layers_per_block": (1, 1), "downsample_block_type": "Conv",
        "upsample_block_type": "interpolate"}),
    "stable-cascade": ("StableCascadeUNet", {
        **CASCADE, "clip_text_in_channels": 5, "clip_text_pooled_in_channels": 5, "clip_image_in_channels": 5}),
    "stable-cascade-decoder": ("StableCascadeUNet", {
        **CASCADE, "clip_text_pooled_in_channels": 5, "effnet_in_channels": 3}),
    "hunyuan-video-1.5": ("HunyuanVideo15Transformer3DModel", {
        **HUNYUAN, "image_embed_dim": 7, "rope_axes_dim": (2, 2, 0)}),
    "hunyuan-image": ("HunyuanImageTransformer2DModel", {
        **HUNYUAN, "num_single_layers": 2, "guidance_embeds": True, "use_meanflow": True, "rope_axes_dim": (2, 2)}),
}  # fmt: skip

# Widths that converters have as numbers in their text, and what they are here.
CONSTANTS = {
    "flux-dev": {"3072": "8"}, "flux-schnell": {"3072": "8"}, "chroma": {"3072": "8"}, "hunyuan-video": {"3072": "8"},
    "lumina2": {"2304": "12", "768": "4"}, "mochi": {"num_layers = 48": "num_layers = 2"},
}  # fmt: skip


def make(name):
    """A small model of the recorded model's class, on torch's current device."""
    import diffusers

    made, sizes = CLASSES[name]
    return getattr(diffusers, made)(**sizes)


def shapes(name, exact=True):
    """{name: shape} of it; without `exact` the shape is None, which stands for any."""
    import torch

    with torch.device("meta"):
        tensors = make(name).state_dict()
    return {key: list(tensor.shape) if exact else None for key, tensor in tensors.items()}
