# SPDX-License-Identifier: Apache-2.0
"""Small pipelines of diffusers, whole: models, tokenizers and scheduler, as save_pretrained writes them. Needs diffusers and
transformers."""
import json
import os

import diffusers
import diffusers_classes
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

CLIP = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 60,
        "max_position_embeddings": 8, "bos_token_id": 57, "eos_token_id": 58, "pad_token_id": 59}  # fmt: skip


def clip_tokenizer(folder):
    letters = [chr(ord("a") + i) for i in range(26)]
    words = letters + [letter + "</w>" for letter in letters] + ["ab</w>", "l", "o", "w", "er"]
    words = list(dict.fromkeys(words))[:57]
    vocabulary = {word: i for i, word in enumerate(words + ["<|startoftext|>", "<|endoftext|>", "!"])}
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.json"), "w") as out:
        json.dump(vocabulary, out)
    with open(os.path.join(folder, "merges.txt"), "w") as out:
        out.write("#version: 0.2\na b</w>\n")
    return transformers.CLIPTokenizer(os.path.join(folder, "vocab.json"), os.path.join(folder, "merges.txt"), model_max_length=8)


def t5_tokenizer():
    tokenizer = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def filled(model, seed):
    torch.manual_seed(seed)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape))
    return model


def of_diffusers(name, **changed):
    kind, sizes = diffusers_classes.CLASSES[name]
    return getattr(diffusers, kind)(**{**sizes, **changed})


def clip(width=8, projected=False):
    config = transformers.CLIPTextConfig(**{**CLIP, "hidden_size": width}, projection_dim=width)
    return (transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel)(config)


def t5(kind="T5"):
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 16, "num_layers": 2, "num_heads": 2, "vocab_size": 20}
    return getattr(transformers, kind + "EncoderModel")(getattr(transformers, kind + "Config")(**sizes))


def euler():
    return diffusers.EulerDiscreteScheduler()


def flow():
    return diffusers.FlowMatchEulerDiscreteScheduler()


def safety_checker():
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    vision = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 4, "patch_size": 2}
    return StableDiffusionSafetyChecker(transformers.CLIPConfig(
        text_config={**CLIP, "projection_dim": 8}, vision_config={**vision, "projection_dim": 8}, projection_dim=8))


def sd1(folder):
    return diffusers.StableDiffusionPipeline, {
        "unet": of_diffusers("sd1"), "vae": of_diffusers("autoencoder-kl"), "text_encoder": clip(), "tokenizer": clip_tokenizer(folder),
        "scheduler": euler(), "safety_checker": safety_checker(), "feature_extractor": transformers.CLIPImageProcessor()}


def sdxl(folder):
    return diffusers.StableDiffusionXLPipeline, {
        "unet": of_diffusers("sdxl"), "vae": of_diffusers("autoencoder-kl"), "text_encoder": clip(), "text_encoder_2": clip(12, True),
        "tokenizer": clip_tokenizer(folder), "tokenizer_2": clip_tokenizer(folder), "scheduler": euler()}


def sd3(folder):
    return diffusers.StableDiffusion3Pipeline, {
        "transformer": of_diffusers("sd3"), "vae": of_diffusers("flux-ae"), "text_encoder": clip(8, True), "text_encoder_2": clip(12, True),
        "text_encoder_3": t5(), "tokenizer": clip_tokenizer(folder), "tokenizer_2": clip_tokenizer(folder), "tokenizer_3": t5_tokenizer(),
        "scheduler": flow()}


def flux(folder):
    return diffusers.FluxPipeline, {
        "transformer": of_diffusers("flux-dev"), "vae": of_diffusers("flux-ae"), "text_encoder": clip(), "text_encoder_2": t5(),
        "tokenizer": clip_tokenizer(folder), "tokenizer_2": t5_tokenizer(), "scheduler": flow()}


def wan(folder):
    return diffusers.WanPipeline, {
        "transformer": of_diffusers("wan-t2v"), "transformer_2": of_diffusers("wan-t2v"), "vae": of_diffusers("wan-vae"),
        "text_encoder": t5("UMT5"), "tokenizer": t5_tokenizer(), "scheduler": diffusers.UniPCMultistepScheduler()}


PIPELINES = {"sd1": sd1, "sdxl": sdxl, "sd3": sd3, "flux": flux, "wan": wan}


def components_with_weights(parts):
    return {name: part for name, part in parts.items() if isinstance(part, torch.nn.Module)}


def make(name, folder, seed, dtype=torch.float32, **how):
    """Saves it; `how` goes to save_pretrained. Returns what has weights, by component: {tensor: values}."""
    kind, parts = PIPELINES[name](folder + ".tokenizers")
    for number, (component, model) in enumerate(components_with_weights(parts).items()):
        filled(model, seed + 10 * number).to(dtype)
    kind(**parts).save_pretrained(folder, **how)
    return {component: model.state_dict() for component, model in components_with_weights(parts).items()}
