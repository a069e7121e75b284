#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated.py CKMERGE
Inputs in other spellings than A, of every kind, both ways: what is merged is what one spelling gives, byte for byte,
whatever the threads and the memory; said, recorded, repeated."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from equated_files import NAMES, RESHAPED, Model, experts, open_clip, renamed, turned_experts
from operation_files import make, produces, read

reported = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"


def merged(*words):
    done = call("merge", *words, "-f")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.stderr}")
    return done


def inputs(*words):
    done = call("plan", *words, "--json")
    expect(done.returncode == 0, f"plan {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)["inputs"] if done.returncode == 0 else [{"notes": []}] * 2


def both_ways(kind, model):
    for letter, seed in (("a", 1), ("b", 2)):
        one, other = model(seed)
        make(f"{letter}1.safetensors", one)
        make(f"{letter}2.safetensors", other)
    for own, theirs in ((1, 2), (2, 1)):
        if kind == "doubled" and own == 1:  # A's own names are shortened: input_names.py
            continue
        a, b, same = f"a{own}.safetensors", f"b{theirs}.safetensors", f"b{own}.safetensors"
        merged(a, same, "-o", "expected.safetensors", "--alpha", "0.3")
        expected = read("expected.safetensors")
        done = produces(expected, "merge", a, b, "-o", "out.safetensors", "--alpha", "0.3")
        expect("warning" not in done.stdout and "kept" not in done.stdout, f"{kind}: {done.stdout}")
        told = inputs(a, b)
        equated = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])["inputs"]
        expect(told[1]["notes"], f"{kind}: no note")
        expect(equated[1].get("equated"), f"{kind}: not recorded: {equated}")
        expect("equated" not in json.loads(metadata_of("expected.safetensors")["ckmerge.recipe"])["inputs"][1], kind)


def names():
    for kind, pairs in NAMES.items():
        both_ways(kind, renamed(pairs))


def reshaped():
    for kind, model in RESHAPED.items():
        both_ways(kind, model)


def any_way_of_running():
    for letter, seed in (("a", 1), ("b", 2)):
        one, other = RESHAPED["mixtral"](seed)
        make(f"{letter}.safetensors", one if letter == "a" else other)
    merged("a.safetensors", "b.safetensors", "-o", "first.safetensors", "--hash")
    first = pathlib.Path("first.safetensors").read_bytes()
    for words in (["--threads", "1"], ["--threads", "4"], ["--memory", "1MiB"]):
        merged("a.safetensors", "b.safetensors", "-o", "out.safetensors", "--hash", *words)
        expect(pathlib.Path("out.safetensors").read_bytes() == first, f"{words}")


def layers_of_each_form():
    """Files may have one layer of each form."""
    def mixed(seed, own):
        one, other = RESHAPED["qwen3-moe"](seed)
        layer = lambda name: ".layers.0." in name
        return {n: t for n, t in (one if own else other).items() if layer(n)} | \
               {n: t for n, t in (other if own else one).items() if not layer(n)}
    make("a.safetensors", mixed(1, True))
    make("b.safetensors", mixed(2, False))
    make("same.safetensors", mixed(2, True))
    merged("a.safetensors", "same.safetensors", "-o", "expected.safetensors")
    produces(read("expected.safetensors"), "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")


def experts_that_are_missing():
    one, other = RESHAPED["mixtral"](1)
    make("a.safetensors", other)
    make("b.safetensors", {name: t for name, t in one.items() if ".experts.1.w3." not in name})
    refused(4, "experts.1.w3", "merge", "a.safetensors", "b.safetensors", "-o", "no.safetensors")


def square_experts():
    """Where no tensor tells how they lie it is said; where one does, nothing is."""
    told = "nothing beside tells whether rows or columns come first"
    for width, inner, parts, doubtful in ((6, 3, ("gate_up_proj",), 2), (3, 3, ("up_proj", "down_proj"), 4), (6, 3, ("gate_up_proj", "down_proj"), 0),
                                          (3, 3, ("gate_up_proj", "down_proj"), 0), (4, 3, ("gate_up_proj", "down_proj"), 0)):
        model = turned_experts(width, inner, parts=parts)
        make("a.safetensors", model(1)[0])
        for name, entry in (("alike", model(2)[0]), ("turned", model(2)[1])):
            make(f"{name}.safetensors", entry)
            done = merged("a.safetensors", f"{name}.safetensors", "-o", "out.safetensors")
            said = f"{doubtful} tensors of stacked experts are square, and {told}" in done.stdout
            expect(said == (doubtful > 0) and (told in done.stdout) == said, f"{width}, {inner}, {parts}, {name}: {done.stdout}")
    # Single ones against stacked ones that are square.
    one, other = experts("model.layers.#.mixer", "model.layers.#.mixer", ("up_proj", "down_proj"), size=4)(1)
    make("a.safetensors", one)
    make("b.safetensors", other)
    expect(told in merged("a.safetensors", "b.safetensors", "-o", "out.safetensors").stdout, "single ones")
    one, other = RESHAPED["nemotron"](1)
    make("a.safetensors", one)
    make("b.safetensors", other)
    expect(told not in merged("a.safetensors", "b.safetensors", "-o", "out.safetensors").stdout, "single ones that tell")


def towers():
    """A text model is no vision model, whatever their shapes."""
    layers = ["encoder.layers.#.mlp.fc1.weight", "encoder.layers.#.mlp.fc2.weight"]
    one, other = renamed([("text_model." + name, "vision_model." + name) for name in layers], 6)(1)
    make("a.safetensors", one | {"logit_scale": ("F32", [1], [1.0])})
    make("b.safetensors", other | {"logit_scale": ("F32", [1], [2.0])})
    refused(4, "two spellings", "merge", "a.safetensors", "b.safetensors", "-o", "no.safetensors")
    # Nor where one of them is saved without a prefix: embeddings tell.
    bare, other = renamed([(name, "vision_model." + name) for name in layers], 6)(1)
    make("a.safetensors", bare | {"embeddings.token_embedding.weight": ("F32", [1, 2], [1.0, 2.0])})
    make("b.safetensors", other | {"vision_model.embeddings.patch_embedding.weight": ("F32", [2, 1], [1.0, 2.0])})
    for first, second in (("a", "b"), ("b", "a")):
        refused(4, "two spellings", "merge", f"{first}.safetensors", f"{second}.safetensors", "-o", "no.safetensors")


def one_encoder_of_several():
    """SDXL has two CLIPs: a bare one is the one whose shapes it has."""
    first, _ = renamed([("conditioner.embedders.0.transformer.text_model." + a, a) for a in
                        ("embeddings.token_embedding.weight", "encoder.layers.#.self_attn.q_proj.weight",
                         "encoder.layers.#.layer_norm1.weight", "final_layer_norm.weight")])(1)
    own, _ = open_clip("conditioner.embedders.1.model.", "")(2)
    same, theirs = open_clip("conditioner.embedders.1.model.", "")(3)
    make("a.safetensors", first | own)
    make("b.safetensors", theirs)
    make("same.safetensors", same)
    merged("a.safetensors", "same.safetensors", "-o", "expected.safetensors")
    produces(read("expected.safetensors"), "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    told = inputs("a.safetensors", "b.safetensors")[1]["notes"]
    expect(any("clip: hugging_face to open_clip, no prefix to conditioner.embedders.1.model." in n for n in told), f"{told}")


def layers_of_sd2():
    """SD 2 has 24 layers of which it uses 23, and its folder 23."""
    one, _ = open_clip("cond_stage_model.model.", "")(1, layers=24)
    same, other = open_clip("cond_stage_model.model.", "")(2, layers=23)
    del other["text_projection.weight"], same["cond_stage_model.model.text_projection"]
    make("a.safetensors", one)
    make("b.safetensors", other)
    make("same.safetensors", same)
    merged("a.safetensors", "same.safetensors", "-o", "expected.safetensors")
    produces(read("expected.safetensors"), "merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")


def strangers():
    model = Model(1)
    for i in range(8):
        model.one[f"blocks.{i}.w"] = model.next(4, 3)
        model.other[f"stages.{i}.conv"] = model.next(5, 2)
    model.same("head.w", "head.w", 2)
    make("a.safetensors", model.one)
    make("b.safetensors", model.other)
    refused(4, "most of both checkpoints finds no partner", "merge", "a.safetensors", "b.safetensors", "-o", "no.safetensors")
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "--exclude", "^(blocks|stages)")
    expect(done.returncode == 0, f"excluded: {done.stderr}")


def as_asked():
    """What --rename has done already is not done again."""
    one, other = renamed(NAMES["qwen-vl"])(1)
    make("a.safetensors", one)
    make("b.safetensors", other)
    rules = ["--rename", r"B:^model\.language_model\.=model.", "--rename", r"B:^model\.visual\.=visual."]
    merged("a.safetensors", "b.safetensors", "-o", "out.safetensors", *rules)
    expect("equated" not in json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])["inputs"][1], "asked")


def public_reports():
    if not reported.is_dir():
        print("NOT RUN: files of public reports (no ../shared/reported)")
        return
    for a, b in (("equated/vl-old.safetensors", "equated/vl-new.safetensors"),
                 ("equated/vocoder-old.pth", "equated/vocoder-new.pth")):
        for first, second in ((a, b), (b, a)):
            key = ["--key", "generator"] if "vocoder" in a else []
            done = call("merge", str(reported / first), str(reported / second), "-o", "out.safetensors", "-f", *key)
            expect(done.returncode == 0 and "kept" not in done.stdout, f"{first}: {done.stdout} {done.stderr}")


run_in_folders(names, reshaped, any_way_of_running, layers_of_each_form, experts_that_are_missing, square_experts, towers,
               one_encoder_of_several, layers_of_sd2, strangers, as_asked, public_reports)
