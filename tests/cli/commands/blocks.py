#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: blocks.py CKMERGE
Weights by block and by name, over checkpoints with all names of SD 1, SDXL and Flux: each against a second table of
blocks (block_files.py), and merges byte for byte against merges of each part by itself."""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from block_files import flux, flux_block, floats, sd_block, stable_diffusion, write
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors

KINDS = {"sd1": (stable_diffusion("sd1"), sd_block), "sdxl": (stable_diffusion("sdxl"), sd_block), "flux": (flux(), flux_block)}
SD = ["BASE"] + [f"IN{n:02}" for n in range(12)] + ["M00"] + [f"OUT{n:02}" for n in range(12)]
SDXL = ["BASE"] + [f"IN{n:02}" for n in range(9)] + ["M00"] + [f"OUT{n:02}" for n in range(9)]
FLUX = ["CLIP", "T5", "IN"] + [f"D{n:02}" for n in range(19)] + [f"S{n:02}" for n in range(38)] + ["OUT"]
PAIR = ["A.safetensors", "B.safetensors"]


def make_pair(kind):
    for seed, path in enumerate(PAIR):
        write(path, KINDS[kind][0], seed)


def merge(*words, out="out.safetensors", status=0):
    done = call("merge", *PAIR, *words, "-o", out, "-f")
    expect(done.returncode == status, f"{words}: {done.returncode} {done.stderr}")
    return done


def alphas(kind, path="out.safetensors"):
    """The alpha of each tensor, found in the values."""
    a, b, out = (safetensors(name)[1] for name in [*PAIR, path])
    found = {}
    for name in KINDS[kind][0]:
        one, two, merged = floats(a[name]), floats(b[name]), floats(out[name])
        place = max(range(len(one)), key=lambda i: abs(two[i] - one[i]))
        if one[place] == two[place]:
            continue
        found[name] = round((merged[place] - one[place]) / (two[place] - one[place]), 4)
    return found


def check(kind, wanted, what):
    block = KINDS[kind][1]
    for name, alpha in alphas(kind).items():
        expect(alpha == wanted(name, block(name, kind)), f"{what}: {name} {alpha} instead of {wanted(name, block(name, kind))}")


def test_inspect():
    for kind, (names, block) in KINDS.items():
        make_pair(kind)
        file = json.loads(call("inspect", "A.safetensors", "--blocks", "--json").stdout)["files"][0]
        expect(file["architecture"].split("-")[0] == kind, f"{kind}: {file['architecture']}")
        for tensor in file["tensors"]:
            expect(tensor["block"] == block(tensor["name"], kind), f"{kind}: {tensor['name']} in {tensor['block']}")
        counts = {entry["name"]: (entry["tensors"], entry["size"]) for entry in file["blocks"]}
        for entry in file["blocks"]:
            inside = [tensor["size"] for tensor in file["tensors"] if tensor["block"] == entry["name"]]
            expect(counts[entry["name"]] == (len(inside), sum(inside)), f"{kind}: {entry}")
        wanted = {"sd1": SD, "sdxl": SDXL, "flux": FLUX[:2] + ["VAE"] + FLUX[2:]}[kind]
        expect(list(counts) == wanted, f"{kind}: the order of {list(counts)}")
        told = call("inspect", "A.safetensors", "--blocks", "--tensors").stdout
        expect(re.search(r"time_embed\.0\.weight .*  IN00\n", told) or kind == "flux", told)
    plain = json.loads(call("inspect", "A.safetensors", "--json").stdout)["files"][0]
    expect("blocks" not in plain and "block" not in plain["tensors"][0], "blocks that nobody asked for")


def test_layers():
    names = {f"model.layers.{n}.self_attn.q_proj.weight": [2] for n in range(12)}
    names |= {"model.embed_tokens.weight": [2], "lm_head.weight": [2], "model.norm.weight": [2]}
    KINDS["llama"] = names, None
    make_pair("llama")
    merge("--alpha", "0.25", "--weight", "L*=[0,1]", "--weight", "EMBED=0.75", "--weight", "model.layers.11=0")
    found = alphas("llama")
    for n in range(11):
        expect(abs(found[f"model.layers.{n}.self_attn.q_proj.weight"] - n / 11) < 1e-4, f"layer {n}: {found}")
    expect(found["model.layers.11.self_attn.q_proj.weight"] == 0 and found["model.embed_tokens.weight"] == 0.75
           and found["model.norm.weight"] == 0.25, f"others: {found}")
    merge("--weight", "layers.3..L05=0.125", "--weight", "model.layers.1.=1")
    found = alphas("llama")
    expect([found[f"model.layers.{n}.self_attn.q_proj.weight"] for n in range(7)] == [0.5, 1, 0.5, 0.125, 0.125, 0.125, 0.5], found)
    for layer in ("layers.3", "layers.3."):  # behind anything, as in a range
        merge("--weight", f"{layer}=0.125")
        found = alphas("llama")
        expect([found[f"model.layers.{n}.self_attn.q_proj.weight"] for n in range(2, 5)] == [0.5, 0.125, 0.5], f"{layer}: {found}")
    refused(2, "no name begins with it", "plan", *PAIR, "--weight", "layers.12=0.5")
    refused(2, "no name begins with it", "plan", *PAIR, "--weight", "ayers.3=0.5")
    del KINDS["llama"]


def test_selectors():
    make_pair("sd1")
    merge("--alpha", "0.5", "--weight", "IN00..IN08=0.25", "--weight", "OUT*=0.75", "--weight", r"/attn2\.to_k/=0")

    def wanted(name, block):
        if "attn2.to_k" in name:
            return 0
        return 0.25 if block in SD[1:10] else 0.75 if block.startswith("OUT") else 0.5
    check("sd1", wanted, "range, wildcard, pattern")
    merge("--weight", "M00=0.25", "--weight", "*=0.75", "--weight", "in4=0", "--weight", "OUT0?=1")
    check("sd1", lambda _, b: 0 if b == "IN04" else 1 if re.fullmatch(r"OUT0\d", b) else 0.75, "the last that matches")
    merge("--weight", "IN10..OUT01=0.25")
    check("sd1", lambda _, b: 0.25 if b in ("IN10", "IN11", "M00", "OUT00", "OUT01") else 0.5, "a range across groups")
    merge("--weight", "alpha:input_blocks.1.=0.25", "--weight", "middle_block.1.=0", "--weight", "time_embed.=1",
          "--weight", "first_stage_model.=0", "--weight", "model.diffusion_model.out=1")
    check("sd1", lambda n, b: 0.25 if b == "IN01" else 0 if ".middle_block.1." in n or "first_stage" in n else
          1 if "time_embed" in n or ".out." in n else 0.5, "what names begin with")
    merge("--weight", "te=0.25", "--weight", "vae=0")
    check("sd1", lambda n, b: 0.25 if n.startswith("cond_stage") else 0 if n.startswith("first_stage") else 0.5, "parts")
    merge("--weight", "IN00..IN10=[0,0.5,1]", "--weight", "OUT*=[1, 0]")

    def gradients(_, block):
        place = int(block[-2:]) if block[-2:].isdigit() else 0
        return place / 10 if block in SD[1:12] else round(1 - place / 11, 4) if block.startswith("OUT") else 0.5
    check("sd1", gradients, "gradients")
    merge("--weight", "/attn2/=[0,1]")
    attended = [block for block in SD if any(sd_block(n, "sd1") == block and "attn2" in n for n in KINDS["sd1"][0])]
    check("sd1", lambda n, b: round(attended.index(b) / (len(attended) - 1), 4) if "attn2" in n else 0.5, "of a pattern's layers")
    merge("--weight", "*=[0,1]")
    check("sd1", lambda _, b: round(max(SD.index(b) - 1, 0) / 24, 4), "of all layers, BASE at the first number")
    merge("--alpha", "0.5", "--weight", "OUT03-OUT06:attn2:0.25,:norm2:1", "--weight", "NOT BASE IN00-OUT11:NOT conv:0", status=2)
    merge("--alpha", "0.5", "--weight", "OUT03-OUT06 M00:attn2 in_layers:0.25,:norm2:1", "--weight", "NOT IN00-OUT11:NOT conv_out:0")
    check("sd1", lambda n, b: 0 if b == "BASE" and "conv_out" not in n else 1 if "norm2" in n else
          0.25 if b in SD[17:21] + ["M00"] and ("attn2" in n or "in_layers" in n) else 0.5, "supermerger's elements")
    merge("--alpha", "0.5", "--weight", "OUT03-OUT06:attn2:[0, 0.75],:norm2:1")
    check("sd1", lambda n, b: 1 if "norm2" in n else round((SD.index(b) - 17) / 4, 4) if b in SD[17:21] and "attn2" in n else 0.5,
          "a gradient of elements")


def test_lists():
    numbers = [round(n / 32, 5) for n in range(1, 27)]
    make_pair("sd1")
    for words, base in (([",".join(map(str, numbers))], numbers[0]), ([", ".join(map(str, numbers[1:]))], 0.5),
                        ([",".join(map(str, numbers)), "--base-alpha", "0.875"], 0.875)):
        merge("--mbw", *words)
        weight = dict(zip(SD, [base] + numbers[1:]))
        check("sd1", lambda _, b: round(weight[b], 4), f"--mbw {words}")
    pathlib.Path("presets.txt").write_text("\nFLAT\t" + ",".join(["0.25"] * 26) + "\nGRAD_X:" + ",".join(map(str, numbers)) + "\n")
    merge("--mbw-preset", "GRAD_X", "--mbw-presets", "presets.txt")
    check("sd1", lambda _, b: round(dict(zip(SD, numbers))[b], 4), "--mbw-preset")
    # As supermerger's own file has them: ten digits, names with signs, tabs and colons in one file.
    fall = [0] + [round(abs(1 - n / 12), 10) for n in range(25)]
    own = {"GRAD_V": fall, "SMOOTHSTEP*2": [0.25] * 26, "R_SMOOTHSTEP/3": [0.5] * 26, "OUT12_5": [0] * 14 + [1] * 12, "ALL_B": [1] * 26}
    pathlib.Path("own.txt").write_text("".join(f"{name}{sign}{','.join(map(str, row))}\n" for (name, row), sign in zip(own.items(), "\t:\t\t:")))
    for name, row in own.items():
        merge("--mbw-preset", name, "--mbw-presets", "own.txt")
        check("sd1", lambda _, b: round(dict(zip(SD, row))[b], 4), f"the preset {name}")
    refused(2, "did you mean 'GRAD_X'", "plan", *PAIR, "--mbw-preset", "GRAD_Y", "--mbw-presets", "presets.txt")
    refused(2, "--mbw-presets FILE", "plan", *PAIR, "--mbw-preset", "GRAD_X")
    refused(2, "26 (BASE IN00..IN11 M00 OUT00..OUT11), 25 (IN00..IN11 M00 OUT00..OUT11) numbers, but 3 were given",
            "plan", *PAIR, "--mbw", "0,0,0.1")
    refused(2, "given twice", "plan", *PAIR, "--mbw-preset", "GRAD_X", "--mbw-presets", "presets.txt", "--mbw", "1,2")
    pathlib.Path("bad.txt").write_text("# presets\nGOOD\t" + ",".join(["0.5"] * 25) + "\nBAD\t0.1,x,0.2\n", encoding="utf-8")
    refused(2, "bad.txt:3: --mbw-preset: 'x' is not a number", "plan", *PAIR, "--mbw-preset", "BAD", "--mbw-presets", "bad.txt")
    pathlib.Path("binary.txt").write_bytes(b"GOOD\t0.5\n" + b"x" * (1 << 17))
    refused(2, "binary.txt:2: this line is no preset's", "plan", *PAIR, "--mbw-preset", "BAD", "--mbw-presets", "binary.txt")
    make_pair("sdxl")
    merge("--mbw", ",".join(map(str, numbers[:20])))
    check("sdxl", lambda _, b: round(dict(zip(SDXL, numbers))[b], 4), "20 numbers")
    merge("--mbw", ",".join(map(str, numbers[:21])))
    check("sdxl", lambda n, b: round(numbers[20] if "first_stage" in n else dict(zip(SDXL, numbers))[b], 4), "21 numbers")
    merge("--mbw", ",".join(map(str, numbers)))
    rest = numbers[1:]
    check("sdxl", lambda _, b: round(dict(zip(SDXL, numbers[:1] + rest[0:9] + rest[12:22]))[b], 4), "26 numbers for SDXL")
    make_pair("flux")
    merge("--mbw", ",".join(str(n / 64) for n in range(1, 62)))
    check("flux", lambda _, b: 0 if b == "VAE" else round((FLUX.index(b) + 1) / 64, 4), "61 numbers")
    merge("--weight", "DOUBLE03..SINGLE04=0")
    check("flux", lambda _, b: 0 if b in FLUX[FLUX.index("D03"):FLUX.index("S04") + 1] else 0.5, "model-mixer's names")


def test_same_bytes():
    make_pair("sd1")
    done = merge("--alpha", "0.5", "--weight", "IN*=0.2", "--weight", "OUT05..OUT07=0.7", "--weight", "/norm2/=1", "--dtype", "f16")
    expect("alpha IN*=0.2  in" in done.stdout, done.stdout)
    whole = safetensors("out.safetensors")[1]
    for pattern, alpha in ((r"norm2", "1"), (r"output_blocks\.[567]\.", "0.7"), (r"input_blocks|time_embed", "0.2"), ("", "0.5")):
        call("merge", *PAIR, "--alpha", alpha, "--dtype", "f16", "-o", "part.safetensors", "-f")
        part = safetensors("part.safetensors")[1]
        for name in [name for name in whole if re.search(pattern, name)]:
            expect(whole.pop(name) == part[name], f"{name} with {alpha}")
    expect(not whole, whole.keys())


def test_comfy_blocks():
    """ModelMergeBlocks: input, middle and out are what is kept of the first model."""
    make_pair("sd1")
    kept = {"input": 0.25, "middle": 0.5, "out": 0.875}
    merge("--weight", "BASE=0", "--weight", "IN*=0.75", "--weight", "M00=0.5", "--weight", "OUT*=0.125")

    def wanted(name, _):
        if not name.startswith("model.diffusion_model."):
            return 0
        name = name[len("model.diffusion_model."):]
        fitting = [prefix for prefix in kept if name.startswith(prefix)]
        return 1 - kept[max(fitting, key=len) if fitting else "input"]
    check("sd1", wanted, "ComfyUI's three sliders")


def test_methods():
    make_pair("sd1")
    write("C.safetensors", KINDS["sd1"][0], 7)
    for words in (["-m", "slerp", "--weight", "t:IN*=0", "--weight", "OUT00=1"],
                  ["-m", "linear", "--weights", "1,1", "--weight", "B:IN*=0", "--weight", "A:OUT00=0"]):
        merge(*words)
        a, b, out = (safetensors(name)[1] for name in [*PAIR, "out.safetensors"])
        for name in out:
            block = sd_block(name, "sd1")
            wanted = a[name] if block.startswith("IN") else b[name] if block == "OUT00" else None
            expect(wanted is None or out[name] == wanted, f"{words}: {name}")
    call("merge", *PAIR, "C.safetensors", "-m", "add_difference", "--alpha", "1", "--weight", "M00=0", "-o", "out.safetensors", "-f")
    a, out = safetensors("A.safetensors")[1], safetensors("out.safetensors")[1]
    for name in out:
        expect((out[name] == a[name]) == (sd_block(name, "sd1") == "M00"), f"add_difference: {name}")
    refused(2, "say whose", "plan", *PAIR, "-m", "linear", "--weight", "IN*=0")
    refused(2, "--weights", "plan", *PAIR, "-m", "linear", "--weight", "B:IN*=0")
    refused(2, "2 checkpoints only", "plan", *PAIR, "-m", "linear", "--weights", "1,1", "--weight", "C:IN*=0")
    refused(2, "has no number 'beta'", "plan", *PAIR, "--weight", "beta:IN*=0")
    refused(2, "no number that could differ", "plan", "A.safetensors", "-m", "copy", "--weight", "IN*=0")


def test_refusals():
    make_pair("sdxl")
    plan = ["plan", *PAIR]
    listed = "the blocks of A (sdxl) are BASE, IN00..IN08, M00, OUT00..OUT08"
    for weight, told in (("IN11=0.5", "'IN11' is no block, and no name begins with it; " + listed), ("IN00..IN11=0.5", "'IN11' is no block; "),
                         ("ON04=0.5", "did you mean 'IN04'?"), ("M=1", "did you mean 'M00'?"), ("MID=1", "did you mean 'M00'?"), ("TE=1", "did you mean 'te'?"),
                         ("IN04-IN07=1", "did you mean 'IN04..IN07'?"), ("IN04,IN05=1", "did you mean 'IN04..IN05'?"), ("X*=1", "'X*' matches no block; " + listed),
                         ("OUT05..IN03=1", "runs backwards"), ("input_blocks.9.=1", "no name begins with it"),
                         ("/attn9/=1", "the weight 'alpha /attn9/=1' matches no tensor name"), ("/(/=1", "--weight"), ("IN04=", "--weight"),
                         ("IN04=x", "--weight"), ("IN04=[]", "--weight"), ("=1", "missing in front of the ="),
                         ("IN04", "neither SELECTOR=X"), ("OUT99:attn:1", "'OUT99' is no block"), ("IN04:attn9:1", "selects no tensor"),
                         ("/model.diffusion_model.time_emted./=1", "did you mean 'model.diffusion_model.time_embed."),
                         ("OUT00:attn2:[0,x]", "--weight: 'x' is not a number"), ("/a=1", "between slashes"), ("IN04=nan", "--weight"), ("0.5,-0.5", "a number per checkpoint is --weights"), ("", "neither")):
        refused(2, told, *plan, "--weight", weight)
    write("bare.safetensors", {name.removeprefix("model.diffusion_model."): shape for name, shape in KINDS["sdxl"][0].items()
                               if name.startswith("model.diffusion_model.")}, 0)
    refused(2, "'te' is a part of which no name is", "plan", "bare.safetensors", "bare.safetensors", "--weight", "te=1")
    refused(2, "'BASE' is no block", "plan", "bare.safetensors", "bare.safetensors", "--base-alpha", "1")
    bare = call("plan", "bare.safetensors", "bare.safetensors", "--mbw", ",".join(["0.25"] * 20))
    expect(bare.returncode == 0, f"a list for a UNet alone: {bare.stderr}")
    write("unknown.safetensors", {f"{side}_blocks.{n}.0.weight": [2] for side in ("input", "output") for n in range(12)} | {"middle_block.0.weight": [2]}, 0)
    refused(2, "a list for A has 26 (BASE IN00..IN11", "plan", "unknown.safetensors", "unknown.safetensors", "--mbw", "1,2,3")
    refused(2, "selects no tensor that is merged", *plan, "--weight", "M00=1", "--only", "output_blocks")
    refused(2, "'alpha /middle_block/=1' matches names such as 'model.diffusion_model.middle_block.", *plan, "--weight", "/middle_block/=1",
            "--only", "output_blocks")
    told = call(*plan, "--weight", "IN04=3", "--weight", "OUT*=-2").stdout
    expect("the weight 'alpha IN04=3' has 3, outside of -1 to 2" in told and "'alpha OUT*=-2' has -2" in told, told)
    told = call(*plan, "--weight", "IN04=0.25", "--weight", "IN*=0.5").stdout
    expect("the weight 'alpha IN04=0.25' changes nothing" in told and "alpha IN*=0.5  in" in told, told)


def test_recorded():
    make_pair("sd1")
    merge("--alpha", "0.5")
    plain = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(plain["version"] == 2 and "weights" not in plain, f"without weights: {plain}")
    words = ["--mbw", ",".join(["0.125"] * 26), "--base-alpha", "0.25", "--weight", "IN00..IN08=0.3", "--weight", "OUT*=[0,0.1,1]",
             "--weight", r"/attn2\.to_k/=0", "--weight", "M00:attn1:0.7"]
    merge(*words)
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recorded["version"] == 3, recorded["version"])
    expect(recorded["weights"] == [
        {"parameter": "alpha", "list": [0.125] * 26}, {"parameter": "alpha", "select": "BASE", "value": 0.25},
        {"parameter": "alpha", "select": "IN00..IN08", "value": 0.3}, {"parameter": "alpha", "select": "OUT*", "value": [0, 0.1, 1]},
        {"parameter": "alpha", "select": r"/attn2\.to_k/", "value": 0},
        {"parameter": "alpha", "blocks": "M00", "elements": "attn1", "value": 0.7}], recorded["weights"])
    expect(json.loads(metadata_of("out.safetensors")["sd_merge_recipe"])["multiplier"] is None, "one multiplier of many")
    done = call("run", "out.safetensors", *(f"{letter}={path}" for letter, path in zip("AB", PAIR)), "-o", "again.safetensors")
    expect(done.returncode == 0 and "older" not in done.stdout, f"run: {done.stdout} {done.stderr}")
    expect(pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), "run gives other bytes")
    told = json.loads(call("plan", *PAIR, *words, "--json").stdout)
    weights = told["weights"]
    expect([entry["tensors"] > 0 for entry in weights] == [True] * 6 and weights[3]["value"] == [0, 0.1, 1], weights)
    pathlib.Path("folder").mkdir()
    done = call("merge", *PAIR, "--weight", "IN*=0.3", "-o", "folder")
    expect(pathlib.Path("folder/0.5(A) + 0.5(B) by blocks.safetensors").exists(), done.stdout)


def test_averages():
    """What ldm calls an average goes with its weight."""
    names = KINDS["sd1"][0]
    with_averages = dict(names)
    for name, shape in names.items():
        if name.startswith("model."):
            with_averages["model_ema." + name[len("model."):].replace(".", "")] = shape
    KINDS["averaged"] = with_averages, lambda name, kind: sd_block(weight_of.get(name, name), "sd1")
    weight_of = {"model_ema." + name[len("model."):].replace(".", ""): name for name in names if name.startswith("model.")}
    make_pair("averaged")
    merge("--weight", "IN*=0.25", "--weight", r"/attn2\.to_k/=0")
    check("averaged", lambda n, b: 0 if "attn2.to_k" in weight_of.get(n, n) else 0.25 if b.startswith("IN") else 0.5, "averages")
    del KINDS["averaged"]


run_in_folders(test_inspect, test_layers, test_selectors, test_lists, test_same_bytes, test_comfy_blocks, test_methods, test_refusals,
               test_recorded, test_averages)
