# SPDX-License-Identifier: Apache-2.0
"""A file as MODEL, CLIP and VAE, as ComfyUI's own loaders give them."""
from __future__ import annotations

import comfy.sd
import comfy.utils
import folder_paths
import nodes
from comfy_execution.graph_utils import ExecutionBlocker


def clip_types() -> list[str]:
    """What Load CLIP offers as `type`."""
    declared = nodes.CLIPLoader.INPUT_TYPES()["required"]["type"]
    return list(declared[0] if isinstance(declared[0], (list, tuple)) else declared[1]["options"])


def load(list_name: str, path: str, clip_type: str = "stable_diffusion") -> list:
    """[MODEL, CLIP, VAE]; what such a file does not have stops whoever wants it, with a sentence."""
    loaded = [ExecutionBlocker(f"the new file is one of {list_name}: it has no {what}") for what in ("MODEL", "CLIP", "VAE")]
    if list_name == "checkpoints":
        return list(comfy.sd.load_checkpoint_guess_config(path, output_vae=True, output_clip=True,
                                                          embedding_directory=folder_paths.get_folder_paths("embeddings"))[:3])
    if list_name == "diffusion_models":
        loaded[0] = comfy.sd.load_diffusion_model(path)
    elif list_name == "text_encoders":
        kind = getattr(comfy.sd.CLIPType, clip_type.upper(), comfy.sd.CLIPType.STABLE_DIFFUSION)
        loaded[1] = comfy.sd.load_clip([path], embedding_directory=folder_paths.get_folder_paths("embeddings"), clip_type=kind)
    elif list_name == "vae":
        loaded[2] = comfy.sd.VAE(sd=comfy.utils.load_torch_file(path))
    return loaded
