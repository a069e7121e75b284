# SPDX-License-Identifier: Apache-2.0
"""Transformers of which ComfyUI has no module to ask: the names of the left are those of the right's class, turned
back, and hold where the converter gives the class's names again."""
import re

from recorded_model import Model, converter, diffusers_module


def turned_back(right, pairs, merged=()):
    """{name: shape} of the left of `right`: patterns and what to put in their place, in order; `merged` are patterns of
    parts that lie one after another in one tensor, with its name and the number of parts."""
    left = {}
    for name, shape in right.items():
        parts = 1
        for pattern, to, count in merged:
            if re.search(pattern, name):
                name, parts = re.sub(pattern, to, name), count
        for pattern, to in pairs:
            name = re.sub(pattern, to, name)
        left[name] = [shape[0] * parts] + list(shape[1:])
    return left


def qwen_right():
    from diffusers import QwenImage21Transformer2DModel

    return diffusers_module(QwenImage21Transformer2DModel, in_channels=4, out_channels=4, num_layers=2,
                            attention_head_dim=4, num_attention_heads=2, context_in_dim=5, mlp_ratio=3,
                            axes_dims_rope=(2, 2, 0))  # fmt: skip


def qwen_left():
    return turned_back(qwen_right(), [], [(r"img_mlp\.(gate_layer|proj)\.", "img_mlp.gate_up.", 2)])


def krea_right():
    from diffusers import Krea2Transformer2DModel

    return diffusers_module(Krea2Transformer2DModel, in_channels=4, num_layers=2, attention_head_dim=4,
                            num_attention_heads=2, num_key_value_heads=1, intermediate_size=6, timestep_embed_dim=6,
                            text_hidden_dim=4, num_text_layers=2, text_num_attention_heads=1,
                            text_num_key_value_heads=1, text_intermediate_size=6, num_layerwise_text_blocks=1,
                            num_refiner_text_blocks=1, axes_dims_rope=(2, 2, 0))  # fmt: skip


def krea_left():
    left = turned_back(krea_right(), [
        (r"^img_in\.", "first."), (r"^time_embed\.linear_1\.", "tmlp.0."), (r"^time_embed\.linear_2\.", "tmlp.2."),
        (r"^time_mod_proj\.", "tproj.1."), (r"^txt_in\.norm\.weight$", "txtmlp.0.scale"),
        (r"^txt_in\.linear_1\.", "txtmlp.1."), (r"^txt_in\.linear_2\.", "txtmlp.3."), (r"^text_fusion\.", "txtfusion."),
        (r"^transformer_blocks\.", "blocks."), (r"^final_layer\.linear\.", "last.linear."),
        (r"^final_layer\.norm\.weight$", "last.norm.scale"),
        (r"^final_layer\.scale_shift_table$", "last.modulation.lin"), (r"\.attn\.to_([qkv])\.", r".attn.w\1."),
        (r"\.attn\.to_out\.0\.", ".attn.wo."), (r"\.attn\.to_gate\.", ".attn.gate."),
        (r"\.attn\.norm_([qk])\.weight$", r".attn.qknorm.\1norm.scale"), (r"\.ff\.", ".mlp."),
        (r"\.norm1\.weight$", ".prenorm.scale"), (r"\.norm2\.weight$", ".postnorm.scale"),
        (r"\.scale_shift_table$", ".mod.lin")])  # fmt: skip
    return {
        name: [shape[0] * shape[1]] if re.match(r"blocks\.\d+\.mod\.lin$", name) else shape
        for name, shape in left.items()
    }


def flux3_right():
    from diffusers import Flux3Transformer2DModel

    return diffusers_module(Flux3Transformer2DModel, in_channels=4, cond_in_channels=4, num_layers=1,
                            num_single_layers=2, attention_head_dim=4, num_attention_heads=2, joint_attention_dim=5,
                            timestep_channels=6, mlp_ratio=3.0, axes_dims_rope=(1, 1, 1, 1), flow_map=True)  # fmt: skip


def flux3_left():
    left = turned_back(flux3_right(), [
        (r"^x_embedders\.", "emb_in."), (r"^context_embedder\.", "txt_in."), (r"^mode_blocks\.", "content_mode_blocks."),
        (r"^single_transformer_blocks\.", "single_blocks."), (r"\.attn\.to_([qkv])\.", r".\1_proj."),
        (r"\.attn\.to_out\.0\.", ".attn_out."), (r"\.attn\.norm_q\.weight$", ".norm.query_norm.scale"),
        (r"\.attn\.norm_k\.weight$", ".norm.key_norm.scale"), (r"\.ff\.linear_(in|out)\.", r".mlp_\1."),
        (r"^timestep_embedder\.linear_1\.", "time_in.in_layer."),
        (r"^timestep_embedder\.linear_2\.", "time_in.out_layer."),
        (r"^target_timestep_embedder\.linear_1\.", "ref_time_in.in_layer."),
        (r"^target_timestep_embedder\.linear_2\.", "ref_time_in.out_layer."),
        (r"^proj_out\.", "final_layer.image.linear."),
        (r"^norm_out\.linear\.", "final_layer.image.adaLN_modulation.1."), (r"\.linear\.weight$", ".lin.weight"),
        (r"^final_layer\.image\.lin\.", "final_layer.image.linear.")])  # fmt: skip
    return {**left, "repa_projectors.0.weight": [2, 2]}


def models():
    by = "convert_qwen_image21_transformer_checkpoint_to_diffusers"
    yield Model("qwen-image-2.1", "qwen-image-2.1", qwen_left, converter(by), qwen_right, by, ("comfy", "diffusers"))
    by = "convert_krea2_transformer_checkpoint_to_diffusers"
    yield Model("krea2", "krea2", krea_left, converter(by), krea_right, by)
    by = "convert_flux3_transformer_checkpoint_to_diffusers"
    yield Model("flux3", "flux3", flux3_left, converter(by), flux3_right, by)
