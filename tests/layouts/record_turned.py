# SPDX-License-Identifier: Apache-2.0
"""Transformers of which ComfyUI has no module to ask: the names of the left are those of the right's class, turned
back, and hold where the converter gives the class's names again."""
import re

import diffusers_classes
from recorded_model import Model, converter


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


def qwen_left():
    return turned_back(diffusers_classes.shapes("qwen-image-2.1"), [], [(r"img_mlp\.(gate_layer|proj)\.", "img_mlp.gate_up.", 2)])


def krea_left():
    left = turned_back(diffusers_classes.shapes("krea2"), [
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


def flux3_left():
    left = turned_back(diffusers_classes.shapes("flux3"), [
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


def model(name, left, by, namings=("original", "diffusers")):
    return Model(name, name, left, converter(by), lambda: diffusers_classes.shapes(name), by, namings)


def models():
    yield model("qwen-image-2.1", qwen_left, "convert_qwen_image21_transformer_checkpoint_to_diffusers",
                ("comfy", "diffusers"))  # fmt: skip
    yield model("krea2", krea_left, "convert_krea2_transformer_checkpoint_to_diffusers")
    yield model("flux3", flux3_left, "convert_flux3_transformer_checkpoint_to_diffusers")
