# SPDX-License-Identifier: Apache-2.0
"""usage: extracted.py CKMERGE
LoRAs extracted from SD 1.5, SDXL and Flux.1 with a known difference in every weight: the modules are called as each spelling calls
them, and baked into the base they give the tuned model again."""
import os
import subprocess
import sys
import tempfile

import spelled
import tensors

BOUND = 2e-5  # of the largest element of a tensor
WORDS = {
    "sd1": {"kohya": ("right", spelled.kohya({"unet": "lora_unet_", "te": "lora_te_"})),
            "diffusers": ("right", spelled.dotted({"unet": "unet.", "te": "text_encoder."}))},
    "sdxl": {"kohya": ({"unet": "left", "te1": "left", "te2": "right"}, spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"})),
             "diffusers": ("right", spelled.dotted({"unet": "unet.", "te1": "text_encoder.", "te2": "text_encoder_2."}))},
    "flux": {"kohya": ("left", spelled.kohya({"transformer": "lora_unet_"})),
             "diffusers": ("right", spelled.dotted({"transformer": "transformer."}))},
}


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {done.returncode}: {(done.stdout + done.stderr).strip()[-600:]}")


def tuned(model):
    """The model with the adapter in it."""
    out = spelled.whole(model)
    for part, prefix in model.places.items():
        for name, values in model.expected(part).items():
            dtype, shape, _ = out[prefix + name]
            out[prefix + name] = dtype, shape, tensors.packed(dtype, values)
    return out


def modules(named):
    return {name.rsplit(".lora_", 1)[0] for name in named if ".lora_" in name}


def pairs_of(model, naming):
    of = naming if isinstance(naming, dict) else dict.fromkeys(model.places, naming)
    return {part: (model.left_pairs if of[part] == "left" else model.right_pairs)[part] for part in model.places}


def faults(ckmerge, model, spelling, naming, spell):
    wanted = modules(spell(pairs_of(model, naming))[0])
    run(ckmerge, "lora", "extract", "tuned.safetensors", "base.safetensors", "--rank", 24, "--save-dtype", "f32", "--spelling", spelling, "-o", "L.safetensors", "-f", "-q")
    found = modules(tensors.read("L.safetensors"))
    if found != wanted:
        yield f"modules: lacks {sorted(wanted - found)[:4]}, has {sorted(found - wanted)[:4]}"
    run(ckmerge, "bake", "base.safetensors", "--lora", "L.safetensors", "-o", "again.safetensors", "-f", "-q")
    again, once = tensors.read("again.safetensors"), tensors.read("tuned.safetensors")
    for name, (dtype, _, raw) in once.items():
        one, other = tensors.numbers(dtype, raw), tensors.numbers(dtype, again[name][2])
        if max(abs(p - q) for p, q in zip(one, other)) > BOUND * max(map(abs, one)):
            yield f"{name} is not what it was"


def main():
    ckmerge, failures = os.path.abspath(sys.argv[1]), 0
    models = spelled.models()
    for name, spellings in WORDS.items():
        with tempfile.TemporaryDirectory(prefix="ckmerge-") as folder:
            os.chdir(folder)
            tensors.write("base.safetensors", spelled.whole(models[name]))
            tensors.write("tuned.safetensors", tuned(models[name]))
            for spelling, (naming, spell) in spellings.items():
                for fault in faults(ckmerge, models[name], spelling, naming, spell):
                    print(f"FAILED: {name}, {spelling}: {fault}")
                    failures += 1
            os.chdir("/")
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
