#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: made_configs.py CKMERGE
config.json and model_index.json, made of names and shapes alone: what they say, and where there is none."""
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, run_in_folders
from operation_files import make

CLIP = "text_model.encoder.layers.0."


def zeros(tensors):
    return {name: ("F32", list(shape), [0.0] * math.prod(shape)) for name, shape in tensors.items()}


def clip(width, **more):
    return {"text_model.embeddings.token_embedding.weight": (4, width), "text_model.embeddings.position_embedding.weight": (7, width),
            CLIP + "layer_norm1.weight": (2,), CLIP + "mlp.fc1.weight": (3, 2), CLIP + "self_attn.q_proj.weight": (2, 2),
            "text_model.final_layer_norm.weight": (2,), **more}


def t5(blocks_with_bias=1, gated=True):
    tensors = {"shared.weight": (9, 6)}
    for block in range(2):
        at = f"encoder.block.{block}.layer."
        tensors |= {at + "0.SelfAttention.q.weight": (8, 6), at + ("1.DenseReluDense.wi_0.weight" if gated else "1.DenseReluDense.wi.weight"): (5, 6)}
        if block < blocks_with_bias:
            tensors[at + "0.SelfAttention.relative_attention_bias.weight"] = (32, 2)
    return tensors


def wan(channels=4, **more):
    tensors = {"patch_embedding.weight": (128, channels, 1, 2, 2), "proj_out.weight": (16, 2), "blocks.0.norm2.weight": (2,),
               "condition_embedder.text_embedder.linear_1.weight": (2, 5), "condition_embedder.time_embedder.linear_1.weight": (2, 6),
               "condition_embedder.time_proj.weight": (2, 2)}
    for block in range(2):
        tensors |= {f"blocks.{block}.attn1.to_q.weight": (2, 2), f"blocks.{block}.ffn.net.0.proj.weight": (7, 2), f"blocks.{block}.attn2.to_q.weight": (2, 2)}
    return tensors | more


def config_of(tensors, component):
    """None: there is none, and it is said."""
    make("a.safetensors", zeros(tensors))
    done = call("convert", "a.safetensors", "out", "--layout", "diffusers", "-f")
    expect(done.returncode == 0, done.stderr)
    path = pathlib.Path("out", component, "config.json")
    said = f"{component}/config.json cannot be told" in done.stdout + done.stderr
    expect(path.exists() != said, f"{component}: {path.exists()}, {done.stdout}")
    expect(not pathlib.Path("out/model_index.json").exists(), "an index of a part")
    return json.loads(path.read_text()) if path.exists() else None


def has(config, **fields):
    wrong = {key: (config or {}).get(key) for key, value in fields.items() if (config or {}).get(key) != value}
    expect(not wrong, f"{wrong} for {fields}")


def test_encoders():
    has(config_of(clip(768), "text_encoder"), architectures=["CLIPTextModel"], model_type="clip_text_model", hidden_size=768, vocab_size=4,
        num_attention_heads=12, num_hidden_layers=1, intermediate_size=3, max_position_embeddings=7, hidden_act="quick_gelu")
    has(config_of(clip(1280, **{"text_projection.weight": (3, 1280)}), "text_encoder"), architectures=["CLIPTextModelWithProjection"],
        num_attention_heads=20, projection_dim=3, hidden_act="gelu")
    expect(config_of(clip(64), "text_encoder") is None, "a CLIP of a width that none has")
    has(config_of(t5(), "text_encoder"), architectures=["T5EncoderModel"], model_type="t5", d_model=6, vocab_size=9, num_heads=2, d_kv=4, d_ff=5,
        num_layers=2, relative_attention_num_buckets=32, feed_forward_proj="gated-gelu")
    has(config_of(t5(gated=False), "text_encoder"), feed_forward_proj="relu")
    has(config_of(t5(2), "text_encoder"), architectures=["UMT5EncoderModel"], model_type="umt5")
    expect(config_of({name: shape for name, shape in t5().items() if "bias" not in name}, "text_encoder") is None, "a T5 whose heads nothing tells")
    qwen = {"model.layers.0.self_attn.q_proj.weight": (2, 2), "model.layers.0.self_attn.q_norm.weight": (2,), "model.layers.0.post_attention_layernorm.weight": (2,)}
    expect(config_of(qwen, "text_encoder") is None, "a language model, whose rotary embedding nothing tells")


def test_videos():
    has(config_of(wan(), "transformer"), _class_name="WanTransformer3DModel", patch_size=[1, 2, 2], num_attention_heads=1, attention_head_dim=128,
        in_channels=4, out_channels=4, text_dim=5, freq_dim=6, ffn_dim=7, num_layers=2, cross_attn_norm=True, image_dim=None)
    image = {"condition_embedder.image_embedder.norm1.weight": (9,), "blocks.0.attn2.add_k_proj.weight": (2, 8)}
    has(config_of(wan(8, **image), "transformer"), in_channels=8, image_dim=9, added_kv_proj_dim=8)
    expect(config_of(wan(**{"vace_patch_embedding.weight": (128, 4, 1, 2, 2)}), "transformer") is None, "VACE")
    expect(config_of(wan() | {"patch_embedding.weight": (8, 4, 1, 2, 2)}, "transformer") is None, "a width of no heads")
    qwen = {"img_in.weight": (256, 16), "txt_in.weight": (256, 5), "txt_norm.weight": (5,), "proj_out.weight": (16, 256),
            "transformer_blocks.0.img_mod.1.weight": (2, 2), "transformer_blocks.0.attn.to_q.weight": (2, 2), "transformer_blocks.0.attn.norm_q.weight": (128,)}
    has(config_of(qwen, "transformer"), _class_name="QwenImageTransformer2DModel", in_channels=16, out_channels=4, num_layers=1, num_attention_heads=2,
        joint_attention_dim=5, zero_cond_t=None)
    has(config_of(qwen | {"__index_timestep_zero__": (0,)}, "transformer"), zero_cond_t=True)
    expect(config_of(qwen | {"time_text_embed.addition_t_embedding.weight": (2, 2)}, "transformer") is None, "Layered")


def autoencoder(latents, prefix=""):
    tensors = {"encoder.conv_in.weight": (4, 3, 3, 3), "decoder.conv_in.weight": (4, latents, 3, 3), "decoder.conv_out.weight": (3, 4, 3, 3),
               "decoder.conv_norm_out.weight": (4,), "decoder.mid_block.resnets.0.norm1.weight": (4,),
               "encoder.down_blocks.0.resnets.0.conv1.weight": (4, 4, 3, 3), "decoder.up_blocks.0.resnets.0.conv1.weight": (4, 4, 3, 3)}
    return {prefix + name: shape for name, shape in tensors.items()}


def sd3(channels=16):
    at = "transformer_blocks.0."
    tensors = {"pos_embed.proj.weight": (64, channels, 2, 2), "pos_embed.pos_embed": (1, 4, 64), "context_embedder.weight": (64, 5),
               "time_text_embed.text_embedder.linear_1.weight": (2, 3), "proj_out.weight": (64, 2), at + "norm1_context.linear.weight": (2, 2)}
    tensors |= {at + f"attn.{name}.weight": (2, 2) for name in ("to_q", "add_k_proj", "add_q_proj")}
    return {"transformer." + name: shape for name, shape in tensors.items()}


def index_of(tensors):
    make("in.safetensors", zeros(tensors))
    done = call("convert", "in.safetensors", "out/", "--layout", "diffusers", "-f")
    expect(done.returncode == 0, done.stderr)
    path = pathlib.Path("out/model_index.json")
    said = "names no tokenizer and no scheduler" in done.stdout + done.stderr
    expect(path.exists() == said, f"an index: {path.exists()}, {done.stdout}")
    return json.loads(path.read_text()) if path.exists() else None


def test_index():
    encoders = {"text_encoder." + name: shape for name, shape in clip(768, **{"text_projection.weight": (768, 768)}).items()}
    whole = sd3() | autoencoder(16, "vae.") | encoders
    index = index_of(whole)
    has(index, _class_name="StableDiffusion3Pipeline", transformer=["diffusers", "SD3Transformer2DModel"], vae=["diffusers", "AutoencoderKL"],
        text_encoder=["transformers", "CLIPTextModelWithProjection"], text_encoder_2=[None, None], tokenizer=[None, None], scheduler=[None, None])
    expect(index_of(sd3(32) | autoencoder(16, "vae.") | encoders) is None, "a model of more channels, which is of another pipeline")


def test_lacking_config():
    encoders = {"text_encoder." + name: shape for name, shape in clip(64).items()}
    expect(index_of(sd3() | autoencoder(16, "vae.") | encoders) is None, "an encoder without a config")


def test_decoder_alone():
    alone = {name: shape for name, shape in autoencoder(16).items() if not name.startswith("encoder.")}
    make("vae.safetensors", zeros(alone))
    done = call("convert", "vae.safetensors", "out.safetensors", "--layout", "original")
    expect(done.returncode == 0 and "no latents of pictures" in done.stdout, f"{done.stdout} {done.stderr}")
    expect(config_of(alone, "vae") is None, "the config of a decoder alone")
    expect(index_of(sd3() | {"vae." + name: shape for name, shape in alone.items()}) is None, "the index of a decoder alone")


run_in_folders(test_encoders, test_videos, test_index, test_lacking_config, test_decoder_alone)
