# SPDX-License-Identifier: Apache-2.0
"""Transformers of images."""
from recorded_model import Model, comfy_module, converter, diffusers_module, narrowed


def flux(name, guidance):
    def left():
        from comfy.ldm.flux.model import Flux

        return comfy_module(
            Flux, in_channels=1, out_channels=1, vec_in_dim=3, context_in_dim=5, hidden_size=8, mlp_ratio=4.0,
            num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[2, 2], theta=10000, patch_size=2, qkv_bias=True,
            guidance_embed=guidance)  # fmt: skip

    def right():
        from diffusers import FluxTransformer2DModel

        return diffusers_module(
            FluxTransformer2DModel, in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=4,
            num_attention_heads=2, joint_attention_dim=5, pooled_projection_dim=3, guidance_embeds=guidance,
            axes_dims_rope=(2, 2))  # fmt: skip

    by = "convert_flux_transformer_checkpoint_to_diffusers"
    return Model(name, "flux", left, converter(by, {"3072": "8"}), right, by)


def chroma():
    def left():
        from comfy.ldm.chroma.model import Chroma

        return comfy_module(
            Chroma, in_channels=4, out_channels=4, context_in_dim=5, hidden_size=8, mlp_ratio=4.0, num_heads=2, depth=2,
            depth_single_blocks=2, axes_dim=[2, 2], theta=10000, patch_size=2, qkv_bias=True, in_dim=4, out_dim=8,
            hidden_dim=6, n_layers=2)  # fmt: skip

    def right():
        from diffusers import ChromaTransformer2DModel

        return diffusers_module(
            ChromaTransformer2DModel, in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=4,
            num_attention_heads=2, joint_attention_dim=5, axes_dims_rope=(2, 2), approximator_num_channels=4,
            approximator_hidden_dim=6, approximator_layers=2)  # fmt: skip

    by = "convert_chroma_transformer_checkpoint_to_diffusers"
    return Model("chroma", "chroma", left, converter(by, {"3072": "8"}), right, by)


def flux2():
    def left():
        from comfy.ldm.flux.model import Flux

        return comfy_module(
            Flux, in_channels=4, out_channels=4, vec_in_dim=None, context_in_dim=5, hidden_size=8, mlp_ratio=3.0,
            num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[1, 1, 1, 1], theta=2000, patch_size=1,
            qkv_bias=False, guidance_embed=True, global_modulation=True, mlp_silu_act=True, ops_bias=False)  # fmt: skip

    def right():
        from diffusers import Flux2Transformer2DModel

        return diffusers_module(
            Flux2Transformer2DModel, in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=4,
            num_attention_heads=2, joint_attention_dim=5, axes_dims_rope=(1, 1, 1, 1))  # fmt: skip

    by = "convert_flux2_transformer_checkpoint_to_diffusers"
    return Model("flux2", "flux2", left, converter(by), right, by)


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
    return Model(name, "sd3", lambda: sd3_narrowed(left()), converter(by), None, by)


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
    return Model("auraflow", "auraflow", lambda: narrowed(left(), 8), converter(by), None, by)


def lumina2():
    def left():
        from comfy.ldm.lumina.model import NextDiT

        return comfy_module(NextDiT, patch_size=2, in_channels=2, dim=12, n_layers=2, n_refiner_layers=2, n_heads=6,
                            n_kv_heads=2, multiple_of=4, ffn_dim_multiplier=1.0, qk_norm=True, cap_feat_dim=5,
                            axes_dims=[2, 0, 0])  # fmt: skip

    by = "convert_lumina2_to_diffusers"
    return Model("lumina2", "lumina2", lambda: narrowed(left(), 20), converter(by, {"2304": "12", "768": "4"}), None, by)


def z_image():
    def left():
        from comfy.ldm.lumina.model import NextDiT

        return comfy_module(NextDiT, patch_size=2, in_channels=2, dim=8, n_layers=2, n_refiner_layers=2, n_heads=2,
                            n_kv_heads=2, multiple_of=4, ffn_dim_multiplier=1.0, qk_norm=True, cap_feat_dim=5,
                            axes_dims=[4, 0, 0], z_image_modulation=True, pad_tokens_multiple=32)  # fmt: skip

    def right():
        from diffusers import ZImageTransformer2DModel

        # Its widths of the feed forward are multiples of others than ComfyUI's.
        return dict.fromkeys(diffusers_module(
            ZImageTransformer2DModel, in_channels=2, dim=8, n_layers=2, n_refiner_layers=2, n_heads=2, n_kv_heads=2,
            cap_feat_dim=5, axes_dims=[4, 0, 0], axes_lens=[4, 4, 4]))  # fmt: skip

    by = "convert_z_image_transformer_checkpoint_to_diffusers"
    return Model("z-image", "z-image", lambda: narrowed(left(), 24), converter(by), right, by, ("comfy", "diffusers"))


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

    def right():
        from diffusers import PixArtTransformer2DModel

        return narrowed(diffusers_module(
            PixArtTransformer2DModel, num_attention_heads=3, attention_head_dim=4, in_channels=2, out_channels=4,
            num_layers=2, cross_attention_dim=12, sample_size=128, caption_channels=5, patch_size=2,
            use_additional_conditions=True), 72)  # fmt: skip

    return Model("pixart", "pixart", left, by_map("pixart_to_diffusers", depth=2, hidden_size=12), right,
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

    def right():
        from diffusers import SanaTransformer2DModel

        return narrowed(diffusers_module(
            SanaTransformer2DModel, in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=4,
            num_layers=2, num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8,
            caption_channels=5), 48)  # fmt: skip

    by = "convert_sana_transformer_to_diffusers"
    return Model("sana", "sana", left, converter(by), right, by)


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
