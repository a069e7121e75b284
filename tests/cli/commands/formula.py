#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: formula.py CKMERGE
Formulas on the command line: the same tensors as the commands that mean the same, what is recorded of them and repeated, and
how they go with what else a merge may be asked."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors


def make(path, seed, *more):
    numbers = " ".join(str((seed * 7 + k * 3) % 11 / 4 - 1.3) for k in range(48))
    tensors = [f"model.a F32 6,8 {numbers}", f"model.b F16 2 {seed} 0.3", f"ids I64 1 {seed}", *more]
    make_inputs.write(path, {"format": "pt", "title": str(path)}, [make_inputs.parse(tensor) for tensor in tensors], True)


def make_all():
    for seed, name in enumerate("ABCD"):
        make(f"{name}.safetensors", seed + 1)


def merge(out, *words):
    done = call("merge", *words, "-o", out, "-f", "-q")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return safetensors(out)[1] if done.returncode == 0 else {}


FILES = [f"{name}.safetensors" for name in "ABCD"]


def test_equals_method():
    make_all()
    for formula, words in [
            ("A + 0.7*(B - C)", [*FILES[:3], "-m", "add_difference", "--alpha", "0.7"]),
            ("0.7*A+0.3*B", [*FILES[:2], "--alpha", "0.3"]),
            ("(A + B + C + D)/4", [*FILES, "-m", "linear"]),
            ("slerp(A, B, t=0.3)", [*FILES[:2], "-m", "slerp", "--param", "t=0.3"]),
            ("linear(A, B, weights=[1, 2], normalize=false)",
             [*FILES[:2], "-m", "linear", "--weights", "1,2", "--no-normalize"])]:
        files = [word for word in words if word in FILES]
        for more in [], ["--dtype", "bf16"], ["--only", "a$"], ["--device", "cpu"], ["--threads", "1", "--memory", "1M"]:
            expect(merge("f.safetensors", "--formula", formula, *files, *more) == merge("m.safetensors", *words, *more),
                   f"{formula} {more}")


def test_equals_steps():
    make_all()
    merge("arc.safetensors", "B.safetensors", "C.safetensors", "-m", "slerp", "--param", "t=0.3", "--dtype", "f32")
    merge("steps.safetensors", "A.safetensors", "arc.safetensors", "D.safetensors", "-m", "add_difference", "--alpha", "0.7")
    once = merge("once.safetensors", "--formula", "A + 0.7*(slerp(B, C, t=0.3) - D)", *FILES)
    expect(once == safetensors("steps.safetensors")[1], "two steps at once")


def test_recorded_and_repeated():
    make_all()
    named = ["base=A.safetensors", "anime=B.safetensors", "C.safetensors"]
    merge("out.safetensors", "--formula", "base+0.70*( slerp(anime,C) - base)", *named)
    merge("same.safetensors", "--formula", " base + 0.7*(slerp(anime, C, t=0.5) - base)", *named)
    raw = pathlib.Path("out.safetensors").read_bytes()
    expect(raw == pathlib.Path("same.safetensors").read_bytes(), "blanks and defaults change no byte")
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recipe["version"] == 3 and recipe["method"] == "formula" and recipe["parameters"] == {}, f"{recipe}")
    expect(recipe["formula"] == {"text": "base + 0.7*(slerp(anime, C, t=0.5) - base)", "names": ["base", "anime", "C"]},
           f"{recipe}")
    web = json.loads(metadata_of("out.safetensors")["sd_merge_recipe"])
    expect(web["interp_method"] == recipe["formula"]["text"] and web["multiplier"] is None, f"{web}")
    for words in (["base=A.safetensors", "B=B.safetensors", "C=C.safetensors"], ["--models", "."]):
        done = call("run", "out.safetensors", *words, "-o", "again.safetensors", "-f", "-q")
        expect(done.returncode == 0, done.stderr)
        expect(pathlib.Path("again.safetensors").read_bytes() == raw, f"repeated by {words}")
    refused(2, "A = base was A.safetensors", "run", "out.safetensors", "-o", "never.safetensors")
    merge("plain.safetensors", *FILES[:2])
    plain = json.loads(metadata_of("plain.safetensors")["ckmerge.recipe"])
    expect(plain["version"] == 2 and "formula" not in plain, f"{plain}")


def bytes_of(*words):
    done = call("merge", *words, "-o", "made.safetensors", "-f", "-q")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return pathlib.Path("made.safetensors").read_bytes()


def test_one_call_is_the_method():
    make_all()
    for formula, count, words in [
            ("weighted_sum(A, B, alpha=0.3)", 2, ["--alpha", "0.3"]), ("weighted_sum(A, B)", 2, []),
            ("lerp(A,B,alpha=3/10)", 2, ["--alpha", "0.3"]), ("linear(A, B, C)", 3, ["-m", "linear"]),
            ("linear(A, B, C, D, weights=[1,2,3,4])", 4, ["-m", "linear", "--weights", "1,2,3,4"]),
            ("slerp(A, B, t=0.25)", 2, ["-m", "slerp", "--param", "t=0.25"]),
            ("add_difference(A, B, C, alpha=0.7)", 3, ["-m", "add_difference", "--alpha", "0.7"])]:
        files = FILES[:count]
        expect(bytes_of("--formula", formula, *files) == bytes_of(*files, *words), formula)
        said = [call("plan", *files, *more).stdout for more in (["--formula", formula], words)]
        expect(said[0] == said[1], f"{formula}: {said}")
        documents = [json.loads(call("plan", *files, *more, "--json").stdout) for more in (["--formula", formula], words)]
        expect(documents[0] == documents[1] and documents[0]["formula"] is None, formula)
    named = json.loads(call("plan", "--formula", "weighted_sum(base, B)", "base=A.safetensors", "B.safetensors", "--json").stdout)
    expect(named["method"] == "formula", "names are kept")


def test_weights_of_the_only_method():
    make_all()
    for formula, words, weights in [
            ("weighted_sum(A, B, alpha=0.7)", ["--alpha", "0.7"], ["--weight", "model.b=0.2"]),
            ("slerp(A, B, t=0.7)", ["-m", "slerp", "--param", "t=0.7"], ["--weight", "t:model.b=0.2", "--base-alpha", "0.1"]),
            ("linear(A, B, weights=[1, 2])", ["-m", "linear", "--weights", "1,2"], ["--weight", "B:/a$/=0.2"])]:
        merge("f.safetensors", "--formula", formula, *FILES[:2], *weights)
        merge("m.safetensors", *FILES[:2], *words, *weights)
        expect(pathlib.Path("f.safetensors").read_bytes() == pathlib.Path("m.safetensors").read_bytes(), formula)
    for formula, words, told in [
            ("weighted_sum(B, A, alpha=0.7)", [], "of weighted_sum's own alpha there are weights where it is called with A, B, ... in their order"),
            ("weighted_sum(A, B, alpha=0.7)", ["--weight", "beta:/a/=1"], "weighted_sum has no number 'beta'"),
            ("copy(A)", [], "copy has no number that could differ between tensors"),
            ("A + weighted_sum(A, B) - A", [], "the formula has no number with a name")]:
        refused(2, told, "plan", "--formula", formula, *FILES[:2 if "B" in formula else 1], "--weight", "model.b=0.2", *words)


def test_methods_of_others():
    make_all()
    for name, told in [("dare", "'dare' is unknown; DARE drops elements"), ("tensor2", "supermerger's tensor2 takes columns"),
                       ("slrp", "did you mean 'slerp'?")]:
        refused(2, told, "plan", "--formula", f"A + 0.5*{name}(B - A)", *FILES[:2])
        refused(2, told.split("; ")[-1], "plan", *FILES[:2], "-m", name)


def test_defaults_are_recorded():
    make_all()
    for words in (["--alpha", "0.5"], ["-m", "lerp"], ["-m", "lerp", "--param", "alpha=.5"]):
        expect(bytes_of(*FILES[:2]) == bytes_of(*FILES[:2], *words), f"{words}")
    for count in 1, 3, 4:
        plain = bytes_of(*FILES[:count], "-m", "linear")
        ones = ",".join("1" * count)
        for words in (["--normalize"], ["--weights", ones], ["--normalize", "--weights", ones]):
            expect(plain == bytes_of(*FILES[:count], "-m", "linear", *words), f"{count} {words}")
    recorded = json.loads(metadata_of("made.safetensors")["ckmerge.recipe"])
    expect(recorded["parameters"] == {"normalize": 1, "weights": [1, 1, 1, 1]}, f"{recorded}")
    merge("out.safetensors", *FILES[:3], "-m", "linear", "--no-normalize")
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recorded["parameters"] == {"normalize": 0, "weights": [1 / 3] * 3}, f"{recorded}")
    older = json.loads(metadata_of("made.safetensors")["ckmerge.recipe"]) | {"parameters": {}}
    make_inputs.write("older.safetensors", {"ckmerge.recipe": json.dumps(older)}, [make_inputs.parse("w F32 1 1")], True)
    done = call("run", "older.safetensors", *(f"{n}={f}" for n, f in zip("ABCD", FILES)), "-o", "again.safetensors", "-q")
    expect(done.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == bytes_of(*FILES, "-m", "linear"),
           f"what was recorded without defaults: {done.stderr}")
    refused(2, "weights is an empty list", "plan", "--formula", "A + 0.5*(linear(A, B, weights=[]) - A)", *FILES[:2])


def test_look_alikes():
    make_all()
    for formula, told in [("A + 0.5*(B \u2013 C)", "'\u2013' is no sign of a formula; write -"), ("A\u2212C", "write -"),
                          ("A + 0.5\u00d7(B - C)", "write *"), ("A +\u00a00.5*(B - C)", "write a plain one"),
                          ("0,3*A + 0,7*B", "decimals are written with a point"), ("slerp(A, B, t=0,3)", "decimals are written with a point"),
                          ("A + 0.5*(lrep(B, C) - A)", "did you mean 'lerp'?"),
                          ("linear(A, B, C, weights=[1, -1, 0])", "in a formula with normalize=false")]:
        refused(2, told, "plan", "--formula", formula, *FILES[:3])
        refused(2, "decimals" if "0,3" in formula else told, "plan", "--formula", formula, "gone", "gone2", "gone3")
    refused(2, "did you mean 'lerp'?", "plan", *FILES[:2], "-m", "lrep")
    refused(2, "no NAME is given", "plan", *FILES[:2], "--mbw-presets", FILES[0])


def test_damaged_rules():
    make_all()
    merge("out.safetensors", *FILES[:2], "--weight", "/a$/=0.2")
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    weight = recipe["weights"][0]
    for change, told in [({"dtype_rules": ["/x(/=f16"]}, "--dtype"), ({"dtype_rules": ["/x/=f17"]}, "f17"),
                         ({"weights": [weight | {"select": "/x(/"}]}, "weight '"),
                         ({"weights": [weight | {"parameter": "beta"}]}, "weighted_sum has no number 'beta'")]:
        make_inputs.write("damaged.safetensors", {"ckmerge.recipe": json.dumps(recipe | change)}, [make_inputs.parse("w F32 1 1")], True)
        refused(3, told, "run", "damaged.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "never.safetensors")
        refused(3, "damaged.safetensors: its ckmerge.recipe", "run", "damaged.safetensors", "A=A.safetensors", "B=B.safetensors", "-o",
                "never.safetensors")


def test_graph():
    make_all()
    formula = "A + 0.7*(slerp(B, C) - A) + 0.2*(B - C) - 0.1*(B - C)*2"
    plan = call("plan", "--formula", formula, *FILES[:3]).stdout
    for line in ("t1 = slerp(B, C, t=0.5)  (checkpoint, needs statistics of whole tensors first)", "result = A + ", "  (delta", "In 2 passes:"):
        expect(line in plan, f"{line}: {plan}")
    shared = call("plan", "--formula", "A + 0.5*max(B - C, 0.5*(B - C))", *FILES[:3]).stdout
    expect("t1 = B - C  (delta, used twice)" in shared and "In one pass over the inputs." in shared, shared)
    graph = json.loads(call("plan", "--formula", formula, *FILES[:3], "--json").stdout)["graph"]
    expect(graph[-1]["name"] == "result" and graph[-1]["type"] == "checkpoint" and graph[0]["needs_statistics"], f"{graph}")
    expect("result = weighted_sum(A, B, alpha=0.3)  (checkpoint)" in call("plan", *FILES[:2], "--alpha", "0.3", "-v").stdout, "a method's")
    expect("result = " not in call("plan", *FILES[:2]).stdout, "a method's, with -v only")


def test_damaged_recipe():
    make_all()
    merge("out.safetensors", "--formula", "A + 0.5*(B - A)", *FILES[:2])
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    for change, told in [({"text": "A + 0.5*(B - X)", "names": ["A", "B"]}, "formula:1:14: no checkpoint is called 'X'"),
                         ({"text": "A + 0.5*(B - A)", "names": ["A"]}, "names for 1 checkpoint"),
                         ({"text": "(" * 100000, "names": ["A", "B"]}, "more than 64 parentheses"),
                         ({"text": "A"}, "is not {text, names}")]:
        text = json.dumps(recipe | {"formula": change})
        make_inputs.write("damaged.safetensors", {"ckmerge.recipe": text}, [make_inputs.parse("w F32 1 1")], True)
        refused(3, told, "run", "damaged.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "never.safetensors")
    expect(not os.path.exists("never.safetensors"), "nothing is written")


def test_beside_other_options():
    make_all()
    make("extra.safetensors", 9, "model.more F32 1 1")
    half = ["--formula", "A + 0.5*(B - A)"]
    for option in ["-m", "linear"], ["--alpha", "0.3"], ["--no-normalize"]:
        refused(2, "cannot stand beside --formula", "plan", *half, *FILES[:2], *option)
    like = json.loads(call("plan", *half, *FILES[:2], "--like", "a1111", "--json").stdout)
    expect(like["metadata"] == "last" and like["only"] == ["model"] and "--alpha" not in like["like"], f"{like['like']}")
    for policy in "keep", "zero", "drop":
        words = ["extra.safetensors", "B.safetensors", "--missing", policy]
        expect(merge("f.safetensors", "--formula", "(A + B)/2", *words) == merge("m.safetensors", *words), policy)
    folder = call("merge", *half, *FILES[:2], "-o", "./", "-q")
    expect(folder.returncode == 0 and os.path.exists("formula(A, B).safetensors"), f"{folder.stderr} {os.listdir()}")
    vae = [make_inputs.parse("decoder.conv_in.weight F32 1 7")]
    make_inputs.write("vae.safetensors", {"format": "pt"}, vae, True)
    make("sd.safetensors", 1, "first_stage_model.decoder.conv_in.weight F32 1 1")
    make("sd2.safetensors", 2, "first_stage_model.decoder.conv_in.weight F32 1 2")
    baked = merge("baked.safetensors", *half, "sd.safetensors", "sd2.safetensors", "--vae", "vae.safetensors")
    expect(baked["first_stage_model.decoder.conv_in.weight"][2] == b"\0\0\xe0\x40", "the VAE is baked in")


def test_registered_names():
    make_all()
    os.mkdir("models")
    for name in "AB":
        os.rename(f"{name}.safetensors", f"models/{name}.safetensors")
    call("scan", "models", "--registry", "r.db")
    words = ["--registry", "r.db", "--no-register"]
    found = merge("f.safetensors", "--formula", "(base + B)/2", "base=@A", "@B", *words)
    expect(found == merge("m.safetensors", "models/A.safetensors", "models/B.safetensors"), "@NAME behind NAME=")


def test_real_pair():
    data = pathlib.Path(__file__).resolve().parents[3] / "../shared/data/rfb"
    files = [str(data / f"RFB-{name}.safetensors") for name in ("320", "640", "320")]
    if not all(map(os.path.exists, files)):
        return print("NOT RUN: formulas over real checkpoints (no shared data)")
    for formula, words in [("A + 0.7*(B - C)", [*files, "-m", "add_difference", "--alpha", "0.7"]),
                           ("0.7*A + 0.3*B", [*files[:2], "--alpha", "0.3"])]:
        inputs = files[:3 if "C" in formula else 2]
        expect(merge("f.safetensors", "--formula", formula, *inputs) == merge("m.safetensors", *words), formula)


def test_sixteen():
    letters = "ABCDEFGHIJKLMNOP"
    for seed, name in enumerate(letters):
        make(f"{name}.safetensors", seed)
    files = [f"{name}.safetensors" for name in letters]
    formula = "(" + " + ".join(letters) + ")/16"
    expect(merge("f.safetensors", "--formula", formula, *files) == merge("m.safetensors", *files, "-m", "linear"), formula)
    nested = "A"
    for name in letters[1:]:
        nested = f"{name} - 0.5*(({nested}) - A)"
    expect(merge("f.safetensors", "--formula", nested, *files) != {}, nested)


run_in_folders(test_equals_method, test_equals_steps, test_recorded_and_repeated, test_one_call_is_the_method, test_weights_of_the_only_method, test_methods_of_others,
               test_defaults_are_recorded, test_graph, test_look_alikes, test_damaged_rules, test_damaged_recipe,
               test_beside_other_options, test_registered_names, test_real_pair, test_sixteen)
