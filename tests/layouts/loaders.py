# SPDX-License-Identifier: Apache-2.0
"""usage: loaders.py CKMERGE [NAME ...]
diffusers' own loaders read what ckmerge converted: a small model of each class is saved, brought to one file by
`convert --layout original`, read by from_single_file, brought back, and read by from_pretrained; with the values that it
had, to the bit. Needs diffusers; tests/peers/layouts.py runs it."""
import os
import subprocess
import sys
import tempfile

import diffusers
import diffusers_classes
import torch
from diffusers.loaders import single_file_model, single_file_utils
from recorded_model import converter

WEIGHTS = "diffusion_pytorch_model.safetensors"
# Z-Image's and Qwen-Image 2.1's publishers have diffusers' naming.
LAYOUTS = {"z-image": "comfy", "qwen-image-2.1": "comfy"}
# What from_single_file cannot read, whoever made the file.
UNREAD = {
    "pixart": "diffusers has no converter of PixArt",
    "ltx2-audio-vae": "its class reads no single file",
    "cosmos1": "its converter takes each file for Cosmos Predict 2",
    "hunyuan-video-1.5": "diffusers has no converter of it but a script",
    "hunyuan-image": "diffusers has no converter of it but a script",
    "sana": "its converter asks for tables that its class lacks",
}


def small_model(name):
    torch.manual_seed(len(name))
    model = diffusers_classes.make(name)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape))
    return model


def convert(ckmerge, source, out, layout):
    done = subprocess.run([ckmerge, "convert", source, out, "--layout", layout, "-f"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("FAILED: convert --layout {}: {}".format(layout, done.stderr))


def differing(model, other):
    ours, theirs = model.state_dict(), other.state_dict()
    return sorted(set(ours) ^ set(theirs)) + [n for n in ours if n in theirs and not torch.equal(ours[n], theirs[n])]


def set_widths():
    """Converters get the small models' widths in place of those that they have as numbers."""
    for name, (kind, _) in diffusers_classes.CLASSES.items():
        constants = diffusers_classes.CONSTANTS.get(name)
        row = single_file_model.SINGLE_FILE_LOADABLE_CLASSES.get(kind)
        if row and constants and hasattr(single_file_utils, row["checkpoint_mapping_fn"].__name__):
            own = converter(row["checkpoint_mapping_fn"].__name__, constants)
            row["checkpoint_mapping_fn"] = lambda checkpoint, own=own, **given: own(checkpoint)


def check(ckmerge, name, folder):
    kind = diffusers_classes.CLASSES[name][0]
    model = small_model(name)
    model.save_pretrained(folder)
    single, back = os.path.join(folder, "single.safetensors"), os.path.join(folder, "back")
    convert(ckmerge, os.path.join(folder, WEIGHTS), single, LAYOUTS.get(name, "original"))
    faults = []
    if name in UNREAD:
        print("NOT RUN: from_single_file of {} ({})".format(name, UNREAD[name]))
    else:
        read = getattr(diffusers, kind).from_single_file(single, config=folder, local_files_only=True)
        faults += ["from_single_file: " + fault for fault in differing(model, read)]
    os.mkdir(back)
    convert(ckmerge, single, os.path.join(back, WEIGHTS), "diffusers")
    os.link(os.path.join(folder, "config.json"), os.path.join(back, "config.json"))
    read = getattr(diffusers, kind).from_pretrained(back, local_files_only=True)
    return faults + ["from_pretrained: " + fault for fault in differing(model, read)]


def main():
    ckmerge, names = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(diffusers_classes.CLASSES)
    set_widths()
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="ckmerge-loaders-") as folder:
            faults = check(ckmerge, name, folder)
        print("{}: {}".format(name, "as it was" if not faults else ""))
        for fault in faults[:5]:
            print("FAILED: {}: {}".format(name, fault))
        failed += len(faults)
    sys.exit(1 if failed else 0)


main()
