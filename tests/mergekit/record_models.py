# SPDX-License-Identifier: Apache-2.0
"""usage: record_models.py [--check]
Writes recorded/models.json: what transformers saves of each model of architectures.py, names, shapes and dtypes with the
shard that each tensor comes to lie in, and the configs. Then it loads the folders that folders.py makes of that, whole,
sharded and under the other names, and holds them to be the same model. --check writes nothing."""
import json
import pathlib
import sys
import tempfile

import architectures
import folders
import respelled
import torch

SHARD = "12KB"
KEEPS_NOT = ["gpt2"]  # saved by the class with a head, names have `transformer.` whatever they were loaded under


def entries(folder):
    """[(name, dtype, shape, shard)] in the order of the files."""
    index = folder / "model.safetensors.index.json"
    files = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.exists() else ["model.safetensors"]
    return [(name, dtype, shape, number) for number, file in enumerate(files, 1)
            for name, (dtype, shape, _) in folders.read(folder / file).items()]


def record(name):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        architectures.make(name).save_pretrained(folder, max_shard_size=SHARD)
        generation = folder / "generation_config.json"
        return {"config": json.loads((folder / "config.json").read_text()),
                "generation_config": json.loads(generation.read_text()) if generation.exists() else None,
                "tensors": [f"{key} {dtype} {','.join(map(str, shape)) or '-'} {shard}" for key, dtype, shape, shard in entries(folder)]}


def files_of(folder):
    return {key: entry[:3] for key, entry in folders.read_folder(folder).items()}


def check(name, under):
    """Faults of the folders made of a recording, as from_pretrained sees them."""
    faults, states = [], []
    for mark in ["", "_sharded", *(["_respelled"] if name in respelled.MODELS else [])]:
        folder = folders.make(f"{name}_A{mark}", under)
        model, told = architectures.load(name, folder, output_loading_info=True)
        faults += [f"{folder.name}: {kind}: {sorted(told[kind])[:3]}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if told[kind]]
        states.append(model.state_dict())
        again = folder.with_name(folder.name + "-again")
        model.save_pretrained(again)
        if not (mark == "_respelled" and name in KEEPS_NOT) and files_of(again) != files_of(folder):
            faults.append(f"{folder.name}: saved again, it differs")
    for state in states[1:]:
        if set(state) != set(states[0]) or not all(torch.equal(state[key], states[0][key]) for key in state):
            faults.append(f"{name}: its folders are not one model")
    return faults


def main():
    failed, made = 0, {name: record(name) for name in architectures.MODELS}
    path = folders.HERE / "recorded" / "models.json"
    if "--check" not in sys.argv:
        text = ",\n".join(json.dumps(name) + ": " + json.dumps(entry, sort_keys=True) for name, entry in made.items())
        path.write_text("{" + text + "}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        for name, entry in made.items():
            faults = check(name, scratch) + ([] if folders.recorded()[name] == entry else ["it is not what is recorded"])
            for fault in faults:
                print(f"FAILED: {name}: {fault}")
            print(f"{name}: {len(entry['tensors'])} tensors")
            failed += bool(faults)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
