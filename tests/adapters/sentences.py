# SPDX-License-Identifier: Apache-2.0
"""usage: sentences.py CKMERGE [NAME ...]
What `ckmerge lora` says: what it refuses names the cause once and a way out that there is, and nothing is written."""
import os
import re
import struct
import subprocess

import named_tests
import tensors

UNET, ENCODER = "lora_unet_mid_block_attentions_0_proj_in", "lora_te_text_model_encoder_layers_0_mlp_fc1"
UP, DOWN = {False: ".lora_up.weight", True: ".lora_B.weight"}, {False: ".lora_down.weight", True: ".lora_A.weight"}


def lora(path, *modules, dotted=False, more=()):
    named = {}
    for module in modules:
        named[module + UP[dotted]] = tensors.made("up", module, "F32", [12, 4])
        named[module + DOWN[dotted]] = tensors.made("down", module, "F32", [4, 10])
        named |= {module + name: tensors.made("more", module, "F32", [12, 1]) for name in more}
    tensors.write(path, named)


def weights(path, scale):
    base = [struct.unpack("<f", struct.pack("<f", k % 7 / 7))[0] for k in range(1200)]
    changed = [x + scale * (k % 5 - 2) for k, x in enumerate(base)]
    tensors.write(path, {"model.layers.0.self_attn.q_proj.weight": ("F32", [40, 30], tensors.packed("F32", changed)),
                         "model.norm.weight": ("F32", [30], tensors.packed("F32", [1 + scale] * 30))})


def scene():
    lora("a.safetensors", UNET, ENCODER)
    lora("dora.safetensors", UNET, ENCODER, more=(".dora_scale",))
    lora("dotted.safetensors", "unet.mid_block.attentions.0.proj_in", dotted=True)
    weights("base.safetensors", 0)
    weights("tuned.safetensors", 0.01)
    weights("near.safetensors", 1e-30)


BAKE = "bake the adapters into the model"
# (words, exit code, what is said, what is not)
CASES = {
    "strengths of 0": ("merge a.safetensors:0 a.safetensors:te=0:0 -o out.safetensors", 2, "strengths are 0 for every module", "dtype"),
    "a strength that no float holds": ("merge a.safetensors:1e300 -o out.safetensors", 4, "too large for f32; give strengths that are nearer to 0", "dtype"),
    "the same below 0, with a rank": ("merge a.safetensors:-1e300 --rank 2 -o out.safetensors --save-dtype f32", 4, "too large for f32", "--dtype"),
    "a strength that f16 does not hold": ("merge a.safetensors:1e30 -o out.safetensors", 4, r"too large for F16.*--save-dtype bf16 or f32\)", " --dtype|--nan"),
    "a strength that bf16 holds": ("merge a.safetensors:1e30 -o out.safetensors --save-dtype bf16", 0, "2 modules", "too large"),
    "a strength that f16 makes zeros of": ("merge a.safetensors:1e-30 -o out.safetensors", 4, r"zeros alone.*--save-dtype bf16 or f32\)", " --dtype|--underflow"),
    "a budget that is too small": ("extract tuned.safetensors base.safetensors -o out/ --memory 16MiB", 5, "give --memory 17MiB or more", "16MiB or more"),
    "a budget that is enough": ("extract tuned.safetensors base.safetensors -o out/ --memory 17MiB", 0, "1 tensor that differs and is not in it", "differ and"),
    "a quantile that is too low": ("extract tuned.safetensors base.safetensors -o out/ --clamp 0.4", 2, "--clamp is a quantile, 0.5 or more and at most 1, such as 0.99; got 0.4", "--rank"),
    "a quantile that is none": ("extract tuned.safetensors base.safetensors -o out/ --clamp 1.5", 2, "--clamp is a quantile, 0.5 or more and at most 1, such as 0.99; got 1.5", "--rank"),
    "two spellings, kohya's last": ("merge dotted.safetensors a.safetensors -o out.safetensors", 4, "2 modules, the first of them 'lora_te.*', have no name.*take --spelling kohya",
                                    "leave|common"),
    "kohya's spelling then": ("merge dotted.safetensors a.safetensors -o out.safetensors --spelling kohya", 0, "2 modules", "error"),
    "one file twice": ("merge a.safetensors a.safetensors -o out.safetensors --spelling diffusers", 4, "error: a.safetensors: 2 modules, ", "4 modules|\n.*\n"),
    "resize of DoRA": ("resize dora.safetensors --rank 2 -o out.safetensors", 4, f"2 modules, the first of them .* are LoRA with DoRA.*{BAKE}", "be merged:|\n.*\n"),
    "two causes": ("merge dora.safetensors dotted.safetensors a.safetensors -o out.safetensors --spelling diffusers", 4, "2 things stand against it", "modules cannot"),
    "a dry run without OUT": ("merge a.safetensors -n", 0, "would be 2 modules.*\n(.*\n)*Nothing was written", "error"),
    "a dry run of extract without OUT": ("extract tuned.safetensors base.safetensors -n --spelling peft --json", 0, '"output": null', "error"),
    "no OUT": ("merge a.safetensors", 2, "name the file to write with -o OUT", "dtype"),
}
# The same of programs that add adapters to models.
OTHERS = {
    "a part that the model lacks": ("bake base.safetensors --lora adapter:te=0.2 -o out.safetensors", 2, "'te' is a part of which no name is", "did you mean"),
    "an adapter that is added as a checkpoint": ("merge A=base.safetensors Lo=adapter --formula A+Lo -o out.safetensors", 2, r"or an adapter, as in A \+ lora\(Lo\)", "lora\\(A"),
    "an adapter's letter that is not used": ("merge A=base.safetensors L=adapter --formula A -o out.safetensors", 2, r"if it is an adapter, add it as lora\(L\)", "lora\\(A"),
}


def run(ckmerge, words):
    done = subprocess.run([ckmerge, *words.split()], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return done.returncode, (done.stdout + done.stderr).strip()


def fault_of(ckmerge, words, code, said, unsaid):
    status, told = run(ckmerge, words)
    if status != code:
        return f"exit {status} instead of {code}: {told[-400:]}"
    if not re.search(said, told) or re.search(unsaid, told):
        return f"says {told[-600:]!r}, which lacks {said!r} or has {unsaid!r}"
    is_written = os.path.exists("out.safetensors") or os.path.exists("out")
    return "something is written" if is_written and (status or " -n" in words) else ""


def other(ckmerge, case):
    run(ckmerge, "lora extract tuned.safetensors base.safetensors -o adapter/ -q")
    return fault_of(ckmerge, *case)


if __name__ == "__main__":
    tests = {name: lambda ckmerge, case=case: fault_of(ckmerge, f"lora {case[0]}", *case[1:]) for name, case in CASES.items()}
    tests |= {name: lambda ckmerge, case=case: other(ckmerge, case) for name, case in OTHERS.items()}
    named_tests.run(tests, "sentences", prepare=scene)
