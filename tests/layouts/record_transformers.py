# SPDX-License-Identifier: Apache-2.0
"""Transformers of images."""
import diffusers_classes
from recorded_model import Model, comfy_module, converter_of, narrowed


def model(name, family, left, by, namings=("original", "diffusers"), exact=True):
    return Model(name, family, left, converter_of(name, by), lambda: diffusers_classes.shapes(name, exact), by, namings)


def flux(name, guidance):
    def left():
        from comfy.ldm.flux.model import Flux

        return comfy_module(
            Flux, in_channels=1, out_channels=1, vec_in_dim=3, context_in_dim=5, hidden_size=8, mlp_ratio=4.0,
            num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[2, 2], theta=10000, patch_size=2, qkv_bias=True,
            guidance_embed=guidance)  # fmt: skip

    by = "convert_flux_transformer_checkpoint_to_diffusers"
    return model(name, "flux", left, by)


def chroma():
    def left():
        from comfy.ldm.chroma.model import Chroma

        return comfy_module(
            Chroma, in_channels=4, out_channels=4, context_in_dim=5, hidden_size=8, mlp_ratio=4.0, num_heads=2, depth=2,
            depth_single_blocks=2, axes_dim=[2, 2], theta=10000, patch_size=2, qkv_bias=True, in_dim=4, out_dim=8,
            hidden_dim=6, n_layers=2)  # fmt: skip

    by = "convert_chroma_transformer_checkpoint_to_diffusers"
    return model("chroma", "chroma", left, by)


def flux2():
    def left():
        from comfy.ldm.flux.model import Flux

        return comfy_module(
            Flux, in_channels=4, out_channels=4, vec_in_dim=None, context_in_dim=5, hidden_size=8, mlp_ratio=3.0,
            num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[1, 1, 1, 1], theta=2000, patch_size=1,
            qkv_bias=False, guidance_embed=True, global_modulation=True, mlp_silu_act=True, ops_bias=False)  # fmt: skip

    by = "convert_flux2_transformer_checkpoint_to_diffusers"
    return model("flux2", "flux2", left, by)


def sd3(name, dual):
    def left():
        from comfy.ldm.modules.diffusionmodules.mmdit import OpenAISignatureMMDITWrapper

        return comfy_module(
            OpenAISignatureMMDITWrapper, input_size=None, patch_size=2, in_channels=2, depth=3, mlp_ratio=4.0,
            adm_in_channels=3, context_size=5, num_patches=4, pos_embed_max_size=2, qkv_bias=True,
            qk_norm="rms" if dual else None, x_block_self_attn_layers=[0] if dual else [],
            context_embedder_config={
                "target": "torch.nn.Linear", "params": {"in_features": 5, "out_features": 3 * 64}
            })  # fmt: skip

    by = "convert_sd3_transformer_checkpoint_to_diffusers"
    return model(name, "sd3", lambda: sd3_narrowed(left()), by, exact=False)


def sd3_narrowed(shapes):
    """Its widths are 64 a block, which only the names hang on: an eighth of 192 does."""

    def small(d):
        return d // 24 if d >= 192 else d // 8 if d >= 64 else d

    return {name: [small(d) for d in shape] for name, shape in shapes.items()}


def auraflow():
    def left():
        from comfy.ldm.aura.mmdit import MMDiT

        return comfy_module(MMDiT, in_channels=2, out_channels=2, dim=8, n_layers=3, n_double_layers=2, n_heads=2,
                            global_conddim=8, cond_seq_dim=5, max_seq=4)  # fmt: skip

    by = "convert_auraflow_transformer_checkpoint_to_diffusers"
    return model("auraflow", "auraflow", lambda: narrowed(left(), 8), by, exact=False)


def lumina2():
    def left():
        from comfy.ldm.lumina.model import NextDiT

        return comfy_module(NextDiT, patch_size=2, in_channels=2, dim=12, n_layers=2, n_refiner_layers=2, n_heads=6,
                            n_kv_heads=2, multiple_of=4, ffn_dim_multiplier=1.0, qk_norm=True, cap_feat_dim=5,
                            axes_dims=[2, 0, 0])  # fmt: skip

    by = "convert_lumina2_to_diffusers"
    return model("lumina2", "lumina2", lambda: narrowed(left(), 20), by, exact=False)


def z_image():
    def left():
        from comfy.ldm.lumina.model import NextDiT

        return comfy_module(NextDiT, patch_size=2, in_channels=2, dim=8, n_layers=2, n_refiner_layers=2, n_heads=2,
                            n_kv_heads=2, multiple_of=4, ffn_dim_multiplier=1.0, qk_norm=True, cap_feat_dim=5,
                            axes_dims=[4, 0, 0], z_image_modulation=True, pad_tokens_multiple=32)  # fmt: skip

    by = "convert_z_image_transformer_checkpoint_to_diffusers"
    # Its widths of the feed forward are multiples of others than ComfyUI's.
    return model("z-image", "z-image", lambda: narrowed(left(), 24), by, ("comfy", "diffusers"), exact=False)


def by_map(make_map, **given):
    """ComfyUI's map of names goes from diffusers' to its own: a name, or a name with the rows of it."""

    def convert(tensors):
        import comfy.utils

        right = {}
        for name, source in getattr(comfy.utils, make_map)(given).items():
            whole = source if isinstance(source, str) else source[0]
            if whole in tensors and name != "caption_projection.y_embedding":  # no class of diffusers has that
                tensor = tensors[whole]
                right[name] = tensor if isinstance(source, str) else tensor.narrow(*source[1])
        return right

    return convert


def pixart():
    def left():
        from comfy.ldm.pixart.pixartms import PixArtMS

        shapes = comfy_module(PixArtMS, input_size=4, patch_size=2, in_channels=2, hidden_size=12, depth=2, num_heads=3,
                              caption_channels=5, micro_condition=True, qk_norm=False, model_max_length=3)  # fmt: skip
        return narrowed(shapes, 72)

    convert = by_map("pixart_to_diffusers", depth=2, hidden_size=12)
    return Model("pixart", "pixart", left, convert, lambda: narrowed(diffusers_classes.shapes("pixart"), 72),
                 "pixart_to_diffusers of ComfyUI")  # fmt: skip


def sana():
    def left():
        shapes = {
            "x_embedder.proj.weight": [8, 4, 1, 1], "x_embedder.proj.bias": [8], "pos_embed": [1, 4, 8],
            "t_embedder.mlp.0.weight": [8, 48], "t_embedder.mlp.0.bias": [8], "t_embedder.mlp.2.weight": [8, 8],
            "t_embedder.mlp.2.bias": [8], "t_block.1.weight": [48, 8], "t_block.1.bias": [48],
            "y_embedder.y_embedding": [3, 5], "y_embedder.y_proj.fc1.weight": [8, 5], "y_embedder.y_proj.fc1.bias": [8],
            "y_embedder.y_proj.fc2.weight": [8, 8], "y_embedder.y_proj.fc2.bias": [8], "attention_y_norm.weight": [8],
            "final_layer.linear.weight": [4, 8], "final_layer.linear.bias": [4], "final_layer.scale_shift_table": [2, 8],
        }  # fmt: skip
        for block in range(2):
            own = {
                "scale_shift_table": [6, 8], "attn.qkv.weight": [24, 8], "attn.proj.weight": [8, 8],
                "attn.proj.bias": [8], "cross_attn.q_linear.weight": [8, 8], "cross_attn.q_linear.bias": [8],
                "cross_attn.kv_linear.weight": [16, 8], "cross_attn.kv_linear.bias": [16],
                "cross_attn.proj.weight": [8, 8], "cross_attn.proj.bias": [8],
                "mlp.inverted_conv.conv.weight": [40, 8, 1, 1], "mlp.inverted_conv.conv.bias": [40],
                "mlp.depth_conv.conv.weight": [40, 1, 3, 3], "mlp.depth_conv.conv.bias": [40],
                "mlp.point_conv.conv.weight": [8, 20, 1, 1],
            }  # fmt: skip
            shapes.update({"blocks.{}.{}".format(block, name): shape for name, shape in own.items()})
        return shapes

    by = "convert_sana_transformer_to_diffusers"
    return model("sana", "sana", left, by, exact=False)


def models():
    yield flux("flux-dev", True)
    yield flux("flux-schnell", False)
    yield chroma()
    yield flux2()
    yield sd3("sd3", False)
    yield sd3("sd3.5-medium", True)
    yield auraflow()
    yield lumina2()
    yield z_image()
    yield pixart()
    yield sana()
    import record_turned

    yield from record_turned.models()
