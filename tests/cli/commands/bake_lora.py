#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: bake_lora.py CKMERGE
Adapters added to what is baked and merged: which bytes come out, what is told, what is refused. Numbers are small and whole, or halves
of them, so that every sum is exact and what is expected is plain arithmetic."""
import json
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors
from judged_files import write

Q, K, NORM = "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.k_proj", "model.norm.weight"
EMBED = "model.embed_tokens.weight"
PEFT = "base_model.model."
OUT, IN, RANK = 6, 4, 2


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def matrix(rows, columns, first):
    return [float((first + 3 * i + 5 * j) % 7 - 3) for i in range(rows) for j in range(columns)]


def f32(values, *shape):
    return ("F32", list(shape), floats(values))


def product(up, down, scale):
    return [scale * sum(up[i * RANK + r] * down[r * IN + j] for r in range(RANK)) for i in range(OUT) for j in range(IN)]


def plus(*lists):
    return [sum(numbers) for numbers in zip(*lists)]


def model(path, first=1, without=()):
    tensors = {Q + ".weight": matrix(OUT, IN, first), K + ".weight": matrix(OUT, IN, first + 2)}
    write(path, {**{name: f32(values, OUT, IN) for name, values in tensors.items() if name not in without},
                 EMBED: f32(matrix(8, IN, 4), 8, IN), NORM: f32([1.0, 2.0, 3.0, 4.0], 4), "position": ("I64", [2], struct.pack("<2q", 0, 1))})
    return tensors


def adapter(folder, modules, config=None, name="adapter_model.safetensors", **more):
    """A folder of PEFT's; what each module adds at strength 1, alpha/rank being a half."""
    os.makedirs(folder, exist_ok=True)
    tensors, changes = {}, {}
    for k, module in enumerate(modules):
        down, up = matrix(RANK, IN, k), matrix(OUT, RANK, k + 3)
        tensors[f"{PEFT}{module}.lora_A.weight"] = f32(down, RANK, IN)
        tensors[f"{PEFT}{module}.lora_B.weight"] = f32(up, OUT, RANK)
        changes[module + ".weight"] = product(up, down, 0.5)
    write(f"{folder}/{name}", {**tensors, **more})
    pathlib.Path(f"{folder}/adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": 1, "target_modules": ["q_proj", "k_proj"],
                                                                         "base_model_name_or_path": "some/base", **(config or {})}))
    return changes


def values(path, name):
    dtype, shape, raw = safetensors(path)[1][name]
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def done(*words, **options):
    run = call(*words, **options)
    expect(run.returncode == 0, f"{' '.join(words)}: {run.returncode} {run.stderr}")
    return run


def test_bake():
    weights = model("a.safetensors")
    change = adapter("lora", [Q])
    told = done("bake", "a.safetensors", "--lora", "lora", "-o", "out.safetensors").stdout
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], change[Q + ".weight"]), "the delta is added")
    before, after = safetensors("a.safetensors")[1], safetensors("out.safetensors")[1]
    expect(all(after[name] == before[name] for name in before if name != Q + ".weight"), "all others are copies")
    expect("1  changed by adapters" in told and "LoRA" in told and "1 module matched" in told and "some/base" in told, told)
    done("bake", "a.safetensors", "--lora", "lora:0.5", "-o", "half.safetensors")
    expect(values("half.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], [0.5 * x for x in change[Q + ".weight"]]), "half of it")
    done("bake", "a.safetensors", "--lora", "lora:0", "-o", "none.safetensors")
    expect(safetensors("none.safetensors")[1] == before, "nothing of it")


def test_several():
    weights = model("a.safetensors")
    one, two = adapter("one", [Q]), adapter("two", [K, Q])
    done("bake", "a.safetensors", "--lora", "one", "--lora", "two:2", "--lora", "one:-1", "-o", "out.safetensors")
    twice = {name: [2 * x for x in change] for name, change in two.items()}
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], twice[Q + ".weight"]), "one is taken away again")
    expect(values("out.safetensors", K + ".weight") == plus(weights[K + ".weight"], twice[K + ".weight"]), "the second alone")
    del one


def test_strengths_by_name():
    weights = model("a.safetensors")
    change = adapter("lora", [Q, K])
    done("bake", "a.safetensors", "--lora", "lora:1:/q_proj/=0.5", "-o", "out.safetensors")
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], [0.5 * x for x in change[Q + ".weight"]]), "half of q")
    expect(values("out.safetensors", K + ".weight") == plus(weights[K + ".weight"], change[K + ".weight"]), "all of k")
    done("bake", "a.safetensors", "--lora", "lora:0:/q_proj/=1", "-o", "q.safetensors")
    expect(values("q.safetensors", K + ".weight") == weights[K + ".weight"], "nothing of k")
    refused(2, "--lora", "bake", "a.safetensors", "--lora", "lora:te=much", "-o", "x.safetensors")
    refused(2, "lora", "bake", "a.safetensors", "--lora", "lora:1:NOWHERE07=1", "-o", "x.safetensors")


def test_merge():
    weights, others = model("a.safetensors"), model("b.safetensors", first=2)
    change = adapter("lora", [Q])
    done("merge", "a.safetensors", "b.safetensors", "--alpha", "0.5", "--lora", "lora", "-o", "out.safetensors")
    done("merge", "a.safetensors", "b.safetensors", "--alpha", "0.5", "-o", "plain.safetensors")
    halves = [0.5 * x for x in plus(weights[Q + ".weight"], others[Q + ".weight"])]
    expect(values("out.safetensors", Q + ".weight") == plus(halves, change[Q + ".weight"]), "half of each and the delta")
    with_it, without = safetensors("out.safetensors")[1], safetensors("plain.safetensors")[1]
    expect(all(with_it[name] == without[name] for name in without if name != Q + ".weight"), "all others as without")


def test_equal_stays_equal():
    weights = model("a.safetensors")
    change = adapter("lora", [Q])
    done("merge", "a.safetensors", "a.safetensors", "--alpha", "0.3", "--lora", "lora", "-o", "out.safetensors")
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], change[Q + ".weight"]), "0.7 + 0.3 of equal numbers are the number")
    done("merge", "a.safetensors", "a.safetensors", "-m", "slerp", "--lora", "lora", "-o", "slerp.safetensors")
    expect(values("slerp.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], change[Q + ".weight"]), "slerp of equal tensors, too")


def test_missing_in_another():
    weights = model("a.safetensors")
    model("b.safetensors", first=2, without=[Q + ".weight"])
    change = adapter("lora", [Q])
    words = ("merge", "a.safetensors", "b.safetensors", "--alpha", "0.5", "--lora", "lora")
    done(*words, "-o", "out.safetensors")
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], change[Q + ".weight"]), "kept, and changed")
    done(*words, "-o", "zero.safetensors", "--missing", "zero")
    expect(values("zero.safetensors", Q + ".weight") == [0.0] * OUT * IN, "zeros are nothing's weights")
    told = done(*words, "--exclude", "q_proj", "-o", "outside.safetensors").stdout
    expect(values("outside.safetensors", Q + ".weight") == weights[Q + ".weight"] and "warning" in told and Q in told, f"A's, and told: {told}")


def test_formula():
    weights = model("a.safetensors")
    change = adapter("lora", [Q, K])
    done("merge", "A=a.safetensors", "L=lora", "--formula", "A + 0.5*lora(L)", "-o", "out.safetensors")
    half = [0.5 * x for x in change[Q + ".weight"]]
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], half), "half of the delta")
    done("merge", "a.safetensors", "lora", "--formula", "A + lora(B)", "--lora", "lora:-0.5", "-o", "both.safetensors")
    expect(values("both.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], half), "one that the formula names and one that it does not")
    refused(2, "is an adapter", "merge", "A=a.safetensors", "L=lora", "--formula", "A + 0.5*(L - A) + lora(L)", "-o", "x.safetensors")
    refused(2, "delta", "merge", "A=a.safetensors", "L=lora", "--formula", "lora(L)", "-o", "x.safetensors")
    refused(2, "lora(L)", "merge", "A=a.safetensors", "L=lora", "--formula", "A + lora(L, L)", "-o", "x.safetensors")
    refused(4, "is an adapter, LoRA", "merge", "A=a.safetensors", "B=lora", "--formula", "A + 0.5*(B - A)", "-o", "x.safetensors")
    done("merge", "A=a.safetensors", "L=lora", "--formula", "A + s*lora(L)", "--sweep", "s=0,0.5", "-o", "sweep/")
    expect(values("sweep/s-0.5.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], half), "swept")
    expect(safetensors("sweep/s-0.safetensors")[1] == safetensors("a.safetensors")[1], "swept to nothing")


def test_recipes():
    model("a.safetensors"), model("b.safetensors", first=2)
    adapter("lora", [Q, K])
    words = ("--lora", "lora:0.5:/q_proj/=2", "--hash-inputs")
    done("merge", "a.safetensors", "b.safetensors", *words, "--save-recipe", "r.yaml", "-o", "out.safetensors")
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recipe["adapters"] == [{"strength": 0.5, "rules": [{"select": "/q_proj/", "strength": 2}]}], f"{recipe['adapters']}")
    expect(len(recipe["inputs"]) == 3 and recipe["inputs"][2]["sha256"], f"{recipe['inputs']}")
    models = json.loads(metadata_of("out.safetensors")["sd_merge_models"])
    expect(len(models) == 2, f"adapters are no models of A1111's: {models}")
    done("run", "r.yaml", "-o", "again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), "the recipe file")
    done("run", "out.safetensors", "A=a.safetensors", "B=b.safetensors", "C=lora", "-o", "recorded.safetensors")
    expect(pathlib.Path("recorded.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), "the recorded recipe")
    adapter("other", [K, Q])
    refused(4, "C is not the file that was merged", "run", "out.safetensors", "A=a.safetensors", "B=b.safetensors", "C=other", "-o", "x.safetensors")
    done("merge", "A=a.safetensors", "L=lora", "--formula", "A + 0.5*lora(L)", "--lora", "lora", "--save-recipe", "f.yaml", "-o", "f.safetensors")
    done("run", "f.yaml", "-o", "f2.safetensors")
    expect(pathlib.Path("f.safetensors").read_bytes() == pathlib.Path("f2.safetensors").read_bytes(), pathlib.Path("f.yaml").read_text())


def test_unmatched():
    weights = model("a.safetensors")
    change = adapter("lora", [Q, "model.layers.7.self_attn.q_proj", "model.layers.0.self_attn.qq_proj"])
    run = call("bake", "a.safetensors", "--lora", "lora", "-o", "out.safetensors")
    expect(run.returncode == 4 and "2 modules of 3 belong to nothing" in run.stderr and "--allow-unmatched" in run.stderr, f"{run}")
    expect("layers.7" in run.stderr and "qq_proj" in run.stderr and not os.path.exists("out.safetensors"), f"{run}")
    told = done("bake", "a.safetensors", "--lora", "lora", "--allow-unmatched", "-o", "out.safetensors").stdout
    expect("2 modules left out" in told and "layers.7" in told, told)
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], change[Q + ".weight"]), "the one that matched")
    facts = json.loads(done("bake", "a.safetensors", "--lora", "lora", "--allow-unmatched", "--json", "-f", "-o", "out.safetensors").stdout)
    (of,) = facts["adapted"]
    expect([module["tensors"] for module in of["matched"]] == [[Q + ".weight"]] and len(of["unmatched"]) == 2 and of["changed"] == 1, f"{of}")
    adapter("none", ["transformer.h.0.attn.c_attn"])
    for more in ((), ("--allow-unmatched",)):
        refused(4, "its module belongs to nothing in a.safetensors", "bake", "a.safetensors", "--lora", "none", *more, "-o", "x.safetensors")


def test_wrong_files():
    model("a.safetensors")
    adapter("lora", [Q])
    refused(4, "is no adapter", "bake", "a.safetensors", "--lora", "a.safetensors", "-o", "out.safetensors")
    refused(4, "--lora FILE", "merge", "a.safetensors", "lora/adapter_model.safetensors", "-o", "out.safetensors")
    refused(1, "missing.safetensors", "bake", "a.safetensors", "--lora", "missing.safetensors:0.5", "-o", "out.safetensors")
    refused(2, "nothing to bake is given", "bake", "a.safetensors", "-o", "out.safetensors")
    refused(2, "--dora is of adapters", "merge", "a.safetensors", "a.safetensors", "--dora", "comfy", "-o", "out.safetensors")
    before = pathlib.Path("lora/adapter_model.safetensors").read_bytes()
    refused(2, "adapter_model.safetensors", "bake", "a.safetensors", "--lora", "lora", "-f", "-o", "lora/adapter_model.safetensors")
    expect(pathlib.Path("lora/adapter_model.safetensors").read_bytes() == before, "an input is never written")
    write("int.safetensors", {Q + ".weight": ("I32", [OUT, IN])})
    expect(call("bake", "int.safetensors", "--lora", "lora", "-o", "out.safetensors").returncode == 4, "integers")


def test_whole_tensors():
    weights = model("a.safetensors")
    change = adapter("lora", [Q], {"modules_to_save": ["norm"]}, **{PEFT + "model.norm.weight": f32([9.0, 8.0, 7.0, 6.0], 4)})
    told = done("bake", "a.safetensors", "--lora", "lora:0.5", "-o", "out.safetensors").stdout
    expect(values("out.safetensors", NORM) == [9.0, 8.0, 7.0, 6.0] and "taken from adapters" in told, told)
    expect(values("out.safetensors", Q + ".weight") == plus(weights[Q + ".weight"], [0.5 * x for x in change[Q + ".weight"]]), "strength is of factors")
    refused(4, "only one of both can take the place", "bake", "a.safetensors", "--lora", "lora", "--lora", "lora", "-o", "x.safetensors")


def test_memory():
    model("a.safetensors")
    adapter("lora", [Q])
    run = call("bake", "a.safetensors", "--lora", "lora", "--memory", "4096", "-o", "out.safetensors")
    expect(run.returncode == 5 and "give at least" in run.stderr and "adapters hold" in run.stderr, f"{run}")
    needed = run.stderr.split("give at least ")[1].split(" ")[0]
    done("bake", "a.safetensors", "--lora", "lora", "--memory", needed, "--threads", "1", "-o", "out.safetensors")
    expect("of it adapters" in done("plan", "a.safetensors", "--lora", "lora", "-m", "copy").stdout, "told by plan")


def test_rounding():
    # Values of F8_E4M3 around 1 are an eighth apart: a small change is lost to nearest, and kept by chance.
    rows = 512
    write("a.safetensors", {Q + ".weight": f32([1.0] * rows * IN, rows, IN)})
    adapter("lora", [K])  # whose config is right for this, too
    write("lora/adapter_model.safetensors", {f"{PEFT}{Q}.lora_A.weight": f32([0.1] * RANK * IN, RANK, IN),
                                             f"{PEFT}{Q}.lora_B.weight": f32([0.1] * rows * RANK, rows, RANK)})
    words = ("bake", "a.safetensors", "--lora", "lora", "--dtype", "f8_e4m3")
    told = done(*words, "-o", "nearest.safetensors").stdout
    expect("energy of the adapters that rounding kept: 0.00 % in all" in told, told)
    (energy,) = json.loads(done(*words, "-f", "--json", "-o", "nearest.safetensors").stdout)["adapter_energy"]["tensors"]
    expect(energy["name"] == Q + ".weight" and energy["kept"] == 0, f"{energy}")
    words += ("--rounding", "stochastic")
    facts = json.loads(done(*words, "--seed", "3", "--json", "--save-recipe", "r.yaml", "-o", "out.safetensors").stdout)
    expect(0.7 < facts["adapter_energy"]["kept"] < 1.3 and (facts["rounding"], facts["seed"]) == ("stochastic", 3), f"{facts}")
    codes = set(safetensors("out.safetensors")[1][Q + ".weight"][2])
    expect(codes == {0x38, 0x39}, f"1 and 1.125, and nothing else: {codes}")
    recipe = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect((recipe["rounding"], recipe["seed"]) == ("stochastic", 3), f"{recipe}")
    for recipe in ("r.yaml",), ("out.safetensors", "A=a.safetensors", "B=lora"):
        done("run", *recipe, "-f", "-o", "again.safetensors")
        expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), f"{recipe}")
    for more in ("--threads", "3"), ("--memory", "2M"):
        done(*words, "--seed", "3", *more, "-f", "-o", "again.safetensors")
        expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), f"{more}")
    done(*words, "-f", "-o", "again.safetensors")
    expect(set(safetensors("again.safetensors")[1][Q + ".weight"][2]) == codes, "without a seed")
    expect(safetensors("again.safetensors")[1] != safetensors("out.safetensors")[1], "another seed is other bytes")
    expect("seed 3" in done("plan", "a.safetensors", "-m", "copy", *words[4:], "--seed", "3").stdout, "told by plan")
    expect("nothing is rounded stochastically" in done("convert", "a.safetensors", "--rounding", "stochastic", "-o", "x.safetensors").stderr
           + done("convert", "a.safetensors", "--rounding", "stochastic", "-f", "-o", "x.safetensors").stdout, "a copy")
    refused(2, "--seed is of --rounding stochastic", *words[:6], "--seed", "3", "-o", "never.safetensors")
    refused(2, "from 0 to", *words, "--seed", "-1", "-o", "never.safetensors")
    refused(2, "is not one of nearest, stochastic", *words[:6], "--rounding", "up", "-o", "never.safetensors")


def test_same_bytes():
    write("a.safetensors", {Q + ".weight": ("F16", [OUT, IN], bytes(range(OUT * IN * 2)))})
    adapter("lora", [Q])
    sums = set()
    for words in (("--threads", "1"), ("--threads", "4"), ("--memory", "2M"), ()):
        done("bake", "a.safetensors", "--lora", "lora:0.3", "--lora", "lora:0.7", *words, "-f", "-o", "out.safetensors")
        sums.add(safetensors("out.safetensors")[1][Q + ".weight"][2])
    expect(len(sums) == 1, "whatever threads and memory there are")


run_in_folders(test_bake, test_several, test_strengths_by_name, test_merge, test_equal_stays_equal, test_missing_in_another, test_formula,
               test_recipes, test_unmatched, test_wrong_files, test_whole_tensors, test_memory, test_same_bytes)
