# SPDX-License-Identifier: Apache-2.0
"""usage: configs.py CKMERGE
diffusers and transformers load folders whose configs and model_index.json ckmerge made of names and shapes alone: single components, and
pipelines that were one file before. Needs diffusers; tests/peers/layouts.py runs it."""
import json
import os
import subprocess
import sys
import tempfile

import diffusers as d
import torch
import transformers as t

CLIP = {"vocab_size": 40, "intermediate_size": 16, "num_hidden_layers": 2, "max_position_embeddings": 7, "bos_token_id": 0,
        "eos_token_id": 2, "pad_token_id": 1}  # fmt: skip
T5 = {"vocab_size": 30, "d_model": 12, "d_kv": 4, "d_ff": 10, "num_layers": 2, "num_heads": 3}
GATED = {**T5, "feed_forward_proj": "gated-gelu"}
WAN = {"num_attention_heads": 1, "attention_head_dim": 128, "in_channels": 4, "out_channels": 4, "text_dim": 5, "freq_dim": 6,
       "ffn_dim": 16, "num_layers": 2}  # fmt: skip


def clip_l(kind=t.CLIPTextModel):
    return kind(t.CLIPTextConfig(hidden_size=768, num_attention_heads=12, projection_dim=768, **CLIP))


def clip_g():
    return t.CLIPTextModelWithProjection(
        t.CLIPTextConfig(hidden_size=1280, num_attention_heads=20, projection_dim=1280, hidden_act="gelu", **CLIP))


def t5():
    return t.T5EncoderModel(t.T5Config(**GATED))


def vae(latents, quant=True):
    return d.AutoencoderKL(
        latent_channels=latents, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(32, 32), use_quant_conv=quant, use_post_quant_conv=quant)  # fmt: skip


def components():
    yield "transformer", d.WanTransformer3DModel(**WAN)
    yield "transformer", d.WanTransformer3DModel(**{**WAN, "in_channels": 8}, image_dim=7, added_kv_proj_dim=128)
    yield "vae", d.AutoencoderKLWan(base_dim=8)
    yield "transformer", d.QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=2, num_attention_heads=1, joint_attention_dim=5)
    yield "text_encoder", clip_l()
    yield "text_encoder", clip_g()
    yield "text_encoder", t5()
    yield "text_encoder", t.T5EncoderModel(t.T5Config(**T5))
    yield "text_encoder", t.UMT5EncoderModel(t.UMT5Config(**GATED))


def pipelines():
    yield d.StableDiffusionPipeline, d.EulerDiscreteScheduler, {
        "unet": d.UNet2DConditionModel(block_out_channels=(32, 64, 64, 64), cross_attention_dim=768, layers_per_block=1),
        "vae": vae(4), "text_encoder": clip_l()}  # fmt: skip
    yield d.StableDiffusionXLPipeline, d.EulerDiscreteScheduler, {
        "unet": d.UNet2DConditionModel(
            block_out_channels=(64, 64, 64), down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
            up_block_types=("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",), cross_attention_dim=2048, layers_per_block=1,
            transformer_layers_per_block=(1, 1, 1), use_linear_projection=True, attention_head_dim=(1, 1, 1),
            addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816),
        "vae": vae(4), "text_encoder": clip_l(), "text_encoder_2": clip_g()}  # fmt: skip
    first = clip_l(t.CLIPTextModelWithProjection)
    first.text_projection.weight.data.copy_(torch.eye(768))  # as ckmerge makes it
    yield d.StableDiffusion3Pipeline, d.FlowMatchEulerDiscreteScheduler, {
        "transformer": d.SD3Transformer2DModel(
            sample_size=4, num_layers=2, attention_head_dim=64, num_attention_heads=1, joint_attention_dim=12,
            caption_projection_dim=64, pooled_projection_dim=2048, pos_embed_max_size=2),
        "vae": vae(16, False), "text_encoder": first, "text_encoder_2": clip_g(), "text_encoder_3": t5()}  # fmt: skip
    yield d.FluxPipeline, d.FlowMatchEulerDiscreteScheduler, {
        "transformer": d.FluxTransformer2DModel(
            in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=128, num_attention_heads=1,
            joint_attention_dim=12, pooled_projection_dim=768, guidance_embeds=True),
        "vae": vae(16, False), "text_encoder": clip_l(), "text_encoder_2": t5()}  # fmt: skip


def convert(ckmerge, source, out, layout):
    done = subprocess.run([ckmerge, "convert", source, out, "--layout", layout], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("FAILED: convert --layout {}: {}".format(layout, done.stderr))


def differ(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    return set(ours) != set(theirs) or any(not torch.equal(ours[name], theirs[name]) for name in ours)


def fields(config):
    return json.loads(config.to_json_string() if hasattr(config, "to_json_string") else json.dumps(dict(config)))


def check_component(ckmerge, component, model):
    model.save_pretrained("one")
    weights = [name for name in os.listdir("one") if name.endswith(".safetensors")][0]
    convert(ckmerge, "one/" + weights, "out/", "diffusers")
    read = type(model).from_pretrained("out/" + component)
    faults = ["has other values"] if differ(model, read) else []
    theirs, ours = fields(model.config), fields(read.config)
    faults += ["its {} is {}, not {}".format(key, ours.get(key), value) for key, value in theirs.items()
               if not key.startswith("_") and ours.get(key) != value]  # fmt: skip
    return faults


def check_pipeline(ckmerge, kind, scheduler, parts):
    for name, model in parts.items():
        model.save_pretrained("pipeline/" + name)
    names = {name: [type(model).__module__.split(".")[0], type(model).__name__] for name, model in parts.items()}
    with open("pipeline/model_index.json", "w", encoding="utf-8") as file:
        json.dump({"_class_name": kind.__name__, **names}, file)
    convert(ckmerge, "pipeline", "one.safetensors", "comfy")
    convert(ckmerge, "one.safetensors", "out/", "diffusers")
    lacking = {name: None for name in ("tokenizer", "tokenizer_2", "tokenizer_3") if name in kind.__init__.__annotations__}
    read = d.DiffusionPipeline.from_pretrained("out", scheduler=scheduler(), **lacking)
    faults = [] if type(read) is kind else ["is a " + type(read).__name__]
    return faults + [name + " differs" for name, model in parts.items() if differ(model, getattr(read, name))]


def main(ckmerge):
    failed = 0
    tasks = [(type(model).__name__, check_component, component, model) for component, model in components()]
    tasks += [(parts[0].__name__, check_pipeline, *parts) for parts in pipelines()]
    for name, check, *given in tasks:
        with tempfile.TemporaryDirectory(prefix="ckmerge-configs-") as folder:
            os.chdir(folder)
            faults = check(ckmerge, *given)
            os.chdir("/")
        print("{}: {}".format(name, "loaded" if not faults else ""))
        for fault in faults:
            print("FAILED: {}: {}".format(name, fault))
        failed += len(faults)
    return failed != 0


if __name__ == "__main__":
    torch.manual_seed(1)
    sys.exit(main(os.path.abspath(sys.argv[1])))
