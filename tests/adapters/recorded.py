# SPDX-License-Identifier: Apache-2.0
"""Recordings, and files made of them once more. recorded/GROUP.json holds, by case, the small model that it is of (its names and
shapes are in recorded/nets.json), the adapter's config, metadata and tensors, and what the program that is named made of the
model's tensors. Values that names give (tensors.py) are not stored; of the adapter only those that are what they are."""
import json
import pathlib

import tensors

HERE = pathlib.Path(__file__).resolve().parent
GROUPS = ("peft-lora", "peft-adding", "peft-acting", "lycoris", "kohya", "peft-models")


def load(group):
    return json.loads((HERE / "recorded" / f"{group}.json").read_text(encoding="utf-8"))


def save(group, entries):
    """A line for each entry."""
    text = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry, sort_keys=True)}" for name, entry in entries.items())
    (HERE / "recorded" / f"{group}.json").write_text("{" + text + "}\n", encoding="utf-8")


def base_of(nets, entry):
    """{name: (dtype, shape, bytes)} of the case's model."""
    return {name: tensors.made(entry["net"], name, entry["dtype"], shape) for name, shape in nets[entry["net"]].items()}


def adapter_of(name, entry):
    """The same of its adapter."""
    return {key: (told[0], told[1], tensors.bytes_of(told[2])) if len(told) > 2 else tensors.made(name, key, *told) for key, told in entry["adapter"].items()}


def expected_of(nets, entry):
    """The same of what becomes of the model's tensors that change."""
    return {key: (entry["dtype"], nets[entry["net"]][key], tensors.bytes_of(text)) for key, text in entry["expected"].items()}


def write_adapter(name, entry, path):
    """The adapter as its program writes it: a folder where it has a config, a file otherwise. Returns its path."""
    if entry["config"] is None:
        path = path.with_suffix(".safetensors")
        tensors.write(path, adapter_of(name, entry), entry["metadata"])
        return path
    path.mkdir(exist_ok=True)
    tensors.write(path / "adapter_model.safetensors", adapter_of(name, entry), entry["metadata"])
    (path / "adapter_config.json").write_text(json.dumps(entry["config"], indent=2, sort_keys=True), encoding="utf-8")
    return path


def write_base(nets, entry, path):
    """The model: a folder where it is one of transformers, a file otherwise. Returns its path and its tensors."""
    base = base_of(nets, entry)
    if "model_config" not in entry:
        tensors.write(path.with_suffix(".safetensors"), base)
        return path.with_suffix(".safetensors"), base
    path.mkdir(exist_ok=True)
    tensors.write(path / "model.safetensors", base)
    (path / "config.json").write_text(json.dumps(entry["model_config"], indent=2, sort_keys=True), encoding="utf-8")
    return path, base
