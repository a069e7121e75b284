#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: compose.py CKMERGE
compose, against the prefixes of each layout written down here once more."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, refused, run_in_folders
from operation_files import UNET, VAE, make, part_of, produces, read, some


def floats(*shape):
    return "F32", list(shape), some(sum(shape), *shape)


def clip(width, **more):
    return {"text_model.embeddings.token_embedding.weight": floats(2, width),
            "text_model.encoder.layers.0.layer_norm1.weight": floats(2), **more}


def open_clip(width):
    return {"token_embedding.weight": floats(2, width), "transformer.resblocks.0.ln_1.weight": floats(2),
            "text_projection": floats(1, 2), "logit_scale": floats()}


def unet(width):
    return {"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": floats(1, width), "out.2.bias": floats(4)}


T5 = {"encoder.block.0.layer.0.SelfAttention.q.weight": floats(2, 2), "shared.weight": floats(2, 3)}
FLUX = {"double_blocks.0.img_attn.proj.weight": floats(2, 2)}
SD3 = {"joint_blocks.0.context_block.attn.qkv.weight": floats(2, 2)}
AUTOENCODER = {"decoder.conv_in.weight": floats(2, 2), "quant_conv.bias": floats(1), "loss.x": floats(1)}
PROJECTED = {"text_projection.weight": floats(1, 2), "logit_scale": floats()}


def prefixed(prefix, tensors, without=()):
    return {prefix + name: tensors[name] for name in tensors if name not in without}


def test_compose():
    files = {"sd1": unet(768), "sd2": unet(1024), "sdxl": unet(2048), "flux": FLUX, "sd3": SD3, "vae": AUTOENCODER, "t5": T5,
             "clip_l": clip(768, **PROJECTED), "clip_g": clip(1280, **PROJECTED), "clip_g_open": open_clip(1280), "clip_h_open": open_clip(1024),
             "clip_h": clip(1024)}
    for name, tensors in files.items():
        make(f"{name}.safetensors", tensors)
    dropped = ("text_projection.weight", "logit_scale")

    def is_composed(layout, encoders, expected):
        words = ["compose", "--unet", f"{layout}.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors"]
        for option, encoder in zip(("--te", "--te2", "--te3"), encoders):
            words += [option, f"{encoder}.safetensors"]
        vae_prefix = "vae." if layout == "flux" else VAE
        everything = prefixed(UNET, files[layout]) | prefixed(vae_prefix, AUTOENCODER, ("loss.x",)) | expected
        make("expected.safetensors", everything)
        produces(read("expected.safetensors"), *words)

    def transformer(prefix, name):  # SD3's and Flux's encoders keep their scale outside
        tensors = prefixed(prefix + "transformer.", files[name], ("logit_scale",))
        return tensors | ({prefix + "logit_scale": PROJECTED["logit_scale"]} if "logit_scale" in files[name] else {})

    sd1_clip = prefixed("cond_stage_model.transformer.", files["clip_l"], dropped)
    is_composed("sd1", ["clip_l"], sd1_clip)
    is_composed("sd2", ["clip_h_open"], prefixed("cond_stage_model.model.", files["clip_h_open"]))
    is_composed("sdxl", ["clip_g_open", "clip_l"], prefixed("conditioner.embedders.0.transformer.", files["clip_l"], dropped) |
                prefixed("conditioner.embedders.1.model.", files["clip_g_open"]))
    is_composed("flux", ["clip_l", "t5"], transformer("text_encoders.clip_l.", "clip_l") | transformer("text_encoders.t5xxl.", "t5"))
    is_composed("sd3", ["t5", "clip_g", "clip_l"], transformer("text_encoders.clip_l.", "clip_l") |
                transformer("text_encoders.clip_g.", "clip_g") | transformer("text_encoders.t5xxl.", "t5"))

    # Names that are right already are left alone, whole checkpoints give the part that they are given for.
    whole = prefixed(UNET, unet(768)) | sd1_clip | prefixed(VAE, AUTOENCODER, ("loss.x",)) | {"betas": floats(1)}
    make("whole.safetensors", whole)
    make("expected.safetensors", {name: whole[name] for name in whole if part_of(name)})
    everything = read("expected.safetensors")
    produces(read("whole.safetensors"), "compose", "--unet", "whole.safetensors", "--te", "whole.safetensors", "--vae", "whole.safetensors", "-o", "out.safetensors")
    make("bare.safetensors", prefixed("diffusion_model.", unet(768)))
    produces(everything, "compose", "--unet", "bare.safetensors", "--te", "clip_l.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
    produces({name: everything[name] for name in everything if part_of(name) == "vae"}, "compose", "--vae", "vae.safetensors", "--layout", "sd1",
             "-o", "out.safetensors")

    # Encoders in what they are wrapped by, and without what the result has no place for.
    whole_clip = files["clip_l"] | {"vision_model.post_layernorm.weight": floats(3), "visual_projection.weight": floats(1, 2)}
    for name, tensors in (("wrapped", prefixed("clip_l.transformer.", files["clip_l"])), ("wrapped2", prefixed("transformer.", files["clip_l"])),
                          ("seeing", whole_clip)):
        make(f"{name}.safetensors", tensors)
        done = produces(everything, "compose", "--unet", "sd1.safetensors", "--te", f"{name}.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
        left_out = "4 tensors are" if name == "seeing" else "2 tensors are"
        expect(f"{left_out} left out, being of no text encoder that the result has" in done.stdout, f"{name}: {done.stdout}")
    done = call("compose", "--unet", "whole.safetensors", "--te", "whole.safetensors", "--vae", "whole.safetensors", "-o", "out.safetensors", "-f")
    expect("same file" not in done.stdout, f"parts of one file: {done.stdout}")

    out = ["-o", "x.safetensors"]
    for wrong in ("clip_l", "t5", "sd1", "only_te"):
        make("only_te.safetensors", sd1_clip)
        refused(4, "no tensor of a VAE's decoder", "compose", "--unet", "sd1.safetensors", "--te", "clip_l.safetensors", "--vae", f"{wrong}.safetensors", *out)
    refused(4, "of another layout than sdxl", "compose", "--unet", "sdxl.safetensors", "--te", "whole.safetensors", *out)
    refused(2, "by name", "compose", "sd1.safetensors", *out)
    refused(2, "no file is given", "compose", *out)
    refused(2, "--layout must be given", "compose", "--vae", "vae.safetensors", *out)
    refused(2, "is not one of", "compose", "--vae", "vae.safetensors", "--layout", "sd9", *out)
    refused(4, "2 tensors cannot be merged", "compose", "--unet", "sd1.safetensors", "--te", "clip_l.safetensors", "--te2", "clip_l.safetensors", *out)
    refused(4, "is no text encoder", "compose", "--unet", "sd1.safetensors", "--te", "vae.safetensors", *out)
    make("only_te.safetensors", sd1_clip)
    refused(4, "has no tensor of a unet", "compose", "--unet", "only_te.safetensors", "--layout", "sd1", *out)
    refused(4, "which sd1 does not have", "compose", "--unet", "sd1.safetensors", "--te", "t5.safetensors", *out)
    refused(4, "open_clip's", "compose", "--unet", "sdxl.safetensors", "--te", "clip_g.safetensors", *out)
    refused(4, "open_clip's", "compose", "--unet", "sd2.safetensors", "--te", "clip_h.safetensors", *out)
    refused(4, "no unet of SD 1", "compose", "--unet", "vae.safetensors", *out)
    make("diffusers.safetensors", {"down_blocks.0.resnets.0.conv1.weight": floats(1)})
    refused(4, "diffusers' naming", "compose", "--unet", "diffusers.safetensors", *out)


def pieces(*names):
    return {name: floats(2, 2) for name in names}


UMT5 = pieces(*(f"encoder.block.{block}.layer.0.SelfAttention.{name}.weight" for block in (0, 1) for name in ("q", "relative_attention_bias"))) | \
    {"spiece_model": ("U8", [2], [1, 2])}
T5_OF_TWO = pieces("encoder.block.0.layer.0.SelfAttention.q.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                   "encoder.block.1.layer.0.SelfAttention.q.weight")
QWEN = pieces("model.layers.0.self_attn.q_proj.weight", "model.layers.0.mlp.gate_proj.weight", "visual.blocks.0.attn.qkv.weight") | \
    {"model.layers.0.self_attn.q_proj.bias": floats(2)}
QWEN3 = pieces("model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_norm.weight")
DOUBLE = "double_blocks.0.img_attn.qkv.weight"
FAMILIES = {  # name of the layout: a unet, prefix of the VAE, an encoder and its prefix
    "chroma": (pieces(DOUBLE, "distilled_guidance_layer.in_proj.weight"), VAE, "t5", "cond_stage_model.t5xxl.transformer."),
    "flux2": (pieces(DOUBLE, "double_stream_modulation_img.lin.weight"), "vae.", None, ""),
    "cosmos-predict2": (pieces("blocks.0.adaln_modulation_self_attn.1.weight"), VAE, "t5", "cond_stage_model.t5xxl.transformer."),
    "auraflow": (pieces("double_layers.0.attn.w1q.weight"), "vae.", "umt5", "text_encoders.pile_t5xl.transformer."),
    "pixart": (pieces("blocks.0.cross_attn.kv_linear.weight"), "vae.", "t5", "text_encoders.t5xxl.transformer."),
    "ltx-video": (pieces("transformer_blocks.0.attn2.to_k.weight", "adaln_single.emb.timestep_embedder.linear_1.weight", "patchify_proj.weight"), "vae.",
                  "t5", "text_encoders.t5xxl.transformer."),
    "mochi": (pieces("blocks.0.attn.qkv_x.weight"), "vae.", "t5", "text_encoders.t5xxl.transformer."),
    "z-image": (pieces("layers.0.attention.qkv.weight", "cap_pad_token"), "vae.", "qwen3", "text_encoders.qwen3_4b.transformer."),
    "wan": (pieces("blocks.0.self_attn.q.weight", "head.modulation"), "vae.", "umt5", "text_encoders.umt5xxl.transformer."),
    "chroma-radiance": (pieces(DOUBLE, "distilled_guidance_layer.in_proj.weight", "img_in_patch.weight", "nerf_blocks.0.norm.scale"), VAE, "t5",
                        "cond_stage_model.t5xxl.transformer."),
    "cosmos1": (pieces("blocks.block0.blocks.0.block.attn.to_q.0.weight"), "vae.", "t5", "text_encoders.t5xxl.transformer."),
    "omnigen2": (pieces("ref_image_patch_embedder.weight", "time_caption_embed.caption_embedder.1.weight"), "vae.", "qwen",
                 "text_encoders.qwen25_3b.transformer."),
    "ltx2": (pieces("patchify_proj.weight", "audio_patchify_proj.weight"), "vae.", None, ""),
    "qwen-image": (pieces("transformer_blocks.0.attn.add_q_proj.weight", "transformer_blocks.0.attn.to_q.weight", "txt_norm.weight"), "vae.", "qwen",
                   "text_encoders.qwen25_7b.transformer."),
}


def test_families():
    """Each in its own prefixes, and nothing in another's."""
    make("vae.safetensors", AUTOENCODER)
    encoders = {"t5": T5_OF_TWO, "umt5": UMT5, "qwen": QWEN, "qwen3": QWEN3}
    for name, tensors in encoders.items():
        make(f"{name}.safetensors", tensors)
    for family, (unet, vae_prefix, encoder, prefix) in FAMILIES.items():
        make("unet.safetensors", unet)
        expected = prefixed(UNET, unet) | prefixed(vae_prefix, AUTOENCODER, ("loss.x",))
        words = ["compose", "--unet", "unet.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors"]
        if encoder:
            words += ["--te", f"{encoder}.safetensors"]
            expected |= {("text_encoders." if name == "spiece_model" else prefix) + name: entry for name, entry in encoders[encoder].items()}
        make("expected.safetensors", expected)
        produces(read("expected.safetensors"), *words)
        produces(read("expected.safetensors"), *words, "--layout", family)
        for other in encoders:
            if other != encoder:
                refused(4, family, "compose", "--unet", "unet.safetensors", "--te", f"{other}.safetensors", "-o", "x.safetensors")
        for other in ("sd1", "flux", "wan", "qwen-image"):
            if other != family:
                refused(2, f"is a unet of {family}", "compose", "--unet", "unet.safetensors", "--layout", other, "-o", "x.safetensors")
    video = pieces(DOUBLE, "txt_in.individual_token_refiner.blocks.0.norm1.weight")
    make("video.safetensors", video)
    make("expected.safetensors", prefixed("model.model.", video) | prefixed("vae.", AUTOENCODER, ("loss.x",)))
    produces(read("expected.safetensors"), "compose", "--unet", "video.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
    make("sana.safetensors", pieces("blocks.0.cross_attn.kv_linear.weight", "blocks.0.mlp.inverted_conv.conv.weight"))
    for layout in ([], ["--layout", "flux"]):
        refused(4, "is of sana", "compose", "--unet", "sana.safetensors", *layout, "-o", "x.safetensors")
    make("folder.safetensors", pieces("single_transformer_blocks.0.attn.to_k.weight", "distilled_guidance_layer.in_proj.weight"))
    refused(4, "diffusers' naming", "compose", "--unet", "folder.safetensors", "-o", "x.safetensors")
    whole = prefixed("text_encoders.t5xxl.transformer.", T5_OF_TWO)
    make("whole.safetensors", whole)
    make("unet.safetensors", FAMILIES["chroma"][0])
    refused(4, "of another layout than chroma", "compose", "--unet", "unet.safetensors", "--te", "whole.safetensors", "-o", "x.safetensors")


BYT5 = T5_OF_TWO | {"shared.weight": floats(1510, 2)}
SOUND = pieces("to_timestep_embed.0.weight", "to_cond_embed.0.weight")
SHAPES = pieces(DOUBLE, "latent_in.weight")
REFINED = "txt_in.individual_token_refiner.blocks.0.norm1.weight"
# Where a unet, a VAE, and encoders stand that neither "model.diffusion_model." nor the common prefixes are for.
PLACES = {
    "hunyuan-image": (pieces(REFINED, "byt5_in.fc1.weight"), "model.model.", "vae.",
                      {"qwen": "text_encoders.qwen25_7b.transformer.", "byt5": "text_encoders.byt5_small.transformer."}),
    "hunyuan-video-1.5": (pieces(REFINED, "byt5_in.fc1.weight", "vision_in.proj.0.weight"), "model.model.", "vae.",
                          {"qwen": "text_encoders.qwen25_7b.transformer.", "byt5": "text_encoders.byt5_small.transformer."}),
    "stable-audio": (SOUND, "model.model.", "pretransform.model.", {"t5": "text_encoders.t5base.transformer."}),
    "hunyuan3d": (SHAPES, "model.", "vae.", {}),
    "hunyuan3d-2.1": (pieces("t_embedder.mlp.2.weight", "blocks.0.attn2.out_proj.weight", "blocks.0.norm3.weight"), "model.", "vae.", {}),
    "stable-cascade": (pieces("clip_txt_mapper.weight"), UNET, "vae.", {"clip_g": "text_encoder.clip_g.transformer."}),
    "svd": (pieces("input_blocks.1.1.time_stack.0.attn2.to_k.weight"), UNET, VAE, {}),
}


def test_places():
    encoders = {"t5": T5_OF_TWO, "qwen": QWEN, "byt5": BYT5, "clip_g": clip(1280)}
    for name, tensors in encoders.items():
        make(f"{name}.safetensors", tensors)
    make("vae.safetensors", AUTOENCODER)
    make("sound.safetensors", {"decoder.layers.0.weight_v": floats(2, 2, 2)})
    make("shapes.safetensors", {"geo_decoder.cross_attn_decoder.ln_1.bias": floats(2)})
    for family, (unet, prefix, vae_prefix, names) in PLACES.items():
        vae = "sound" if family == "stable-audio" else "shapes" if family.startswith("hunyuan3d") else "vae"
        decoder = read(f"{vae}.safetensors")
        expected = prefixed(prefix, unet) | {vae_prefix + name: entry for name, entry in AUTOENCODER.items() if vae == "vae" and name != "loss.x"}
        make("unet.safetensors", unet)
        for encoder, place in names.items():
            expected |= prefixed(place, encoders[encoder])
        make("expected.safetensors", expected)
        whole = read("expected.safetensors") | ({} if vae == "vae" else {vae_prefix + name: entry for name, entry in decoder.items()})
        words = ["--vae", f"{vae}.safetensors", "-o", "out.safetensors"]
        for option, encoder in zip(("--te", "--te2"), names):
            words += [option, f"{encoder}.safetensors"]
        produces(whole, "compose", "--unet", "unet.safetensors", *words)
        # The whole is told, its parts are where options look for them, and it is put together again from itself.
        call("compose", "--unet", "unet.safetensors", *words[:2], *words[4:], "-o", "whole.safetensors", "-f")
        produces(whole, "compose", "--unet", "whole.safetensors", "--vae", "whole.safetensors", "-o", "out.safetensors",
                 *(["--te", "whole.safetensors"] if names else []))
        layout = family.removesuffix("-2.1")
        told = call("inspect", "--json", "whole.safetensors").stdout
        expect(f'"architecture":"{family}"' in told.replace(" ", ""), f"{family}: {told[:400]}")
        refused(2, f"is a unet of {layout}", "compose", "--unet", "unet.safetensors", "--layout", "sd1", "-o", "x.safetensors")
        for part in ["unet", "vae"] + (["te"] if names else []):
            done = call("convert", "whole.safetensors", "part.safetensors", "-f", "--part", part)
            expect(done.returncode == 0 and {part_of(name) for name in read("part.safetensors")} <= {part, None}, f"{family} {part}: {done.stderr}")
            done = call("convert", "whole.safetensors", "half.safetensors", "-f", "--dtype", f"{part}=f16")
            kept = [name for name, entry in read("half.safetensors").items() if (entry[0] == "F16") != name.startswith(tuple(
                {"unet": [prefix], "vae": [vae_prefix], "te": list(names.values()) or ["none"]}[part]))]
            expect(done.returncode == 0 and not kept, f"{family} {part}: {done.stderr} {kept[:3]}")
    make("sound-unet.safetensors", prefixed("model.model.", SOUND) | pieces("conditioner.conditioners.seconds_start.embedder.embedding.1.weight"))
    produces(read("sound-unet.safetensors"), "compose", "--unet", "sound-unet.safetensors", "-o", "out.safetensors")
    make("unet.safetensors", prefixed("model.diffusion_model.", SHAPES))
    make("expected.safetensors", prefixed("model.", SHAPES))
    produces(read("expected.safetensors"), "compose", "--unet", "unet.safetensors", "-o", "out.safetensors")
    make("unet.safetensors", FAMILIES["wan"][0])
    refused(4, "is a ByT5, which wan does not have", "compose", "--unet", "unet.safetensors", "--te", "byt5.safetensors", "-o", "x.safetensors")


run_in_folders(test_compose, test_families, test_places)
