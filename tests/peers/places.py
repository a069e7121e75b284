# SPDX-License-Identifier: Apache-2.0
"""usage: places.py CKMERGE [--record PYTHON]
The places that sd-mecha's rebasin gives to channels, against those of ckmerge, over modules of an SDXL checkpoint that are
made here with few channels. --record asks sd-mecha 1.1.8 itself, by the Python that has it, and writes
recorded/sd-mecha-places.json; without it that is compared with. Heads are left where they are there, so B has them in A's order."""
import array
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import make_inputs

import comparison

RECORDING = pathlib.Path(__file__).resolve().parent / "recorded" / "sd-mecha-places.json"
CLIP_L = "conditioner.embedders.0.transformer.text_model.encoder.layers.0."
CLIP_G = "conditioner.embedders.1.model.transformer.resblocks.0."
UNET = "model.diffusion_model."
FF = UNET + "input_blocks.4.1.transformer_blocks.0.ff.net."
HEADS = 8
SHAPES = {CLIP_L + f"self_attn.{name}_proj.{kind}": [512, 5] if kind == "weight" else [512] for name in "qkv" for kind in ("weight", "bias")}
SHAPES |= {CLIP_L + "self_attn.out_proj.weight": [5, 512], CLIP_L + "mlp.fc1.weight": [40, 5], CLIP_L + "mlp.fc1.bias": [40],
           CLIP_L + "mlp.fc2.weight": [5, 40], CLIP_G + "attn.in_proj_weight": [3 * 512, 4], CLIP_G + "attn.in_proj_bias": [3 * 512],
           CLIP_G + "attn.out_proj.weight": [4, 512], CLIP_G + "mlp.c_fc.weight": [36, 4], CLIP_G + "mlp.c_fc.bias": [36],
           CLIP_G + "mlp.c_proj.weight": [4, 36], FF + "0.proj.weight": [2 * 30, 6], FF + "0.proj.bias": [2 * 30], FF + "2.weight": [6, 30],
           UNET + "time_embed.0.weight": [32, 6], UNET + "time_embed.0.bias": [32], UNET + "time_embed.2.weight": [6, 32],
           UNET + "label_emb.0.0.weight": [28, 7], UNET + "label_emb.0.0.bias": [28], UNET + "label_emb.0.2.weight": [6, 28]}

# What asks sd-mecha: its own rules and its own solver, over a graph of these shapes instead of the real ones.
ASK = """
import json, sys, torch
from safetensors.torch import load_file
from sd_mecha.streaming import TensorMetadata
from sd_mecha.extensions.builtin.merge_methods.rebasin import perm_graph, sdxl_sgm
torch.set_num_threads(1)
a, b, heads, out = load_file(sys.argv[1]), load_file(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
graph = perm_graph.PermGraph({name: TensorMetadata(tensor.shape, torch.float32) for name, tensor in a.items()})
for name, meta in graph.md.items():
    for start, rules in (("conditioner.embedders.0", sdxl_sgm.clip_l_perms), ("conditioner.embedders.1", sdxl_sgm.clip_g_perms),
                         ("model.diffusion_model", sdxl_sgm.unet_perms)):
        if name.startswith(start):
            rules(name, meta, graph, heads)
told = []
for closure in graph.closures():
    found = sdxl_sgm._init_pid_perm(closure, "cpu")
    sdxl_sgm._solve_all_components(closure, found, b.__getitem__, a.__getitem__, torch.device("cpu"), torch.float32, 10)
    for number, order in sorted(found.items()):
        told.append([[[node.key, node.axis, node.offset] for node in closure.pid_to_nodes[number]], torch.argsort(order).tolist()])
json.dump(told, open(out, "w"))
"""


def of_float32(values):
    return array.array("f", values).tobytes()


def reordered(values, shape, axis, first, order):
    """Channel first + k of the axis becomes what was channel first + order[k]."""
    behind = 1
    for side in shape[axis + 1:]:
        behind *= side
    out = list(values)
    for at in range(len(values)):
        channel = at // behind % shape[axis] - first
        if 0 <= channel < len(order):
            out[at] = values[at + (order[channel] - channel) * behind]
    return out


def made(folder):
    """A, and B that is a little like it, with channels that changed places within heads and modules."""
    draw = random.Random("places")
    tables = {"A": {}, "B": {}}
    for name, shape in SHAPES.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        tables["A"][name] = [round((draw.random() - 0.5) * 256) / 64 for _ in range(count)]
        tables["B"][name] = [value / 2 + round((draw.random() - 0.5) * 256) / 64 for value in tables["A"][name]]

    def shuffle(count, places):
        order = list(range(count))
        draw.shuffle(order)
        for name, axis, first in places:
            tables["B"][name] = reordered(tables["B"][name], SHAPES[name], axis, first, order)
    for head in range(0, 512, 512 // HEADS):
        attention, fused = CLIP_L + "self_attn.", CLIP_G + "attn."
        shuffle(512 // HEADS, [(f"{attention}{name}_proj.{kind}", 0, head) for name in "qk" for kind in ("weight", "bias")])
        shuffle(512 // HEADS, [(f"{attention}v_proj.{kind}", 0, head) for kind in ("weight", "bias")] + [(attention + "out_proj.weight", 1, head)])
        shuffle(512 // HEADS, [(f"{fused}in_proj_{kind}", 0, head + first) for kind in ("weight", "bias") for first in (0, 512)])
        shuffle(512 // HEADS, [(f"{fused}in_proj_{kind}", 0, head + 1024) for kind in ("weight", "bias")] + [(fused + "out_proj.weight", 1, head)])
    for into, out in ((CLIP_L + "mlp.fc1", CLIP_L + "mlp.fc2"), (CLIP_G + "mlp.c_fc", CLIP_G + "mlp.c_proj"),
                      (UNET + "time_embed.0", UNET + "time_embed.2"), (UNET + "label_emb.0.0", UNET + "label_emb.0.2")):
        shuffle(SHAPES[into + ".bias"][0], [(into + ".weight", 0, 0), (into + ".bias", 0, 0), (out + ".weight", 1, 0)])
    shuffle(30, [(f"{FF}0.proj.{kind}", 0, first) for kind in ("weight", "bias") for first in (0, 30)] + [(FF + "2.weight", 1, 0)])
    for letter, table in tables.items():
        tensors = [(name, "F32", SHAPES[name], of_float32(values)) for name, values in table.items()]
        make_inputs.write(pathlib.Path(folder, f"{letter}.safetensors"), {"format": "pt"}, tensors, True)
    return tables


def main():
    ckmerge = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="ckmerge-places-") as scratch:
        tables = made(scratch)
        if "--record" in sys.argv:
            done = subprocess.run([sys.argv[3], "-c", ASK, "A.safetensors", "B.safetensors", str(HEADS), "told.json"], cwd=scratch)
            places = json.loads(pathlib.Path(scratch, "told.json").read_text(encoding="utf-8"))
            told = {"source": "sd-mecha 1.1.8 from PyPI (MIT); made by tests/peers/places.py --record", "places": places}
            RECORDING.write_text(json.dumps(told, separators=(",", ":")).replace("],[[", "],\n[[") + "\n", encoding="utf-8")
            return done.returncode
        done = subprocess.run([ckmerge, "merge", "A.safetensors", "B.safetensors", "-m", "rebasin", "--alpha", "1", "-o", "out.safetensors", "-q"],
                              cwd=scratch, capture_output=True, text=True)
        if done.returncode:
            print(f"FAILED: {done.returncode} {done.stderr}")
            return 1
        ours, moved = comparison.read(pathlib.Path(scratch, "out.safetensors")), 0
        for nodes, order in json.loads(RECORDING.read_text(encoding="utf-8"))["places"]:
            moved += sum(place != k for k, place in enumerate(order))
            for name, axis, first in nodes:
                tables["B"][name] = reordered(tables["B"][name], SHAPES[name], axis, first, order)
        wrong = [name for name, values in tables["B"].items() if ours[name][2] != of_float32(values)]
        for name in wrong:
            print(f"FAILED: channels of {name} are in other places")
        print(f"{moved} channels with new places, {len(wrong)} failures")
        return 1 if wrong or moved < 1000 else 0


sys.exit(main())
