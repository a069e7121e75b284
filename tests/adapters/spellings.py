# SPDX-License-Identifier: Apache-2.0
"""usage: spellings.py CKMERGE [MODEL ...]
One LoRA of SD 1.5, SDXL, Flux.1 and Llama in every spelling that trainers write, baked into the same model in every layout that it
is found in: all give the same elements to the bit, which are those of an F64 sum within a bound, and nothing else changes."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import namings
import spelled
import tensors

UNITS = 8
VAE = [("first_stage_model.decoder.conv_out.bias", [3])]


def left_only(spell):
    return "left", spell


def right_only(spell):
    return "right", spell


SD1 = {
    "kohya": right_only(spelled.kohya({"unet": "lora_unet_", "te": "lora_te_"})),
    "kohya, CLIP without text_model": ("clip", spelled.kohya({"unet": "lora_unet_", "te": "lora_te_"})),
    "kohya, names of the original": left_only(spelled.kohya({"unet": "lora_unet_", "te": "lora_te_"})),
    "diffusers": right_only(spelled.dotted({"unet": "unet.", "te": "text_encoder."}, told=True)),
    "diffusers, nothing told": right_only(spelled.dotted({"unet": "unet.", "te": "text_encoder."})),
    "diffusers, lora.down": right_only(spelled.dotted({"unet": "unet.", "te": "text_encoder."}, ("lora.down.weight", "lora.up.weight"))),
    "diffusers, lora_linear_layer": right_only(spelled.dotted({"unet": "unet.", "te": "text_encoder."}, ("lora_linear_layer.down.weight", "lora_linear_layer.up.weight"))),
    "diffusers, CLIP without text_model": ("clip", spelled.dotted({"unet": "unet.", "te": "text_encoder."}, told=True)),
    "ComfyUI": left_only(spelled.dotted({"unet": "diffusion_model.", "te": "text_encoders."}, ("lora_down.weight", "lora_up.weight"), alpha=True)),
}
SDXL = {
    "kohya, names of the original": ("sgm", spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"})),
    "kohya, names of diffusers": right_only(spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"})),
    "kohya, CLIP without text_model": ("clip", spelled.kohya({"unet": "lora_unet_", "te1": "lora_te1_", "te2": "lora_te2_"})),
    "diffusers": right_only(spelled.dotted({"unet": "unet.", "te1": "text_encoder.", "te2": "text_encoder_2."}, told=True)),
    "diffusers, nothing told": right_only(spelled.dotted({"unet": "unet.", "te1": "text_encoder.", "te2": "text_encoder_2."})),
    "diffusers, lora.down": right_only(spelled.dotted({"unet": "unet.", "te1": "text_encoder.", "te2": "text_encoder_2."}, ("lora.down.weight", "lora.up.weight"))),
}
UNET = {
    "kohya": right_only(spelled.kohya({"unet": "lora_unet_"})),
    "kohya, names of the original": left_only(spelled.kohya({"unet": "lora_unet_"})),
    "LyCORIS": right_only(spelled.kohya({"unet": "lycoris_"})),
    "diffusers": right_only(spelled.dotted({"unet": "unet."}, told=True)),
    "diffusers, saved by the network": right_only(spelled.dotted({"unet": ""}, told=True)),
    "PEFT": right_only(spelled.peft("unet")),
    "ComfyUI": left_only(spelled.dotted({"unet": "diffusion_model."}, ("lora_down.weight", "lora_up.weight"), alpha=True)),
    "ComfyUI, lora_A": left_only(spelled.dotted({"unet": "diffusion_model."})),
}
ATTENTION = {
    "diffusers": right_only(spelled.dotted({"unet": "unet."}, told=True)),
    "diffusers, processor": right_only(spelled.dotted({"unet": "unet."}, (".down.weight", ".up.weight"), rename=spelled.processor)),
    "diffusers, processor, no component": right_only(spelled.dotted({"unet": ""}, (".down.weight", ".up.weight"), rename=spelled.processor)),
}
FLUX = {
    "kohya": left_only(spelled.kohya({"transformer": "lora_unet_"})),
    "kohya, names of diffusers": right_only(spelled.kohya({"transformer": "lora_transformer_"})),
    "kohya, names of diffusers, unet": right_only(spelled.kohya({"transformer": "lora_unet_"})),
    "LyCORIS": right_only(spelled.kohya({"transformer": "lycoris_"})),
    "diffusers": right_only(spelled.dotted({"transformer": "transformer."}, told=True)),
    "diffusers, nothing told": right_only(spelled.dotted({"transformer": "transformer."})),
    "diffusers, saved by the network": right_only(spelled.dotted({"transformer": ""}, told=True)),
    "diffusers, alpha": right_only(spelled.dotted({"transformer": "transformer."}, alpha=True)),
    "PEFT": right_only(spelled.peft("transformer")),
    "ComfyUI": left_only(spelled.dotted({"transformer": "diffusion_model."})),
    "ComfyUI, lora_down": left_only(spelled.dotted({"transformer": "diffusion_model."}, ("lora_down.weight", "lora_up.weight"), alpha=True)),
}
LLAMA = {
    "PEFT": right_only(spelled.peft("model")),
    "LyCORIS": right_only(spelled.kohya({"model": "lycoris_"})),
    "dotted": right_only(spelled.dotted({"model": ""}, alpha=True)),
}


def pairs_of(model, side):
    """{part: {module: Pair}} in the names that a spelling is made of."""
    if side == "left":
        return model.left_pairs
    if side == "sgm":  # the network in the original's names, text encoders in transformers'
        return {part: model.left_pairs[part] if part == "unet" else pairs for part, pairs in model.right_pairs.items()}
    pairs = model.right_pairs
    if side == "clip":  # transformers 5 has no text_model.
        pairs = {part: {module.removeprefix("text_model."): pair for module, pair in modules.items()} for part, modules in pairs.items()}
    return pairs


def write_adapter(made, told, path):
    if "peft_type" not in told:
        tensors.write(path.with_suffix(".safetensors"), made, told)
        return path.with_suffix(".safetensors")
    path.mkdir(exist_ok=True)
    tensors.write(path / "adapter_model.safetensors", made)
    (path / "adapter_config.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    return path


def bake(ckmerge, target, adapter, *options):
    done = subprocess.run([ckmerge, "bake", str(target), "--lora", str(adapter), "-o", "out.safetensors", "-f", "-q", *options], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        return None, f"exit {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}"
    return tensors.read("out.safetensors"), ""


def expected_faults(result, target, expected):
    """What of `target` should have become other numbers, and what should not."""
    faults = [f"{name} is not there" for name in target if name not in result] + [f"{name} is new" for name in result if name not in target]
    for name, entry in target.items():
        if name not in result:
            continue
        ours = tensors.numbers("F32", result[name][2])
        if name not in expected:
            if result[name][2] != entry[2]:
                faults.append(f"{name} is changed")
            continue
        largest = max(map(abs, expected[name]))
        worst = max(abs(x - y) for x, y in zip(ours, expected[name])) / (largest * 2.0**-24)
        if worst > UNITS:
            faults.append(f"{name} lies {worst:.1f} units apart")
    return faults


class Family:
    """A model's targets: {layout: ({name: entry}, {name: the left's (part, name)}, parts)}; all of a group take the same spellings."""

    def __init__(self, model, groups):
        self.model, self.groups = model, groups


def groups(models):
    """(what, model, spellings, {layout: target}, parts, which modules)"""
    sd1, sdxl, flux, llama = (models[name] for name in ("sd1", "sdxl", "flux", "llama"))
    yield "SD 1.5", sd1, SD1, {"original": ("left", spelled.whole(sd1, extra=VAE))}, ("unet", "te"), None
    yield "SDXL", sdxl, SDXL, {"original": ("left", spelled.whole(sdxl, extra=VAE))}, ("unet", "te1", "te2"), None
    for model in (sd1, sdxl):
        targets = {"original, whole": ("left", spelled.whole(model, extra=VAE)), "diffusers": ("right", model.right["unet"]),
                   "ComfyUI": ("bare", model.left["unet"])}
        yield f"{model.name}'s UNet", model, UNET, targets, ("unet",), None
        yield f"{model.name}'s attention", model, ATTENTION, {"original, whole": targets["original, whole"]}, ("unet",), is_attention
    inside = {"model.diffusion_model." + name: entry for name, entry in flux.left["transformer"].items()}
    targets = {"original": ("bare", flux.left["transformer"]), "diffusers": ("right", flux.right["transformer"]), "ComfyUI, whole": ("inside", inside)}
    yield "Flux.1", flux, FLUX, targets, ("transformer",), None
    yield "Llama", llama, LLAMA, {"transformers": ("bare", llama.left["model"])}, ("model",), None


def is_attention(module):
    return any(part in module for part in (".attn1.to_", ".attn2.to_"))


def expected_of(model, naming, parts, keep):
    """{name in the target: numbers} of all that the adapter changes."""
    out = {}
    for part in parts:
        pairs = model.left_pairs[part]
        if keep:
            kept = {line.left.removesuffix(".weight") for line in model.lines[part] if line.right and keep(line.right)}
            pairs = {module: pair for module, pair in pairs.items() if module in kept}
        changed = namings.merged(model.left[part], pairs, spelled.SCALE)
        if naming == "right":
            both = {name: ("F32", entry[1], tensors.packed("F64", changed.get(name, tensors.numbers("F32", entry[2])))) for name, entry in model.left[part].items()}
            for line in model.lines[part]:
                if line.right and line.left in changed:
                    values = tensors.numbers("F64", both[line.left][2])
                    out[line.right] = [values[k] for k in line.elements()]
        else:
            prefix = {"left": model.places[part], "inside": "model.diffusion_model.", "bare": ""}[naming]
            out.update({prefix + name: values for name, values in changed.items()})
    return out


def compare(ckmerge, what, model, spellings, targets, parts, keep):
    """[fault] of every spelling on every layout."""
    faults = []
    for layout, (naming, target) in targets.items():
        tensors.write("target.safetensors", dict(sorted(target.items())))
        expected, first = expected_of(model, naming, parts, keep), None
        for name, (side, spell) in spellings.items():
            pairs = {part: pairs_of(model, side)[part] for part in parts}
            made, told = spell(spelled.only(pairs, keep) if keep else pairs)
            result, fault = bake(ckmerge, "target.safetensors", write_adapter(made, told, pathlib.Path("adapter")))
            found = [fault] if fault else expected_faults(result, target, expected)
            if not found and first and result != first[1]:
                found = [f"{key} has other bytes than as {first[0]}" for key in result if result[key] != first[1][key]]
            if not found and not first:
                first = name, result
            faults += [f"{what} in the layout {layout}, adapter as {name}: {each}" for each in found[:3]]
    return faults


def main():
    ckmerge, wanted, failed, count = os.path.abspath(sys.argv[1]), sys.argv[2:], 0, 0
    for what, model, spellings, targets, parts, keep in groups(spelled.models()):
        if wanted and what not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="ckmerge-spellings-") as scratch:
            os.chdir(scratch)
            faults = compare(ckmerge, what, model, spellings, targets, parts, keep)
            os.chdir("/")
        for fault in faults:
            print(f"FAILED: {fault}")
        count, failed = count + len(spellings) * len(targets), failed + len(faults)
    print(f"{count} spellings and layouts, {failed} failures")
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
