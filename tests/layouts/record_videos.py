# SPDX-License-Identifier: Apache-2.0
"""Transformers of videos."""
import diffusers_classes
from recorded_model import Model, comfy_module, converter, converter_of, narrowed, shapes_of


def wan(name, model_type, **given):
    sizes = {"dim": 12, "ffn_dim": 16, "num_heads": 1, "num_layers": 2, "text_dim": 5, "freq_dim": 6, "in_dim": 4,
             "out_dim": 4, "model_type": model_type}  # fmt: skip

    def left():
        from comfy.ldm.wan.model import VaceWanModel, WanModel

        made = comfy_module(VaceWanModel if model_type == "vace" else WanModel, **{**sizes, **given})
        return narrowed(made, 16)

    by = "convert_wan_transformer_to_diffusers"
    right = lambda: narrowed(diffusers_classes.shapes(name), 16)
    return Model(name, "wan", left, converter(by), right, by)


def hunyuan_comfy():
    from comfy.ldm.hunyuan_video.model import HunyuanVideo

    return comfy_module(
        HunyuanVideo, in_channels=2, out_channels=2, vec_in_dim=3, context_in_dim=5, hidden_size=8, mlp_ratio=4.0,
        num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[2, 2, 0], theta=256, patch_size=[1, 2, 2], qkv_bias=True,
        guidance_embed=True, byt5=False, meanflow=False, use_cond_type_embedding=False, vision_in_dim=None)  # fmt: skip


def hunyuan_original(name):
    """The publisher's name of what ComfyUI calls `name`."""
    refined = name.startswith("txt_in.")
    pairs = [("_mod.lin.", "_mod.linear."), ("_attn.qkv.", "_attn_qkv."), ("_attn.proj.", "_attn_proj."),
             ("_attn.norm.query_norm.scale", "_attn_q_norm.weight"), ("_attn.norm.key_norm.scale", "_attn_k_norm.weight"),
             (".norm.query_norm.scale", ".q_norm.weight"), (".norm.key_norm.scale", ".k_norm.weight"),
             ("mlp.0.", "mlp.fc1."), ("mlp.2.", "mlp.fc2."), (".modulation.lin.", ".modulation.linear.")]  # fmt: skip
    if name.startswith(("time_in.", "guidance_in.")):
        pairs = [(".in_layer.", ".mlp.0."), (".out_layer.", ".mlp.2.")]
    elif ".t_embedder." in name and refined:
        pairs = [(".in_layer.", ".mlp.0."), (".out_layer.", ".mlp.2.")]
    elif ".c_embedder." in name and refined:
        pairs = [(".in_layer.", ".linear_1."), (".out_layer.", ".linear_2.")]
    for ours, theirs in pairs:
        name = name.replace(ours, theirs)
    return name


def hunyuan_left():
    return {hunyuan_original(name): shape for name, shape in narrowed(hunyuan_comfy(), 56).items()}


def as_comfy(tensors):
    import comfy.supported_models

    return comfy.supported_models.HunyuanVideo.process_unet_state_dict(None, dict(tensors))


def ltx_left():
    from comfy.ldm.lightricks.model import LTXVModel

    return narrowed(comfy_module(LTXVModel, in_channels=4, cross_attention_dim=8, attention_head_dim=4,
                                 num_attention_heads=2, caption_channels=5, num_layers=2), 48)  # fmt: skip


def mochi_left():
    import comfy.ops
    import torch
    from comfy.ldm.genmo.joint_model.asymm_models_joint import AsymmDiTJoint

    # Its widths are fixed in the module, which therefore is made without memory and cut to a part of each.
    with torch.device("meta"):
        module = AsymmDiTJoint(
            depth=2, patch_size=2, num_heads=24, hidden_size_x=3072, hidden_size_y=1536, mlp_ratio_x=4.0,
            mlp_ratio_y=4.0, learn_sigma=False, in_channels=12, qk_norm=True, qkv_bias=False, out_bias=True,
            patch_embed_bias=True, timestep_mlp_bias=True, timestep_scale=1000.0, t5_feat_dim=4096,
            t5_token_length=256, rope_theta=10000.0, use_t5=True, device="meta", dtype=torch.float32,
            operations=comfy.ops.disable_weight_init)  # fmt: skip
    return {n: [d // 512 if d >= 512 else min(d, 4) for d in shape] for n, shape in shapes_of(module).items()}


def mochi():
    by = "convert_mochi_transformer_checkpoint_to_diffusers"
    return Model("mochi", "mochi", mochi_left, converter_of("mochi", by), None, by)  # fmt: skip


def cosmos2():
    def left():
        from comfy.ldm.cosmos.predict2 import MiniTrainDIT

        return narrowed(comfy_module(
            MiniTrainDIT, max_img_h=4, max_img_w=4, max_frames=2, in_channels=2, out_channels=2, patch_spatial=2,
            patch_temporal=1, model_channels=8, num_blocks=2, num_heads=2, mlp_ratio=4.0, crossattn_emb_channels=5,
            pos_emb_cls="rope3d", use_adaln_lora=True, adaln_lora_dim=3), 32)  # fmt: skip

    by = "convert_cosmos_transformer_checkpoint_to_diffusers"
    return Model("cosmos-predict2", "cosmos-predict2", left, converter(by, prefix="net."), None, by)


def models():
    yield wan("wan-t2v", "t2v")
    yield wan("wan-i2v", "i2v")
    yield wan("wan-vace", "vace", vace_layers=2, vace_in_dim=4)
    by = "convert_hunyuan_video_transformer_to_diffusers"
    yield Model("hunyuan-video", "hunyuan-video", hunyuan_left, converter_of("hunyuan-video", by),
                lambda: narrowed(diffusers_classes.shapes("hunyuan-video"), 56), by)  # fmt: skip
    yield Model("hunyuan-video-comfy", "hunyuan-video", hunyuan_left, as_comfy,
                lambda: narrowed(hunyuan_comfy(), 56), "process_unet_state_dict of ComfyUI",
                ("original", "comfy"))  # fmt: skip
    by = "convert_ltx_transformer_checkpoint_to_diffusers"
    yield Model("ltx-video", "ltx-video", ltx_left, converter(by),
                lambda: narrowed(diffusers_classes.shapes("ltx-video"), 48), by)  # fmt: skip
    yield mochi()
    yield cosmos2()
