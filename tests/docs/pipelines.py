# SPDX-License-Identifier: Apache-2.0
"""Whole checkpoints of SD 1.5 and SDXL by their real names, 1,145 and 2,515, in small: what documents promise of names must hold for all of them."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import make_inputs

UNET, VAE = "model.diffusion_model.", "first_stage_model."


def with_bias(*places):
    return [f"{place}.{part}" for place in places for part in ("weight", "bias")]


def residual(place, skip):
    return with_bias(*(f"{place}.{part}" for part in ("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3")),
                     *([f"{place}.skip_connection"] if skip else []))


def transformer(place, depth):
    names = with_bias(f"{place}.norm", f"{place}.proj_in", f"{place}.proj_out")
    for n in range(depth):
        block = f"{place}.transformer_blocks.{n}"
        names += with_bias(*(f"{block}.norm{k}" for k in (1, 2, 3)), f"{block}.ff.net.0.proj", f"{block}.ff.net.2")
        for attention in (f"{block}.attn1", f"{block}.attn2"):
            names += [f"{attention}.{part}.weight" for part in ("to_q", "to_k", "to_v")] + with_bias(f"{attention}.to_out.0")
    return names


def unet(wide, depths, labels):
    """wide: channels of each level, in multiples of 320; depths: transformer blocks of each, and of the middle."""
    names = with_bias("time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2") + (with_bias("label_emb.0.0", "label_emb.0.2") if labels else [])
    n, before = 1, wide[0]
    for level, channels in enumerate(wide):
        for _ in range(2):
            names += residual(f"input_blocks.{n}.0", channels != before) + (transformer(f"input_blocks.{n}.1", depths[level]) if depths[level] else [])
            n, before = n + 1, channels
        if level + 1 < len(wide):
            names += with_bias(f"input_blocks.{n}.0.op")
            n += 1
    names += residual("middle_block.0", False) + transformer("middle_block.1", depths[-1]) + residual("middle_block.2", False)
    n = 0
    for level in reversed(range(len(wide))):
        for k in range(3):
            place, depth = f"output_blocks.{n}", depths[level]
            names += residual(f"{place}.0", True) + (transformer(f"{place}.1", depth) if depth else [])
            if k == 2 and level:
                names += with_bias(f"{place}.{2 if depth else 1}.conv")
            n += 1
    return [UNET + name for name in names]


def clip_l(prefix):
    names = ["embeddings.token_embedding.weight", "embeddings.position_embedding.weight", *with_bias("final_layer_norm")]
    for n in range(12):
        names += with_bias(*(f"encoder.layers.{n}.{part}" for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj",
                                                                       "mlp.fc1", "mlp.fc2", "layer_norm1", "layer_norm2")))
    return [f"{prefix}transformer.text_model.{name}" for name in names]


def clip_g(prefix):
    names = ["token_embedding.weight", "positional_embedding", "logit_scale", "text_projection", *with_bias("ln_final")]
    for n in range(32):
        place = f"transformer.resblocks.{n}"
        names += [f"{place}.attn.in_proj_weight", f"{place}.attn.in_proj_bias",
                  *with_bias(*(f"{place}.{part}" for part in ("ln_1", "ln_2", "attn.out_proj", "mlp.c_fc", "mlp.c_proj")))]
    return [f"{prefix}model.{name}" for name in names]


def vae():
    def block(place, shortcut=False):
        return with_bias(*(f"{place}.{part}" for part in ("norm1", "conv1", "norm2", "conv2")), *([f"{place}.nin_shortcut"] if shortcut else []))

    def middle(side):
        attention = with_bias(*(f"{side}.mid.attn_1.{part}" for part in ("norm", "q", "k", "v", "proj_out")))
        return block(f"{side}.mid.block_1") + block(f"{side}.mid.block_2") + attention

    names = with_bias("quant_conv", "post_quant_conv")
    for side in ("encoder", "decoder"):
        names += with_bias(f"{side}.conv_in", f"{side}.conv_out", f"{side}.norm_out") + middle(side)
    for level in range(4):
        for n in range(2):
            names += block(f"encoder.down.{level}.block.{n}", n == 0 and level in (1, 2))
        for n in range(3):
            names += block(f"decoder.up.{level}.block.{n}", n == 0 and level in (0, 1))
        names += with_bias(f"encoder.down.{level}.downsample.conv") if level < 3 else []
        names += with_bias(f"decoder.up.{level}.upsample.conv") if level else []
    return [VAE + name for name in names]


ROOTS = ("alphas_cumprod", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod",
         "sqrt_recipm1_alphas_cumprod")
SCHEDULES = ["betas", "alphas_cumprod_prev", *ROOTS, "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"]


def names_of(kind):
    if kind == "sd1.5":
        return (unet((1, 2, 4, 4), (1, 1, 1, 0, 1), False) + clip_l("cond_stage_model.") + ["cond_stage_model.transformer.text_model.embeddings.position_ids"]
                + vae() + SCHEDULES + ["model_ema.decay", "model_ema.num_updates"])
    return (unet((1, 2, 4), (0, 2, 10, 10), True) + clip_l("conditioner.embedders.0.")
            + ["conditioner.embedders.0.transformer.text_model.embeddings.position_ids"] + clip_g("conditioner.embedders.1.") + vae())


COUNTS = {"sd1.5": 1145, "sdxl": 2515}
# By the width of this one a checkpoint is told.
TOLD = {"sd1.5": ("input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", 768), "sdxl": ("input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", 2048)}


def tensor(kind, name, seed):
    if name.endswith("position_ids"):
        return make_inputs.parse(f"{name} I64 1,3 0 1 2")
    if name in SCHEDULES:
        return make_inputs.parse(f"{name} F32 3 0.1 0.2 0.3")
    if name.startswith("model_ema."):
        return make_inputs.parse(f"{name} " + ("F32 - 0.9999" if name.endswith("decay") else "I32 - 7"))
    place, width = TOLD[kind]
    shape = [1, width] if name == UNET + place else [2, 4, 1, 1] if name == UNET + "input_blocks.0.0.weight" else [] if name.endswith("logit_scale") else [3]
    count = 1
    for n in shape:
        count *= n
    values = " ".join(str(((i + len(name)) * 7 + seed * 3) % 11 / 8 - 0.5) for i in range(count))
    return make_inputs.parse(f"{name} F16 {','.join(map(str, shape)) or '-'} {values}")


def write(path, kind, seed):
    names = names_of(kind)
    assert len(names) == len(set(names)) == COUNTS[kind], f"{kind}: {len(names)} names"
    make_inputs.write(path, {"format": "pt"}, [tensor(kind, name, seed) for name in names], True)
