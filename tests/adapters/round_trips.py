# SPDX-License-Identifier: Apache-2.0
"""usage: round_trips.py CKMERGE [NAME ...]
Adapters there and back: what is extracted from a base and a base with a known difference is that difference, what is baked with a
strength and its opposite leaves the base, adapters merged with each other bake as each of them does, of the same rank is the same."""
import json
import os
import pathlib
import random
import shutil
import subprocess

import named_tests
import recorded
import spelled
import tensors

RANK, SHAPES = 8, {"model.layers.0.self_attn.q_proj.weight": [40, 24], "model.layers.0.mlp.up_proj.weight": [24, 40], "model.layers.1.conv.weight": [12, 10, 3, 3]}
WHOLE = ("--save-dtype", "f32")
# Of the largest element of the weight. SVD and products in F32 or better, factors stored as F32.
BOUND = 2e-5


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {(done.stdout + done.stderr).strip()[-400:]}")
    return done.stdout


def base():
    return {name: tensors.made("round", name, "F32", shape) for name, shape in SHAPES.items()} | {"model.norm.weight": tensors.made("round", "model.norm.weight", "F32", [24])}


def adapter(seed, rank=RANK):
    out = {}
    for name, shape in SHAPES.items():
        stem = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        out[stem + ".lora_down.weight"] = tensors.made(seed, stem + "down", "F32", [rank, *shape[1:]])
        out[stem + ".lora_up.weight"] = tensors.made(seed, stem + "up", "F32", [shape[0], rank] + [1] * len(shape[2:]))
        out[stem + ".alpha"] = "F32", [], tensors.packed("F32", [rank / 2])
    return out


def far(x, y):
    """The largest difference of two files, of the largest element of the tensor, and its name."""
    a, b = tensors.read(x), tensors.read(y)
    if set(a) != set(b):
        return 1.0, sorted(set(a) ^ set(b))
    worst = (0.0, "")
    for name in a:
        one, other = tensors.numbers("F32", a[name][2]), tensors.numbers("F32", b[name][2])
        worst = max(worst, (max(abs(p - q) for p, q in zip(one, other)) / max(map(abs, other)), name))
    return worst


def near(x, y, bound=BOUND):
    distance, name = far(x, y)
    return "" if distance <= bound else f"{x} and {y} lie {distance:.2e} apart in {name}"


def bake(ckmerge, out, *loras, model="base"):
    run(ckmerge, "bake", f"{model}.safetensors", *(word for lora in loras for word in ("--lora", lora)), "-o", out, "-f", "-q")


def extracted(ckmerge):
    """A difference of rank 8 is found again, in a folder as PEFT's."""
    bake(ckmerge, "tuned.safetensors", "one.safetensors")
    run(ckmerge, "lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", RANK, "--spelling", "peft", *WHOLE, "-o", "found/", "-f", "-q")
    bake(ckmerge, "again.safetensors", "found")
    return near("again.safetensors", "tuned.safetensors", 1e-5)


def extracted_as_kohya(ckmerge):
    """A difference of rank 2 of a whole network, convolutions too, in kohya's names and half precision."""
    model = spelled.models()["sd1"]
    tensors.write("base.safetensors", spelled.whole(model))
    tensors.write("sd1.safetensors", *spelled.kohya({"unet": "lora_unet_", "te": "lora_te_"})(model.right_pairs))
    bake(ckmerge, "tuned.safetensors", "sd1.safetensors")
    run(ckmerge, "lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", 2, "--conv-rank", 2, "-o", "found.safetensors", "-f", "-q")
    bake(ckmerge, "again.safetensors", "found.safetensors")
    return near("again.safetensors", "tuned.safetensors", 1e-3)


def extracted_of_conv1d(ckmerge):
    """GPT-2's weights lie the other way round: the factors are those that PEFT has, and baked they give the tuned model."""
    entry = recorded.load("peft-models")["GPT-2"]
    adapter_path, (base_path, _) = recorded.write_adapter("GPT-2", entry, pathlib.Path("adapter")), recorded.write_base(recorded.load("nets"), entry, pathlib.Path("gpt2"))
    run(ckmerge, "bake", base_path, "--lora", adapter_path, "-o", "tuned/", "-q")
    run(ckmerge, "lora", "extract", "tuned", base_path, "--rank", 2, *WHOLE, "-o", "found/", "-q")
    run(ckmerge, "bake", base_path, "--lora", "found", "-o", "again/", "-q")
    wanted, found = tensors.read("adapter/adapter_model.safetensors"), tensors.read("found/adapter_model.safetensors")
    if {name: entry[1] for name, entry in found.items()} != {name: entry[1] for name, entry in wanted.items()}:
        return f"factors are {sorted((name, entry[1]) for name, entry in found.items())}"
    return near("again/model.safetensors", "tuned/model.safetensors", 1e-5)


def clamped(ckmerge):
    """With --clamp the energy that is told is that of what is written."""
    bake(ckmerge, "tuned.safetensors", "one.safetensors")
    for quantile in (0.99, 0.9, 0.5):
        told = json.loads(run(ckmerge, "lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", RANK, "--clamp", quantile, *WHOLE, "-o", "found/", "--json"))
        bake(ckmerge, "again.safetensors", "found")
        shutil.rmtree("found")
        base_of, tuned, again = (tensors.read(f"{name}.safetensors") for name in ("base", "tuned", "again"))
        for module in told["modules"]:
            name = module["name"].removeprefix("base_model.model.") + ".weight"
            before, wanted, got = (tensors.numbers("F32", file[name][2]) for file in (base_of, tuned, again))
            kept = 1 - sum((x - y)**2 for x, y in zip(wanted, got)) / sum((x - y)**2 for x, y in zip(wanted, before))
            if abs(module["kept"] - max(kept, 0)) > 1e-4:
                return f"--clamp {quantile}: of {name} {module['kept']:.4f} is told to be kept, and {kept:.4f} is"
    return ""


def subtracted(ckmerge):
    bake(ckmerge, "tuned.safetensors", "one.safetensors:0.7")
    bake(ckmerge, "back.safetensors", "one.safetensors:-0.7", model="tuned")
    return near("back.safetensors", "base.safetensors", 2e-6)


def with_itself(ckmerge):
    run(ckmerge, "lora", "merge", "one.safetensors:0.25", "one.safetensors:0.75", "--rank", RANK, *WHOLE, "-o", "same.safetensors", "-f", "-q")
    bake(ckmerge, "direct.safetensors", "one.safetensors")
    bake(ckmerge, "merged.safetensors", "same.safetensors")
    return near("merged.safetensors", "direct.safetensors", 1e-5)


def same_rank(ckmerge):
    run(ckmerge, "lora", "resize", "one.safetensors", "--rank", RANK, *WHOLE, "-o", "same.safetensors", "-f", "-q")
    bake(ckmerge, "direct.safetensors", "one.safetensors")
    bake(ckmerge, "resized.safetensors", "same.safetensors")
    return near("resized.safetensors", "direct.safetensors", 1e-5)


def concatenated(ckmerge):
    run(ckmerge, "lora", "merge", "one.safetensors:0.7", "two.safetensors:-0.4", "--concat", *WHOLE, "-o", "both.safetensors", "-f", "-q")
    bake(ckmerge, "direct.safetensors", "one.safetensors:0.7", "two.safetensors:-0.4")
    bake(ckmerge, "merged.safetensors", "both.safetensors")
    return near("merged.safetensors", "direct.safetensors")


def smaller(ckmerge):
    """The best of rank 4 keeps the energy that a full SVD says it keeps: a difference of rank 4 alone is kept whole."""
    tensors.write("few.safetensors", adapter("few", 4))
    run(ckmerge, "lora", "merge", "few.safetensors:1", "few.safetensors:1", "--concat", *WHOLE, "-o", "wide.safetensors", "-f", "-q")
    run(ckmerge, "lora", "resize", "wide.safetensors", "--rank", 4, *WHOLE, "-o", "small.safetensors", "-f", "-q")
    bake(ckmerge, "direct.safetensors", "few.safetensors:2")
    bake(ckmerge, "resized.safetensors", "small.safetensors")
    return near("resized.safetensors", "direct.safetensors", 1e-5)


def in_any_order(ckmerge):
    """Tensors of a file in another order are the same adapter."""
    named = list(adapter("one").items())
    random.Random(1).shuffle(named)
    tensors.write("shuffled.safetensors", dict(named))
    bake(ckmerge, "direct.safetensors", "one.safetensors")
    bake(ckmerge, "other.safetensors", "shuffled.safetensors")
    return "" if tensors.read("other.safetensors") == tensors.read("direct.safetensors") else "the order of tensors changes the result"


TESTS = {test.__name__: test for test in (extracted, extracted_as_kohya, extracted_of_conv1d, clamped, subtracted, with_itself, same_rank, concatenated, smaller, in_any_order)}


def inputs():
    tensors.write("base.safetensors", base())
    for seed in ("one", "two"):
        tensors.write(f"{seed}.safetensors", adapter(seed))


if __name__ == "__main__":
    named_tests.run(TESTS, "round trips", prepare=inputs)
