# SPDX-License-Identifier: Apache-2.0
"""usage: detected.py CKMERGE COMFYUI
That ComfyUI finds what `--layout comfy` and `--layout original` make of diffusers' names to be what it finds the original to be. Recorded models
of tests/layouts are held against the original; of families that ComfyUI knows by widths, and of VAEs and text encoders, the classes of diffusers
and transformers say names and shapes, without values. Nothing is computed: `ckmerge plan` says what a file would hold. Sources of what is expected:
comfy/supported_models.py, comfy/sd.py of ComfyUI 0.3.75. One line a failure; exit 1."""
import json
import logging
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CKMERGE, COMFYUI = (os.path.abspath(word) for word in sys.argv[1:3])
sys.path[:0] = [COMFYUI, str(ROOT / "tests/layouts")]
sys.argv = sys.argv[:1]  # ComfyUI reads them, too
import comfy.cli_args

comfy.cli_args.args.cpu = True
import comfy.model_detection
import comfy.sd
import diffusers
import recorded_models
import torch
import transformers

UNET = "model.diffusion_model."
UNKNOWN = {"flux3", "krea2", "qwen-image-2.1", "sana", "one-resnet"}  # to ComfyUI 0.3.75
# What tensors say that no folder of diffusers has: PixArt's y_embedding and pos_embed.
UNSAID = {"model_max_length", "input_size", "pe_interpolation"}
UNUSED = ("channel", "mean-of-stds", "mean-of-stds_over_std-of-means")  # statistics of LTX-Video's VAE
failures = []
logging.getLogger().handlers = [logging.NullHandler()]


def expect(holds, told):
    if not holds:
        failures.append(told)
        print(f"FAILED: {told}", flush=True)


def write(path, shapes):
    """A file whose tensors are holes."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes):
        size = 2
        for dimension in shapes[name]:
            size *= dimension
        header[name] = {"dtype": "F16", "shape": list(shapes[name]), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)


def converted(shapes, layout):
    with tempfile.TemporaryDirectory(prefix="ckmerge-") as folder:
        path = os.path.join(folder, "in.safetensors")
        write(path, shapes)
        done = subprocess.run([CKMERGE, "plan", path, "-m", "copy", "--layout", layout, "--json"], capture_output=True, text=True,
                              env={**os.environ, "XDG_CACHE_HOME": folder})
        report = json.loads(done.stdout)
        if done.returncode:
            raise RuntimeError(report["message"])
        return {tensor["name"]: tensor["shape"] for tensor in report["tensors"]}


def state(shapes, prefix=""):
    """Tensors that take no memory."""
    return {prefix + name: torch.zeros(1, dtype=torch.float16).expand(shape) if shape else torch.zeros((), dtype=torch.float16)
            for name, shape in shapes.items()}


def shapes_of(make):
    with torch.device("meta"):
        return {name: list(tensor.shape) for name, tensor in make().state_dict().items()}


def detected(shapes):
    """As the loader of diffusion models does it: the prefix of checkpoints is put in front where it is not there."""
    bare = {name.removeprefix(UNET): shape for name, shape in shapes.items()}
    tensors = state(bare, UNET)
    config = comfy.model_detection.detect_unet_config(tensors, UNET)
    found = comfy.model_detection.model_config_from_unet(tensors, UNET)
    return type(found).__name__ if found else None, config


def recorded_transformers():
    seen = 0
    for name in recorded_models.names():
        model = recorded_models.Recorded(name)
        if name in UNKNOWN or "vae" in name or "diffusers" not in (model.right_naming, model.left_naming) or model.left_naming == "diffusers":
            continue
        try:
            expected = detected(model.left)
        except KeyError:
            continue  # U-Nets, by widths: below
        if expected[1] is None:
            continue
        right = {key: shape for key, (shape, _, _) in model.right.items()}
        for layout in ("comfy", "original"):
            if layout == "original" and model.left_naming == "comfy":
                continue  # the publisher's is diffusers', which ComfyUI does not read
            found, config = detected(converted(right, layout))
            wanted = {key: value for key, value in expected[1].items() if key in config or key not in UNSAID}
            expect(found == expected[0] and config == wanted, f"{name}, {layout}: {found} {config} for {expected}")
            seen += 1
    expect(seen > 20, f"{seen} recorded models")


def unet(**given):
    return lambda: diffusers.UNet2DConditionModel(sample_size=64, **given)


CROSS, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
OF_XL = {"addition_embed_type": "text_time", "addition_time_embed_dim": 256, "use_linear_projection": True}
BY_WIDTH = {
    "SD15": unet(cross_attention_dim=768),
    "SD20": unet(cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True),
    "SD21UnclipL": unet(cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True, class_embed_type="projection",
                        projection_class_embeddings_input_dim=1536),
    "SD21UnclipH": unet(cross_attention_dim=1024, attention_head_dim=(5, 10, 20, 20), use_linear_projection=True, class_embed_type="projection",
                        projection_class_embeddings_input_dim=2048),
    "SDXL": unet(block_out_channels=(320, 640, 1280), down_block_types=("DownBlock2D", CROSS, CROSS), up_block_types=(CROSS_UP, CROSS_UP, "UpBlock2D"),
                 transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20), cross_attention_dim=2048, projection_class_embeddings_input_dim=2816,
                 **OF_XL),
    "SDXLRefiner": unet(block_out_channels=(384, 768, 1536, 1536), down_block_types=("DownBlock2D", CROSS, CROSS, "DownBlock2D"),
                        up_block_types=("UpBlock2D", CROSS_UP, CROSS_UP, "UpBlock2D"), transformer_layers_per_block=4, attention_head_dim=(6, 12, 24, 24),
                        cross_attention_dim=1280, projection_class_embeddings_input_dim=2560, **OF_XL),
    "SD3": lambda: diffusers.SD3Transformer2DModel(sample_size=128, num_layers=24, num_attention_heads=24, caption_projection_dim=1536, pos_embed_max_size=192),
    "AuraFlow": lambda: diffusers.AuraFlowTransformer2DModel(),
    "WAN21_I2V": lambda: diffusers.WanTransformer3DModel(in_channels=36, image_dim=1280, added_kv_proj_dim=5120, num_layers=2),
    "WAN21_T2V": lambda: diffusers.WanTransformer3DModel(num_layers=2),
    "CosmosT2IPredict2": lambda: diffusers.CosmosTransformer3DModel(
        in_channels=16, num_attention_heads=16, num_layers=2, adaln_lora_dim=256, max_size=(128, 240, 240), concat_padding_mask=True, extra_pos_embed_type=None),
}


def models_by_width():
    for expected, make in BY_WIDTH.items():
        found, _ = detected(converted(shapes_of(make), "comfy"))
        expect(found == expected, f"{found} for {expected}")


VAES = {  # class, channels of latents
    "SD": (("AutoencoderKL", 4), lambda: diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)),
    "Flux": (("AutoencodingEngine", 16), lambda: diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=16, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, use_quant_conv=False, use_post_quant_conv=False)),
    "Wan": (("WanVAE", 16), diffusers.AutoencoderKLWan),
    "LTX-Video": (("VideoVAE", 128), diffusers.AutoencoderKLLTXVideo),
}


class Heard(logging.Handler):
    """What ComfyUI's loader finds missing."""
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def vaes():
    for name, (expected, make) in VAES.items():
        heard = Heard()
        logging.getLogger().addHandler(heard)
        shapes = converted(shapes_of(make), "comfy")
        prefix = next((front for front in ("first_stage_model.", "vae.") if all(key.startswith(front) for key in shapes)), "")
        vae = comfy.sd.VAE(sd=state({key[len(prefix):]: shape for key, shape in shapes.items()}))
        logging.getLogger().removeHandler(heard)
        found = type(vae.first_stage_model).__name__, vae.latent_channels
        said = "".join(line for line in heard.lines if "Missing" in line)
        missing = [key for key in re.findall("'([^']+)'", said) if not key.endswith(UNUSED)]
        expect(found == expected and not missing, f"VAE of {name}: {found} for {expected}, {missing}")


def clip(width, layers, projection=False):
    kind = transformers.CLIPTextModelWithProjection if projection else transformers.CLIPTextModel
    return lambda: kind(transformers.CLIPTextConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
                                                    projection_dim=width))


def language(name, **given):
    kind = getattr(transformers, name + "Model")
    return lambda: kind(getattr(transformers, name + "Config")(num_hidden_layers=2, vocab_size=64, pad_token_id=0, **given))


ENCODERS = {
    "CLIP_L": clip(768, 12),
    "CLIP_G": clip(1280, 32, True),
    "CLIP_H": clip(1024, 23),
    "T5_XXL": lambda: transformers.T5EncoderModel(transformers.T5Config(d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
                                                                        feed_forward_proj="gated-gelu")),
    "GEMMA_2_2B": language("Gemma2", hidden_size=2304, intermediate_size=9216),
    "QWEN3_4B": language("Qwen3", hidden_size=2560, intermediate_size=9728),
    "LLAMA3_8": language("Llama", hidden_size=4096, num_key_value_heads=8),
}


def encoders():
    for expected, make in ENCODERS.items():
        found = comfy.sd.detect_te_model(state(converted(shapes_of(make), "comfy")))
        expect(found is not None and found.name == expected, f"text encoder: {found} for {expected}")


for check in (recorded_transformers, models_by_width, vaes, encoders):
    try:
        check()
    except Exception as error:
        expect(False, f"{check.__name__}: {type(error).__name__}: {error}")
        if os.environ.get("CKMERGE_KEEP"):
            raise
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
