# SPDX-License-Identifier: Apache-2.0
"""VAEs."""
import diffusers_classes
from recorded_model import Model, converter, narrowed, shapes_of


def autoencoder(conv3d=False, levels=4, quant=True, batch_norm=False, **given):
    def make():
        import comfy.ldm.models.autoencoder as autoencoder
        import torch

        sizes = {
            "double_z": True, "z_channels": 2, "resolution": 32, "in_channels": 3, "out_ch": 3, "ch": 32,
            "ch_mult": [1, 2, 3, 3][:levels], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0,
        }  # fmt: skip
        sizes.update(given)
        with torch.device("meta"):
            if quant:
                shapes = shapes_of(autoencoder.AutoencoderKL(ddconfig=sizes, embed_dim=2))
            else:
                shapes = shapes_of(
                    autoencoder.AutoencodingEngine(
                        regularizer_config={"target": "comfy.ldm.models.autoencoder.DiagonalGaussianRegularizer"},
                        encoder_config={"target": "comfy.ldm.modules.diffusionmodules.model.Encoder", "params": sizes},
                        decoder_config={"target": "comfy.ldm.modules.diffusionmodules.model.Decoder", "params": sizes},
                    )
                )
        if batch_norm:
            shapes.update({"bn.running_mean": [8], "bn.running_var": [8], "bn.num_batches_tracked": []})
        return narrowed(shapes)

    return make


def vae(name, levels=4, prefix="first_stage_model.", **given):
    config = {"down_block_types": ["x"] * levels, "up_block_types": ["x"] * levels}
    own = converter("convert_ldm_vae_checkpoint", prefix=prefix, config=config)

    def convert(tensors):
        # It drops the statistics of Flux.2, whose class has them under the same names.
        return {**own(tensors), **{name: tensor for name, tensor in tensors.items() if name.startswith("bn.")}}

    return Model(name, "autoencoder-kl", autoencoder(levels=levels, **given), convert, by="convert_ldm_vae_checkpoint")


def wan_left():
    from comfy.ldm.wan.vae import WanVAE

    import torch

    with torch.device("meta"):
        return narrowed(shapes_of(WanVAE(dim=8, z_dim=4, temperal_downsample=[False, True, True])))


def ltx(name, version):
    def left():
        from comfy.ldm.lightricks.vae.causal_video_autoencoder import VideoVAE

        import torch

        with torch.device("meta"):
            shapes = shapes_of(VideoVAE(version=version))
        # That one width is what the converter tells the version by.
        told = narrowed(shapes, 2, lambda name, i: name == "encoder.conv_out.conv.weight" and i == 1)
        return fewer_resnets(told)

    return Model(name, "ltx-vae", left, converter("convert_ltx_vae_checkpoint_to_diffusers", prefix="vae."),
                 by="convert_ltx_vae_checkpoint_to_diffusers")  # fmt: skip


def fewer_resnets(shapes):
    """Without `res_blocks` from 2 on, which differ from those before in nothing."""
    return {n: s for n, s in shapes.items() if "res_blocks." not in n or int(n.split("res_blocks.")[1].split(".")[0]) < 2}


def models():
    yield vae("autoencoder-kl")
    yield vae("autoencoder-kl-3-levels", levels=3)
    yield vae("flux-ae", quant=False)
    yield vae("flux2-vae", batch_norm=True)
    yield Model("wan-vae", "wan-vae", wan_left, converter("convert_wan_vae_to_diffusers"),
                lambda: narrowed(diffusers_classes.shapes("wan-vae")), "convert_wan_vae_to_diffusers")  # fmt: skip
    for version, name in enumerate(("ltx-vae-0.9.0", "ltx-vae-0.9.1", "ltx-vae-0.9.5")):
        yield ltx(name, version)
