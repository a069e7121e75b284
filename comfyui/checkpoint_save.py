# SPDX-License-Identifier: Apache-2.0
"""Checkpoint Save: a loaded model, its text encoders and its VAE into one file, as ComfyUI's CheckpointSave writes it, name by name and bit by
bit, but streamed: one weight at a time, no copy of the model, and the Interrupt button ends it."""
from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping

import ckmerge
import comfy.model_base
import comfy.model_sampling
import folder_paths
import torch
from comfy.cli_args import args
from comfy.model_management import throw_exception_if_processing_interrupted

from . import engine, lists, patched
from .deferred import Deferred
from .model_merge import CATEGORY
from .node import ANY, Hidden, Node, NodeError, Output, Result, Widget

UNET = "diffusion_model."
DTYPES = ("float16", "float32", "bfloat16", "float8_e4m3fn", "float8_e5m2", "keep")
# The families that get fields of modelspec; a class comes before those that it is made of.
ARCHITECTURES = (("SDXL_instructpix2pix", "stable-diffusion-xl-v1-edit"), ("SDXL", "stable-diffusion-xl-v1-base"),
                 ("SDXLRefiner", "stable-diffusion-xl-v1-refiner"), ("SVD_img2vid", "stable-video-diffusion-img2vid-v1"),
                 ("SD3", "stable-diffusion-v3-medium"))


@contextlib.contextmanager
def told_as(module: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> Iterator[None]:
    """For this while the module says that these are its weights."""
    module.state_dict = lambda *arguments, **keywords: dict(tensors)
    try:
        yield
    finally:
        del module.state_dict


def marks(model: Any) -> dict[str, torch.Tensor]:
    """The tensors that say by being there how the model is sampled."""
    sampling, kind = model.get_model_object("model_sampling"), model.model.model_type
    found = {}
    if isinstance(sampling, comfy.model_sampling.ModelSamplingContinuousEDM) and isinstance(sampling, comfy.model_sampling.V_PREDICTION):
        found = {f"edm_vpred.{name}": torch.tensor(getattr(sampling, name)).float() for name in ("sigma_max", "sigma_min")}
    if kind == comfy.model_base.ModelType.V_PREDICTION:
        found["v_pred"] = torch.tensor([])
        if getattr(sampling, "zsnr", False):
            found["ztsnr"] = torch.tensor([])
    return found


@dataclass
class Contents:
    """Every tensor of the file, under its name there, and which names each part got. Families differ in what they put before a name, and ckmerge knows
    the parts by what checkpoints have there."""

    tensors: dict[str, torch.Tensor]
    parts: dict[str, set[str]]


def contents_of(model: Any, clip: Any, vae: Any) -> Contents:
    if getattr(model.model.model_config, "layer_quant_config", None):
        raise NodeError("the model is quantized in mixed precision, which no file of ComfyUI can hold")
    config, encoders, decoder = model.model.model_config, None, None
    unet, parts = patched.weights(model, UNET), {}
    if clip is not None:
        encoders = {**patched.weights(clip.patcher), **clip.tokenizer.state_dict()}
        parts["clip"] = set(config.process_clip_state_dict_for_saving(dict(encoders)))
    if vae is not None:
        decoder = vae.get_sd()
        parts["vae"] = set(config.process_vae_state_dict_for_saving(dict(decoder)))
    parts["unet"] = set(config.process_unet_state_dict_for_saving(dict(unet)))
    with told_as(model.model.diffusion_model, unet):
        found = model.model.state_dict_for_saving(encoders, decoder, None)
    found = {**found, **marks(model)}
    return Contents(found, {part: names & found.keys() for part, names in parts.items()})


def metadata_of(model: Any, title: str, hidden: Hidden) -> dict[str, str]:
    fields = {}
    for name, architecture in ARCHITECTURES:
        if isinstance(model.model, getattr(comfy.model_base, name, ())):
            fields = {"modelspec.architecture": architecture, "modelspec.sai_model_spec": "1.0.0", "modelspec.implementation": "sgm",
                      "modelspec.title": title}
            break
    predicts = {comfy.model_base.ModelType.EPS: "epsilon", comfy.model_base.ModelType.V_PREDICTION: "v"}
    if key := predicts.get(model.model.model_type):
        fields["modelspec.predict_key"] = key
    if not args.disable_metadata:
        fields["prompt"] = "" if hidden.prompt is None else json.dumps(hidden.prompt)
        fields |= {name: json.dumps(value) for name, value in (hidden.extra_pnginfo or {}).items()}
    return fields


def lazily(tensor: torch.Tensor) -> Any:
    """The tensor as ckmerge.save takes it: itself, where its bytes lie there in order."""
    if not isinstance(tensor, Deferred):
        return tensor
    if tensor.there is not None and tensor.there.device.type == "cpu" and tensor.there.is_contiguous():
        return tensor.there

    def make() -> torch.Tensor:
        throw_exception_if_processing_interrupted()
        with torch.inference_mode():
            return tensor.make().contiguous()

    return ckmerge.Lazy(tensor.dtype, tuple(tensor.shape), make)


def pattern(names: set[str], others: Iterable[str]) -> str:
    """A regular expression of these names and of none of the others: what stands before the first dots that tell them apart."""
    ends = re.compile(r"\.")
    taken = {other[:end] for other in others for end in (*(dot.end() for dot in ends.finditer(other)), len(other))}
    found = {}
    for name in sorted(names):
        begins = (name[:dot.end()] for dot in ends.finditer(name))
        alone = next((re.escape(start) for start in begins if start not in taken), re.escape(name) + "$")
        found[alone] = None
    return f"^(?:{'|'.join(found)})"


def dtype_options(values: Mapping[str, Any], parts: Mapping[str, set[str]], names: Iterable[str]) -> dict[str, list[str]]:
    widgets = {"unet": "dtype", "clip": "dtype_clip", "vae": "dtype_vae"}
    chosen = {part: values.get(widget) or "keep" for part, widget in widgets.items()}
    told = [f"/{pattern(parts[part], set(names) - parts[part])}/={dtype}" for part, dtype in chosen.items() if dtype != "keep" and parts.get(part)]
    return {"dtype": told} if told else {}


def save(values: dict[str, Any], hidden: Hidden) -> Result:
    model, output = values["model"], folder_paths.get_output_directory()
    try:
        folder, filename, counter, _, _ = folder_paths.get_save_image_path(values["filename_prefix"], output)
    except Exception as error:  # of no kind of its own, and several lines
        raise NodeError(f"filename_prefix {values['filename_prefix']}: {str(error).splitlines()[0]}") from None
    counter = max(counter, *(lists.next_number(lists.CHECKPOINTS, prefix) for prefix in in_list(os.path.join(folder, filename))), 1)
    path = os.path.join(folder, f"{filename}_{counter:05}_.safetensors")
    contents = contents_of(model, values.get("clip"), values.get("vae"))
    engine.save({name: lazily(tensor) for name, tensor in contents.tensors.items()}, path, metadata=metadata_of(model, f"{filename} {counter}", hidden),
                force=False, **dtype_options(values, contents.parts, contents.tensors))
    name = lists.name_of(path, lists.CHECKPOINTS) if in_list(path) else os.path.basename(path)
    return Result((name,), f"{os.path.relpath(path, output)}: {len(contents.tensors)} tensors")


def in_list(path: str) -> list[str]:
    """The path from each folder of checkpoints that it lies in: what a loader may call the file."""
    found = (os.path.relpath(path, folder) for folder in folder_paths.get_folder_paths(lists.CHECKPOINTS))
    return [relative for relative in found if not relative.startswith(os.pardir)]


def node() -> Node:
    def widgets() -> list[Widget]:
        more = {"optional": True}
        return [Widget("model", "MODEL"), Widget("clip", "CLIP"), Widget("vae", "VAE"), Widget("filename_prefix", "STRING", "checkpoints/ComfyUI"),
                Widget("dtype", "COMBO", "float16", DTYPES, "What the diffusion model is stored as; keep: as it is loaded.", **more),
                Widget("dtype_clip", "COMBO", "keep", DTYPES, "The same for the text encoders.", **more),
                Widget("dtype_vae", "COMBO", "keep", DTYPES, "The same for the VAE.", **more)]

    return Node("ckmerge_CheckpointSave", "Checkpoint Save (ckmerge)", CATEGORY, "Writes a model, its text encoders and its VAE into one file, with patches "
                "applied, one weight at a time: no second copy of the model in memory.", widgets, (Output(ANY, "name"),), save, True)
