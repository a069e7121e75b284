# SPDX-License-Identifier: Apache-2.0
"""U-Nets of Stable Diffusion 1, 2, XL and the refiner."""
import re

from recorded_model import Model, comfy_module, converter, narrowed

BY = "convert_ldm_unet_checkpoint"

SIZES = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "num_head_channels": 8,
    "use_spatial_transformer": True, "context_dim": 6, "legacy": False,
}  # fmt: skip


def left(**given):
    """Of what is inside of attentions, which both namings call the same, a part."""

    def make():
        from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

        shapes = narrowed(comfy_module(UNetModel, **{**SIZES, **given}), most=3)
        inner = re.compile(r"\.transformer_blocks\.(?!\d+\.attn1\.to_q\.)")
        return {name: shape for name, shape in shapes.items() if not inner.search(name)}

    return make


def unet(name, config, **given):
    convert = converter("convert_ldm_unet_checkpoint", prefix="model.diffusion_model.", config=config)
    return Model(name, "sd-unet", left(**given), convert, by=BY)


def models():
    two = {"layers_per_block": 2}
    yield unet("sd1", two, num_res_blocks=[2] * 4, channel_mult=(1, 2, 4, 4),
               transformer_depth=[1, 1, 1, 1, 1, 1, 0, 0], transformer_depth_output=[1] * 9 + [0] * 3,
               transformer_depth_middle=1)  # fmt: skip
    yield unet("sd2-unclip", {**two, "class_embed_type": "projection"}, num_res_blocks=[2] * 2, channel_mult=(1, 2),
               transformer_depth=[1, 1, 0, 0], transformer_depth_output=[1] * 3 + [0] * 3, transformer_depth_middle=1,
               use_linear_in_transformer=True, num_classes="sequential", adm_in_channels=5)  # fmt: skip
    yield unet("sdxl", {**two, "addition_embed_type": "text_time"}, num_res_blocks=[2] * 3, channel_mult=(1, 2, 4),
               transformer_depth=[0, 0, 2, 2, 3, 3], transformer_depth_output=[0] * 3 + [2] * 3 + [3] * 3,
               transformer_depth_middle=3, use_linear_in_transformer=True, num_classes="sequential",
               adm_in_channels=5)  # fmt: skip
    yield unet("sdxl-refiner", {**two, "addition_embed_type": "text_time"}, num_res_blocks=[2] * 4,
               channel_mult=(1, 2, 4, 4), transformer_depth=[0, 0, 1, 1, 1, 1, 0, 0],
               transformer_depth_output=[0] * 3 + [1] * 6 + [0] * 3, transformer_depth_middle=1,
               use_linear_in_transformer=True, num_classes="sequential", adm_in_channels=5)  # fmt: skip
    yield unet("one-resnet", {"layers_per_block": 1}, num_res_blocks=[1] * 3, channel_mult=(1, 2, 4),
               transformer_depth=[0, 1, 0], transformer_depth_output=[0] * 2 + [1] * 2 + [0] * 2,
               transformer_depth_middle=1)  # fmt: skip
