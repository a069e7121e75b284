# SPDX-License-Identifier: Apache-2.0
"""Writes tests/layouts/recorded: names and shapes of small models in both namings, and which elements are which, by
running the converters that people use (diffusers', ComfyUI's) on tensors whose elements are all different.

    python record.py --comfyui FOLDER [--scripts FOLDER] [--check] [NAME ...]

FOLDER is an unpacked ComfyUI, beside which diffusers, transformers and torch must be there; that of --scripts is the
folder of diffusers' sources with its scripts, without which models that only these convert are left out. With --check nothing is
written, and what differs from what is recorded is told. Names and shapes of the
left are those of ComfyUI's own modules, those of the right are held against the classes of diffusers.
"""
import argparse
import os
import sys

import recorded_model
import tracing

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comfyui", required=True)
    parser.add_argument("--scripts")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    sys.path.insert(0, os.path.abspath(given.comfyui))
    if given.scripts:
        recorded_model.SCRIPTS.append(given.scripts)
    sys.argv = sys.argv[:1]  # ComfyUI reads them too
    import comfy.cli_args

    comfy.cli_args.args.cpu = True
    return given


def missing_and_over(right, expected):
    """Of names and shapes against those of the class; None: it is not known."""
    if expected is None:
        return []
    found = {name: list(tensor.shape) for name, tensor in right.items()}
    shapes = {name: found.get(name) if shape is None else shape for name, shape in expected.items()}
    return ["not in the class: {} {}".format(*item) for item in found.items() if shapes.get(item[0]) != item[1]] + [
        "only in the class: {} {}".format(name, shape)
        for name, shape in shapes.items()
        if name not in found or found[name] != shape
    ]


def record(model, torch, is_check):
    """How many faults there were."""
    shapes = model.left()
    right = model.convert(tracing.traced(shapes, torch))
    faults = missing_and_over(right, model.right() if model.right else None)
    text = "# {} {} {}: {}\n".format(model.family, model.from_naming, model.to_naming, model.by)
    text += "\n".join(tracing.described(shapes, right)) + "\n"
    path = os.path.join(HERE, "recorded", model.name + ".txt")
    if not is_check:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        with open(path, encoding="utf-8") as file:
            if file.read() != text:
                faults.append("is not what was recorded")
    for fault in faults:
        print("FAILED: {}: {}".format(model.name, fault))
    print("{}: {} tensors, {} bytes".format(model.name, len(shapes), len(text)))
    return len(faults)


def main():
    given = arguments()
    import torch

    import record_encoders
    import record_kin
    import record_transformers
    import record_unets
    import record_vaes
    import record_videos

    faults = 0
    for module in (record_unets, record_vaes, record_transformers, record_videos, record_encoders, record_kin):
        for model in module.models():
            if not given.names or model.name in given.names:
                faults += record(model, torch, given.check)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
