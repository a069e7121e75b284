# SPDX-License-Identifier: Apache-2.0
"""Families whose left is another program's module, or the right's class turned back, one after another: ControlNets,
Stable Cascade, DC-AE, Cosmos 1, LTX-2, HunyuanVideo 1.5 and HunyuanImage."""
import re

import diffusers_classes
from record_turned import turned_back
from record_unets import SIZES
from recorded_model import SCRIPTS, Model, comfy_module, converter, narrowed, script_place


def controlnet(name, config, **given):
    def left():
        from comfy.cldm.cldm import ControlNet

        shapes = narrowed(comfy_module(ControlNet, **{**SIZES, "hint_channels": 3, **given, "out_channels": None}), most=3)
        inner = re.compile(r"\.transformer_blocks\.(?!\d+\.attn1\.to_q\.)")
        return {name: shape for name, shape in shapes.items() if not inner.search(name)}

    by = "convert_controlnet_checkpoint"
    own = converter(by, prefix="control_model.", config=config)

    def convert(tensors):
        # It drops what SDXL is told of the picture, which the class has as its U-Net does.
        labels = {"label_emb.0.0.": "add_embedding.linear_1.", "label_emb.0.2.": "add_embedding.linear_2."}
        added = {to + key[len(old) :]: t for old, to in labels.items() for key, t in tensors.items() if key.startswith(old)}
        return {**own(tensors), **added}

    return Model(name, "sd-controlnet", left, convert, by=by)


def cascade_left(name):
    merged = [(r"attention\.to_[qkv]\.", "attention.attn.in_proj_", 3)]
    pairs = [(r"attention\.to_out\.0\.", "attention.attn.out_proj.")]
    if name.endswith("decoder"):
        pairs.append((r"^clip_txt_pooled_mapper\.", "clip_mapper."))
    return lambda: turned_back(diffusers_classes.shapes(name), pairs, merged)


def cascade(name):
    by = "convert_stable_cascade_unet_single_file_to_diffusers"
    yield Model(name, name, cascade_left(name), converter(by), lambda: diffusers_classes.shapes(name), by)

    def comfy(tensors):
        import comfy.supported_models

        return comfy.supported_models.Stable_Cascade_C.process_unet_state_dict(None, dict(tensors))

    by = "process_unet_state_dict of ComfyUI"
    yield Model(name + "-comfy", name, cascade_left(name), comfy, None, by, ("original", "comfy"))


def dc_left(name):
    nested = r"main.conv.conv." if name == "dc-ae" else r"main.conv."

    def left():
        return turned_back(diffusers_classes.shapes(name), [
            (r"^encoder\.conv_in\.", "encoder.project_in.conv."),
            (r"^encoder\.conv_out\.", "encoder.project_out.main.op_list.0.conv."),
            (r"^decoder\.conv_in\.", "decoder.project_in.main.conv."),
            (r"^decoder\.norm_out\.", "decoder.project_out.op_list.0."),
            (r"^decoder\.conv_out\.", "decoder.project_out.op_list.2.conv."),
            (r"\.conv_out\.conv_(inverted|depth|point)\.", r".local_module.main.\1_conv.conv."),
            (r"\.conv_out\.norm\.", r".local_module.main.point_conv.norm."),
            (r"\.attn\.to_qkv_multiscale\.0\.proj_in\.", ".context_module.main.aggreg.0.0."),
            (r"\.attn\.to_qkv_multiscale\.0\.proj_out\.", ".context_module.main.aggreg.0.1."),
            (r"\.attn\.norm_out\.", ".context_module.main.proj.norm."),
            (r"(blocks\.\d+\.\d+)\.norm\.", r"\1.main.conv2.norm."), (r"(blocks\.\d+\.\d+)\.conv([12])\.", r"\1.main.conv\2.conv."),
            (r"^(encoder.*blocks\.\d+\.\d+)\.conv\.", r"\1." + nested), (r"^(decoder.*blocks\.\d+\.\d+)\.conv\.", r"\1.main.conv.conv."),
            (r"(down|up)_blocks\.(\d+)\.", r"stages.\2.op_list."), ],
            [(r"\.attn\.to_[qkv]\.", ".context_module.main.qkv.conv.", 3), (r"\.attn\.to_out\.", ".context_module.main.proj.conv.", 1)])  # fmt: skip

    def with_points():
        return {name: shape + [1, 1] if re.search(r"\.(qkv|proj)\.conv\.weight$", name) else shape for name, shape in left().items()}

    return with_points


def dc(name):
    by = "convert_autoencoder_dc_checkpoint_to_diffusers"
    return Model(name, "autoencoder-dc", dc_left(name), converter(by), lambda: diffusers_classes.shapes(name), by)


# It looks for the sign of Cosmos 1 in a dict that it has emptied before, and takes each file for Predict 2.
TOLD = {'attn.to_q.0.weight" in checkpoint': 'attn.to_q.0.weight" in converted_state_dict'}


def cosmos1():
    def left():
        from comfy.ldm.cosmos.model import GeneralDIT

        shapes = comfy_module(
            GeneralDIT, max_img_h=4, max_img_w=4, max_frames=2, in_channels=2, out_channels=2, patch_spatial=2,
            patch_temporal=1, model_channels=8, num_blocks=2, num_heads=2, mlp_ratio=4.0, crossattn_emb_channels=5,
            pos_emb_cls="rope3d", use_adaln_lora=True, adaln_lora_dim=3, affline_emb_norm=True,
            block_x_format="THWBD", extra_per_block_abs_pos_emb=True, extra_per_block_abs_pos_emb_type="learnable")  # fmt: skip
        return {**narrowed(shapes, 32), "logvar.0.freqs": [2], "logvar.0.phases": [2], "logvar.1.weight": [1, 2]}

    by = "convert_cosmos_transformer_checkpoint_to_diffusers"
    names = lambda: diffusers_classes.shapes("cosmos1", exact=False)
    return Model("cosmos1", "cosmos1", left, converter(by, TOLD, prefix="net."), names, by)


def ltx2_left():
    return turned_back(diffusers_classes.shapes("ltx2"), [
        (r"^proj_in\.", "patchify_proj."), (r"^audio_proj_in\.", "audio_patchify_proj."),
        (r"^time_embed\.", "adaln_single."), (r"^audio_time_embed\.", "audio_adaln_single."),
        (r"^av_cross_attn_(video|audio)_scale_shift\.", r"av_ca_\1_scale_shift_adaln_single."),
        (r"^av_cross_attn_(?:video|audio)_(a2v|v2a)_gate\.", r"av_ca_\1_gate_adaln_single."),
        (r"\.(video|audio)_a2v_cross_attn_scale_shift_table$", r".scale_shift_table_a2v_ca_\1"),
        (r"\.norm_([qk])\.", r".\1_norm.")])  # fmt: skip


STATISTICS = [(r"^latents_mean$", "per_channel_statistics.mean-of-means"), (r"^latents_std$", "per_channel_statistics.std-of-means")]


def ltx2_vae_left():
    def number(pattern, even):
        return lambda found: "{}_blocks.{}.".format(found.group(1), 2 * int(found.group(2)) + even)

    left = {}
    for name, shape in diffusers_classes.shapes("ltx2-vae").items():
        name = re.sub(r"^encoder\.mid_block\.", "encoder.down_blocks.8.", name) if name.startswith("encoder.mid") else re.sub(
            r"(down)_blocks\.(\d+)\.(?=downsamplers)", number(name, 1), name) if "downsamplers" in name else re.sub(
            r"(down)_blocks\.(\d+)\.", number(name, 0), name)  # fmt: skip
        name = re.sub(r"^decoder\.mid_block\.", "decoder.up_blocks.0.", name) if name.startswith("decoder.mid") else re.sub(
            r"(up)_blocks\.(\d+)\.(?=upsamplers)", number(name, 1), name) if "upsamplers" in name else re.sub(
            r"(up)_blocks\.(\d+)\.", number(name, 2), name)  # fmt: skip
        for pattern, to in [(r"(down|up)samplers\.0\.", ""), (r"\.resnets\.", ".res_blocks.")] + STATISTICS:
            name = re.sub(pattern, to, name)
        left[name] = shape
    return left


def ltx2():
    by = "convert_ltx2_transformer_to_diffusers"
    yield Model("ltx2", "ltx2", ltx2_left, converter(by), lambda: diffusers_classes.shapes("ltx2"), by)
    by = "convert_ltx2_vae_to_diffusers"
    yield Model("ltx2-vae", "ltx-vae", ltx2_vae_left, converter(by, prefix="vae."), lambda: diffusers_classes.shapes("ltx2-vae"), by)
    by = "convert_ltx2_audio_vae_to_diffusers"
    yield Model("ltx2-audio-vae", "ltx2-audio-vae", lambda: turned_back(diffusers_classes.shapes("ltx2-audio-vae"), STATISTICS),
                converter(by, prefix="audio_vae."), lambda: diffusers_classes.shapes("ltx2-audio-vae"), by)  # fmt: skip


def hunyuan_comfy(name):
    from comfy.ldm.hunyuan_video.model import HunyuanVideo

    video = name == "hunyuan-video-1.5"
    return narrowed(comfy_module(
        HunyuanVideo, in_channels=2, out_channels=2, vec_in_dim=None, context_in_dim=5, hidden_size=8, mlp_ratio=4.0,
        num_heads=2, depth=2, depth_single_blocks=0 if video else 2, axes_dim=[2, 2, 0], theta=256,
        patch_size=[1, 1, 1] if video else [1, 1], qkv_bias=True, guidance_embed=not video, byt5=True, meanflow=not video,
        use_cond_type_embedding=video, vision_in_dim=7 if video else None), 56)  # fmt: skip


def published(tensors, name):
    """From ComfyUI's names to the publisher's, which has q, k and v of HunyuanVideo 1.5 apart."""
    from record_videos import hunyuan_original

    out = {}
    for key, tensor in tensors.items():
        if name == "hunyuan-video-1.5" and re.search(r"(img|txt)_attn\.qkv\.", key):
            for part, rows in zip("qkv", tensor.chunk(3)):
                out[key.replace("_attn.qkv.", "_attn_{}.".format(part))] = rows
            continue
        of_time = key.replace("time_r_in.", "time_in.", 1)
        original = hunyuan_original(of_time)
        out[original if of_time == key else original.replace("time_in.", "time_r_in.", 1)] = tensor
    return out


def hunyuan(name, script, function, constants, *given):
    def left():
        import torch

        shapes = hunyuan_comfy(name)
        with torch.device("meta"):
            return {key: list(t.shape) for key, t in published({k: torch.empty(s) for k, s in shapes.items()}, name).items()}

    def convert(tensors):
        place = script_place(script, constants)
        if name == "hunyuan-image":
            tensors = place["convert_hunyuan_dict_for_tensor_parallel"](tensors)
        converted = place[function](dict(tensors), *given)
        return converted[0] if isinstance(converted, tuple) else converted

    by = function + " of diffusers' scripts"
    names = lambda: diffusers_classes.shapes(name, exact=False)
    yield Model(name, name, left, convert, names, by)
    yield Model(name + "-comfy", name, lambda: hunyuan_comfy(name), lambda tensors: convert(published(tensors, name)), names,
                by + ", rows as ComfyUI's module has them", ("comfy", "diffusers"))  # fmt: skip


class Config:
    use_meanflow = False


def models():
    two = {"layers_per_block": 2}
    yield controlnet("sd1-controlnet", two, num_res_blocks=[2] * 2, channel_mult=(1, 2), transformer_depth=[1, 1, 0, 0],
                     transformer_depth_middle=1)  # fmt: skip
    yield controlnet("sdxl-controlnet", {**two, "addition_embed_type": "text_time"}, num_res_blocks=[2] * 3,
                     channel_mult=(1, 2, 4), transformer_depth=[0, 0, 2, 2, 3, 3], transformer_depth_middle=3,
                     use_linear_in_transformer=True, num_classes="sequential", adm_in_channels=5)  # fmt: skip
    yield from cascade("stable-cascade")
    yield from cascade("stable-cascade-decoder")
    yield dc("dc-ae")
    yield dc("dc-ae-sana")
    yield cosmos1()
    yield from ltx2()
    if not SCRIPTS:
        return print("NOT RUN: HunyuanVideo 1.5 and HunyuanImage, which need --scripts")
    yield from hunyuan("hunyuan-video-1.5", "convert_hunyuan_video1_5_to_diffusers.py",
                       "convert_hyvideo15_transformer_to_diffusers", {"num_layers = 54": "num_layers = 2"}, Config)  # fmt: skip
    yield from hunyuan("hunyuan-image", "convert_hunyuan_image_to_diffusers.py",
                       "convert_hunyuan_image_transformer_checkpoint_to_diffusers",
                       {"range(20)": "range(2)", "range(40)": "range(2)"}, True, True, True)  # fmt: skip
