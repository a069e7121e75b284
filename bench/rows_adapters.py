# SPDX-License-Identifier: Apache-2.0
"""Rows about adapters: LoRA baked into SDXL against the disk, four at once against one, an adapter of PEFT's into a folder of shards
against merge_and_unload and save_pretrained, and the extraction of one layer against numpy's full SVD."""
import json
import math
import random
import struct

from bars import MIB
from measure import NotRun, drop_page_cache, interleave, run
from rows import floor_of, result, unless_equal
from rows_folders import FOLDER_SIZE, header, model, remove, size_of, write_json
from rows_formulas import against, cold

RANK, MANY, MANY_RANK, PEFT_RANK, EXTRACT_RANK = 32, 4, 64, 64, 32
LAYER = (3072, 12288)  # of the extraction
# High bytes of F16 whose numbers are between 2^-8 and 2^-6: all factors are ordinary, and no delta outgrows the weight.
SMALL = bytes((byte & 0x80) | 0x1C | (byte & 0x07) for byte in range(256))


def numbers(count, seed):
    """Bytes of so many F16 numbers."""
    raw = bytearray(random.Random(seed).randbytes(2 * count))
    raw[1::2] = bytes(raw[1::2]).translate(SMALL)
    return raw


def write_factors(path, shapes, seed):
    """A safetensors file of F16 tensors, {name: shape}, F32 scalars given as numbers. Written tensor for tensor."""
    entries, offset = {}, 0
    for name, shape in shapes.items():
        size = 4 if isinstance(shape, float) else 2 * math.prod(shape)
        entries[name] = {"dtype": "F32", "shape": []} if isinstance(shape, float) else {"dtype": "F16", "shape": shape}
        entries[name]["data_offsets"], offset = [offset, offset + size], offset + size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_suffix(".new")
    with partial.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for number, shape in enumerate(shapes.values()):
            file.write(struct.pack("<f", shape) if isinstance(shape, float) else numbers(math.prod(shape), seed + number))
    partial.rename(path)


def sdxl(bench):
    return bench.checkpoint(bench.data, "--arch", "sdxl", "--dtype", "f16")


def sdxl_lora(bench, base, rank, number):
    """As kohya's scripts write it: all matrices of the network's transformers, in the original's names."""
    path = bench.data / f"lora-{rank}-{number}.safetensors"
    if path.exists():
        return path
    bench.log(f"  generating {path.name}")
    shapes = {}
    for name, entry in header(base).items():
        if not name.startswith("model.diffusion_model.") or ".transformer_blocks." not in name or len(entry["shape"]) != 2:
            continue
        stem = "lora_unet_" + name.removeprefix("model.diffusion_model.").removesuffix(".weight").replace(".", "_")
        rows, columns = entry["shape"]
        shapes |= {stem + ".lora_down.weight": [rank, columns], stem + ".lora_up.weight": [rows, rank], stem + ".alpha": rank / 2}
    write_factors(path, shapes, 1000 * number)
    return path


def bake(bench, base, out, loras):
    return cold(bench, out, "bake", base, *(word for lora in loras for word in ("--lora", lora)))


def baked(bench):
    base, out, floor_out, peaks = sdxl(bench), bench.data / "out.safetensors", bench.data / "floor.bin", []
    lora = sdxl_lora(bench, base, RANK, 1)

    def ours():
        done = bake(bench, base, out, [lora])
        peaks.append(done.peak / MIB)
        return done.seconds

    values, said = interleave(bench.options.rounds, {"fio": lambda: floor_of([base], floor_out), "ckmerge": ours}, bench.log)
    floor_out.unlink(missing_ok=True)
    commands = ["ckmerge bake A --lora L -o O -q",
                "fio --direct=1 --bs=4M --ioengine=psync --thread, two jobs at once: --rw=read A, --rw=write --end_fsync=1 O"]
    return {"adapters": result(values, "fio", commands, said), "adapters-rss": result({"ckmerge": peaks}, None, commands[:1])}


def four(bench):
    base, out = sdxl(bench), bench.data / "out.safetensors"
    one = [sdxl_lora(bench, base, RANK, 1)]
    many = [f"{sdxl_lora(bench, base, MANY_RANK, number)}:0.25" for number in range(1, MANY + 1)]
    values, said = interleave(bench.options.rounds, {
        "one": lambda: bake(bench, base, out, one).seconds, "ckmerge": lambda: bake(bench, base, out, many).seconds}, bench.log)
    commands = [f"ckmerge bake A {' '.join(['--lora L:0.25'] * MANY)} -o O -q", "ckmerge bake A --lora L -o O -q"]
    return {"adapters-four": result(values, "one", commands, said)}


PEFT_SCRIPT = """
import os, sys, torch
from transformers import AutoModelForCausalLM
from peft import PeftModel
base, adapter, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
PeftModel.from_pretrained(model, adapter).merge_and_unload().save_pretrained(out)
for entry in os.scandir(out):
    with open(entry.path, "rb") as file:
        os.fsync(file.fileno())
"""


def peft_adapter(bench, folder):
    """Of PEFT, of every matrix of the layers."""
    place = bench.data / f"folder-adapter-{folder.name}"
    if (place / "adapter_config.json").exists():
        return place
    place.mkdir(exist_ok=True)
    shapes, modules = {}, set()
    for path in sorted(folder.glob("*.safetensors")):
        for name, entry in header(path).items():
            if name.startswith("model.layers.") and len(entry["shape"]) == 2:
                stem = "base_model.model." + name.removesuffix(".weight")
                rows, columns = entry["shape"]
                shapes |= {stem + ".lora_A.weight": [PEFT_RANK, columns], stem + ".lora_B.weight": [rows, PEFT_RANK]}
                modules.add(name.removesuffix(".weight").rsplit(".", 1)[1])
    write_factors(place / "adapter_model.safetensors", shapes, 1)
    write_json(place / "adapter_config.json", {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": PEFT_RANK, "lora_alpha": PEFT_RANK // 4,
                                               "base_model_name_or_path": None, "target_modules": sorted(modules), "bias": "none", "inference_mode": True})
    return place


def peft(bench):
    python = bench.options.peers / "peers-venv/bin/python"
    if not python.exists():
        raise NotRun("no environment of PEFT; scripts/test.sh peers makes one")
    folder, out = model(bench, bench.options.size), bench.data / "out"
    adapter = peft_adapter(bench, folder)

    def theirs():
        drop_page_cache()
        done = run(["env", "HF_HUB_OFFLINE=1", python, "-c", PEFT_SCRIPT, folder, adapter, out])
        return done.seconds, done.peak / MIB

    commands = ["ckmerge bake BASE/ --lora ADAPTER/ -o O/ -q", "peft 0.21.2: from_pretrained, merge_and_unload, save_pretrained, fsync, in bf16"]

    def ours():
        remove(out)
        drop_page_cache()
        return run([bench.options.build / "ckmerge", "bake", folder, "--lora", adapter, "-o", f"{out}/", "-q"])

    measured = against(bench, "adapters-peft", "peft", commands, theirs, ours, lambda: remove(out))
    for row in measured.values():
        row["notes"].insert(0, f"a folder of {size_of(folder) / 1e9:.1f} GB")
        row["other_size"] = unless_equal(bench.options.size, FOLDER_SIZE)
    return measured


# A fine-tuned layer: a base, and a difference whose singular values fall as those of real ones do, over noise.
LAYER_SCRIPT = """
import sys, numpy
from safetensors.numpy import save_file
rows, columns, base, tuned = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
rng = numpy.random.default_rng(1)
weight = rng.standard_normal((rows, columns), dtype=numpy.float32) * 0.02
rank = 128
falling = 1 / numpy.arange(1, rank + 1, dtype=numpy.float32)
delta = (rng.standard_normal((rows, rank), dtype=numpy.float32) * falling) @ rng.standard_normal((rank, columns), dtype=numpy.float32) * 0.01
delta += rng.standard_normal((rows, columns), dtype=numpy.float32) * 1e-4
name = "model.layers.0.mlp.down_proj.weight"
save_file({name: weight.astype(numpy.float16)}, base)
save_file({name: (weight.astype(numpy.float16).astype(numpy.float32) + delta).astype(numpy.float16)}, tuned)
"""
SVD_SCRIPT = """
import sys, numpy
from safetensors.numpy import load_file, save_file
tuned, base, rank, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
a, b = load_file(tuned), load_file(base)
made = {}
for name in a:
    u, s, v = numpy.linalg.svd(a[name].astype(numpy.float32) - b[name].astype(numpy.float32), full_matrices=False)
    root = numpy.sqrt(s[:rank])
    made[name[:-len(".weight")] + ".lora_B.weight"], made[name[:-len(".weight")] + ".lora_A.weight"] = u[:, :rank] * root, root[:, None] * v[:rank]
save_file({name: numpy.ascontiguousarray(value) for name, value in made.items()}, out)
"""
# How much of the difference's energy a file of ours lacks of what the best of that rank keeps, in percent.
ENERGY_SCRIPT = """
import sys, numpy
from safetensors.numpy import load_file
tuned, base, ours, theirs = (load_file(path) for path in sys.argv[1:5])
name = next(iter(tuned))
delta = tuned[name].astype(numpy.float64) - base[name].astype(numpy.float64)
def kept(named):
    up = next(value for key, value in named.items() if "lora_up" in key or "lora_B" in key).astype(numpy.float64)
    down = next(value for key, value in named.items() if "lora_down" in key or "lora_A" in key).astype(numpy.float64)
    alpha = next((float(value) for key, value in named.items() if key.endswith("alpha")), len(down))
    return 1 - ((delta - alpha / len(down) * up @ down) ** 2).sum() / (delta ** 2).sum()
print(100 * (kept(theirs) - kept(ours)))
"""


def extract(bench):
    python = bench.options.peers / "peers-venv/bin/python"
    if not python.exists():
        raise NotRun("no environment of numpy; scripts/test.sh peers makes one")
    base, tuned, theirs = (bench.data / f"layer-{name}.safetensors" for name in ("base", "tuned", "theirs"))
    folder = bench.data / "folder-extracted"
    if not tuned.exists():
        run([python, "-c", LAYER_SCRIPT, *LAYER, base, tuned])

    def own():
        remove(folder)
        drop_page_cache()
        return run([bench.options.build / "ckmerge", "lora", "extract", tuned, base, "--rank", EXTRACT_RANK, "--spelling", "peft", "-o", f"{folder}/", "-q"]).seconds

    def numpys():
        drop_page_cache()
        return run([python, "-c", SVD_SCRIPT, tuned, base, EXTRACT_RANK, theirs]).seconds

    values, said = interleave(min(3, bench.options.rounds), {"numpy": numpys, "ckmerge": own}, bench.log)
    lost = float(run([python, "-c", ENERGY_SCRIPT, tuned, base, folder / "adapter_model.safetensors", theirs]).output)
    commands = [f"ckmerge lora extract TUNED BASE --rank {EXTRACT_RANK} --spelling peft -o O/ -q", "numpy.linalg.svd of the difference in f32, the first singular parts saved"]
    return {"lora-extract": result(values, "numpy", commands, said), "lora-extract-energy": result({"ckmerge": [lost]}, None, commands[:1])}


MEASURES = {"adapters": baked, "adapters-four": four, "adapters-peft": peft, "lora-extract": extract}
