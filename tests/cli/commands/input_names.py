#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: input_names.py CKMERGE
Inputs that spell their tensors otherwise than A: wrappers of training, prefixes, heads that are tied, names as asked,
and what is refused as two spellings. With the files of ../shared/reported where they are there."""
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from operation_files import make, produces, read, some

reported = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"
NAMES = ["blocks.0.attn.w", "blocks.0.mlp.w", "blocks.1.attn.w", "head.w"]


def network(seed, prefix="", names=None):
    return {prefix + name: ("F32", [2, 3], some(seed + i, 2, 3)) for i, name in enumerate(names or NAMES)}


def mean(a, b):
    """Of two files' tensors in the order of A's names, under those that are given."""
    out = {}
    for name, (dtype, shape, data) in a.items():
        one, two = (struct.unpack(f"<{len(data) // 4}f", bytes_) for bytes_ in (data, b[name][2]))
        out[name] = dtype, shape, struct.pack(f"<{len(one)}f", *(0.5 * x + 0.5 * y for x, y in zip(one, two)))
    return out


def make_pair(prefix_of_a, prefix_of_b):
    make("plain_a.safetensors", network(1))
    make("plain_b.safetensors", network(9))
    make("a.safetensors", network(1, prefix_of_a))
    make("b.safetensors", network(9, prefix_of_b))
    return mean(read("plain_a.safetensors"), read("plain_b.safetensors"))


def notes(*words):
    done = call("plan", *words, "--json")
    expect(done.returncode == 0, f"plan {' '.join(words)}: {done.stderr}")
    return [one["notes"] for one in json.loads(done.stdout)["inputs"]] if done.returncode == 0 else [[], []]


def wrappers():
    for a, b in [("", "module."), ("_orig_mod.", ""), ("module._orig_mod.", "_orig_mod."), ("ema_model.", "module.")]:
        produces(make_pair(a, b), "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    told = notes("a.safetensors", "b.safetensors")
    expect("ema_model. of 4 names" in told[0][0] and "module. of 4 names" in told[1][0], f"wrappers: {told}")
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
    expect("read without the wrappers of training" in done.stdout, f"wrappers: {done.stdout}")


def wrapped_parts():
    unet, vae = "model.diffusion_model.", {"first_stage_model.d.w": ("F32", [2], [1.0, 2.0])}
    make("a.safetensors", network(1, unet) | vae)
    make("b.safetensors", network(9, unet + "_orig_mod.") | vae)
    make("expected.safetensors", network(9, unet) | vae)
    expected = mean(read("a.safetensors"), read("expected.safetensors"))
    produces(expected, "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")


def prefixes():
    expected = make_pair("", "net.")
    produces(expected, "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expect("4 names read without the prefix net." in notes("a.safetensors", "b.safetensors")[1], "net.")
    expected = make_pair("model.diffusion_model.", "pipe.dit.")
    produces({"model.diffusion_model." + name: value for name, value in expected.items()},
             "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expected = make_pair("model.model.", "model.")
    produces({"model." + name: value for name, value in expected.items()},
             "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")


def renamed():
    make("a.safetensors", network(1))
    make("b.safetensors", network(9, "x.", ["layers.0.att.w", "layers.0.mlp.w", "layers.1.att.w", "head.w"]))
    make("plain.safetensors", network(9))
    expected = mean(read("a.safetensors"), read("plain.safetensors"))
    rules = ["--strip-prefix", "B:x.", "--rename", r"B:^layers\.(\d+)=blocks.\1", "--rename", r"B:\.att\.=.attn."]
    produces(expected, "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", *rules)
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recipe["strip_prefix"] == ["B:x."] and len(recipe["rename"]) == 2, f"recorded: {recipe}")
    shown = json.loads(call("plan", "a.safetensors", "b.safetensors", *rules, "--json").stdout)
    expect(shown["rename"] == [rules[3], rules[5]] and shown["add_prefix"] == [], f"JSON: {shown['rename']}")
    expect("4 tensors were renamed as asked" in shown["inputs"][1]["notes"], f"note: {shown['inputs']}")
    done = call("convert", "a.safetensors", "c.safetensors", "--add-prefix", "model.", "--rename", "^head=tail")
    expect(set(read("c.safetensors")) == {"model." + name.replace("head", "tail") for name in NAMES}, done.stderr)
    both = ["merge", "a.safetensors", "b.safetensors", "-o", "no.safetensors"]
    refused(2, "matches no tensor name", *both, "--rename", "nothing=x")
    refused(2, "no tensor name begins so of that input", *both, "--strip-prefix", "A:x.")
    refused(2, "two of its tensors would be called", *both, "--rename", r"A:\d=0")
    refused(2, "not of the form REGEX=REPLACEMENT", *both, "--rename", "x")
    refused(2, "is for an input that is not there", *both, "--add-prefix", "C:x.")


def tied():
    model = {"model.embed_tokens.weight": ("F32", [2, 3], some(3, 2, 3)), "model.norm.weight": ("F32", [3], some(4, 3))}
    make("a.safetensors", model | {"lm_head.weight": ("F32", [2, 3], some(5, 2, 3))})
    make("b.safetensors", model)
    a, b = read("a.safetensors"), read("b.safetensors")
    expected = mean(a, b | {"lm_head.weight": b["model.embed_tokens.weight"]})
    produces(expected, "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expect("counts as its head" in notes("a.safetensors", "b.safetensors")[1][0], "tied")
    swapped = mean(b | {"lm_head.weight": b["model.embed_tokens.weight"]}, a)
    produces(swapped, "merge", "b.safetensors", "a.safetensors", "-o", "out.safetensors", "--extra", "add")
    done = call("merge", "b.safetensors", "a.safetensors", "-o", "out.safetensors", "-f")
    expect("lm_head.weight of a.safetensors is not merged" in done.stdout, f"tied: {done.stdout}")


def of_class_without_head():
    """Such a file says nothing of the head, whose model may have one of its own: A's stays."""
    model = {f"model.{name}.weight": ("F32", [2, 3], some(seed, 2, 3)) for seed, name in enumerate(
        ("embed_tokens", "norm", *(f"layers.{k}.self_attn.q_proj" for k in range(9))))}
    make("a.safetensors", model | {"lm_head.weight": ("F32", [2, 3], some(55, 2, 3))})
    other = {name: ("F32", [2, 3], some(70 + k, 2, 3)) for k, name in enumerate(model)}
    a = read("a.safetensors")
    for prefix, theirs in (("", "without"), ("model.", "counts as its head")):
        make("b.safetensors", {name.replace("model.", prefix): entry for name, entry in other.items()})
        make("named.safetensors", other)
        named = read("named.safetensors")
        expected = mean(a, named | {"lm_head.weight": a["lm_head.weight"] if theirs == "without" else named["model.embed_tokens.weight"]})
        done = produces(expected, "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
        expect(theirs in done.stdout, f"{prefix}: {done.stdout}")


def two_spellings():
    blocks = [f"blocks.{i}.{name}.w" for i in range(6) for name in ("attn", "mlp")]
    make("a.safetensors", network(1, "", blocks))
    make("b.safetensors", network(9, "", [name.replace("attn", "self_attention") for name in blocks]))
    refused(4, "blocks.0.attn.w | blocks.0.self_attention.w  [2, 3]", "merge", "a.safetensors", "b.safetensors", "-o",
            "no.safetensors")
    many = [f"blocks.{i}.w" for i in range(12)]
    vae = [f"decoder.{i}.w" for i in range(6)]
    make("a.safetensors", network(1, "model.", many) | network(2, "first_stage_model.", vae))
    make("b.safetensors", network(3, "model.", many) | network(4, "vae.", vae))
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    rule = r"B:^vae\.=first_stage_model."
    expect(done.returncode == 0 and f"--rename '{rule}'" in done.stdout, f"part: {done.stdout} {done.stderr}")
    again = call("plan", "a.safetensors", "b.safetensors", "--rename", rule)
    expect(again.returncode == 0 and "warning" not in again.stdout, f"part, renamed: {again.stdout} {again.stderr}")


def public_reports():
    if not reported.is_dir():
        print("NOT RUN: files of public reports (no ../shared/reported)")
        return
    for name in ("compiled.pt", "ddp.pth.tar", "both.pth"):
        for a, b in (("plain.pt", name), (name, "plain.pt")):
            done = call("merge", str(reported / "prefix" / a), str(reported / "prefix" / b), "-o", "out.safetensors", "-f")
            expect(done.returncode == 0 and "wrappers of training" in done.stdout, f"{a} {b}: {done.stderr}")
            expect(set(read("out.safetensors")) == {"transformer.wte.weight", "transformer.h.0.attn.c_attn.weight",
                                                    "lm_head.weight"}, f"{a} {b}: names")
    for first, second in (("mp_rank_00.pt", "from-dist.pt"), ("from-dist.pt", "mp_rank_00.pt")):
        refused(4, "under two spellings", "merge", str(reported / "stackedlayers" / first),
                str(reported / "stackedlayers" / second), "-o", "no.safetensors")
    done = call("merge", str(reported / "tied/untied.safetensors"), str(reported / "tied/tied.safetensors"), "-o",
                "out.safetensors", "-f")
    expect(done.returncode == 0 and "counts as its head" in done.stdout, f"tied: {done.stderr}")


run_in_folders(wrappers, wrapped_parts, prefixes, renamed, tied, of_class_without_head, two_spellings, public_reports)
