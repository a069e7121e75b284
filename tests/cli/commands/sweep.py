#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sweep.py CKMERGE
Several outputs of one run (--sweep): each byte for byte what its own merge writes, what is told of them, and what is refused."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, refused, run_in_folders

AB = ["A.safetensors", "B.safetensors"]


def make(path, seed, *more):
    numbers = " ".join(str((seed * 7 + k * 3) % 11 / 4 - 1.3) for k in range(48))
    tensors = [f"model.a F32 6,8 {numbers}", f"model.b F16 2 {seed} 0.3", f"ids I64 1 {seed}", *more]
    make_inputs.write(path, {"format": "pt", "title": str(path)}, [make_inputs.parse(tensor) for tensor in tensors], True)


def make_all():
    for seed, name in enumerate("ABC"):
        make(f"{name}.safetensors", seed + 1)


def alone(*words):
    done = call("merge", *words, "-o", "one.safetensors", "-f", "-q")
    expect(done.returncode == 0, f"{words}: {done.stderr}")
    return pathlib.Path("one.safetensors").read_bytes()


def sweep(folder, *words):
    done = call("merge", *words, "-o", folder, "-f")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return done.stdout


def swept(folder, name):
    return (pathlib.Path(folder) / name).read_bytes()


def test_same_bytes():
    make_all()
    sweep("by alpha", *AB, "--sweep", "alpha=0.2,0.35,0,1,1e-3", "--hash", "--verify")
    expect(sorted(os.listdir("by alpha")) == sorted(f"alpha-{a}.safetensors" for a in ("0.2", "0.35", "0", "1", "0.001")),
           f"{os.listdir('by alpha')}")
    for alpha in "0.2", "0.35", "0", "1", "0.001":
        expect(swept("by alpha", f"alpha-{alpha}.safetensors") == alone(*AB, "--alpha", alpha, "--hash"), alpha)
    more = ["--dtype", "bf16", "--only", "model", "--weight", "/b$/=0.9", "--set-metadata", "title=mine"]
    for extra in [], ["--threads", "1"], ["--threads", "3", "--memory", "1M"]:
        sweep("slerp", *AB, "-m", "slerp", "--sweep", "t=0.1,0.4,0.75", *more, *extra)
        for t in "0.1", "0.4", "0.75":
            expect(swept("slerp", f"t-{t}.safetensors") == alone(*AB, "-m", "slerp", "--param", f"t={t}", *more), f"slerp {t}")
    sweep("two", *AB, "-m", "linear", "--sweep", "weights=1/3,0.5/0.5", "--sweep", "normalize=true,false")
    for weights in "1,3", "0.5,0.5":
        for flag in "true", "false":
            name = f"weights-{weights.replace(',', '_')},normalize-{flag}.safetensors"
            words = [*AB, "-m", "linear", "--weights", weights, "--param", f"normalize={flag}"]
            expect(swept("two", name) == alone(*words), name)
    expect(len(os.listdir("two")) == 4, f"{os.listdir('two')}")
    sweep("ckpt", *AB, "--sweep", "alpha=0.25", "--format", "ckpt")
    expect(os.listdir("ckpt") == ["alpha-0.25.ckpt"], f"{os.listdir('ckpt')}")
    sweep("like", *AB, "--like", "a1111", "--sweep", "alpha=0.25,0.3")
    expect(swept("like", "alpha-0.3.safetensors") == alone(*AB, "--like", "a1111"), "a set's alpha is not in the way")


def test_numbers_with_weights():
    make_all()
    of_r = ["--formula", "A + r*(B - A)", *AB]
    for weight in "r:/b$/=0.1", "/b$/=0.1":
        sweep("weighted", *of_r, "--sweep", "r=0.2,0.5", "--weight", weight)
        for r in "0.2", "0.5":
            expect(swept("weighted", f"r-{r}.safetensors") == alone(*of_r, "--param", f"r={r}", "--weight", weight), f"{weight} {r}")
    of_two = ["--formula", "A + r*(B - A) + s*(B - A)", *AB, "--param", "s=0.5"]
    refused(2, "say which number of the formula, as in r:IN*=0.3; they are r, s", "merge", *of_two, "--sweep", "r=0.2,0.4",
            "--weight", "/b$/=0.1", "-o", "never/")
    refused(2, "the formula has no number 'q'", "merge", *of_two, "--sweep", "r=0.2,0.4", "--weight", "q:/b$/=0.1", "-o", "never/")
    sweep("of s", *of_two, "--sweep", "r=0.2,0.4", "--weight", "s:/b$/=0.1")
    expect(swept("of s", "r-0.4.safetensors") == alone(*of_two, "--param", "r=0.4", "--weight", "s:/b$/=0.1"), "weights of another number")


def test_told():
    make_all()
    words = ["--sweep", "alpha=0.2,0.5"]
    plan = call("plan", *AB, *words)
    expect(plan.returncode == 0 and "swept: alpha 0.2, 0.5" in plan.stdout and "  alpha-0.5.safetensors  " in plan.stdout and
           "To read 408 B once for all, to write " in plan.stdout, plan.stdout + plan.stderr)
    named = call("plan", "--formula", "A + r*(B - A)", *AB, "--sweep", "r=0.2,0.5")
    expect("formula: A + r*(B - A)" in named.stdout, named.stdout + named.stderr)
    twice = call("plan", *AB, "-m", "slerp", "--sweep", "t=0.2,0.5")
    expect("In 2 passes: " in twice.stdout and " in the last, for all at once, to write " in twice.stdout and
           "once for all" not in twice.stdout, twice.stdout)
    dry = call("merge", *AB, *words, "-o", "never/", "-n")
    expect(dry.returncode == 0 and "in never/" in dry.stdout and not os.path.exists("never"), dry.stdout + dry.stderr)
    document = json.loads(sweep("out/", *AB, *words, "--json", "--hash"))
    expect(document["sweep"] == {"alpha": [0.2, 0.5]} and document["bytes_to_read"] == 408, f"{document.keys()}")
    single = json.loads(call("merge", *AB, "--alpha", "0.5", "--json", "--hash", "-o", "one.safetensors").stdout)
    common = {"inputs", "run"}
    expect(set(single) - common == set(document["outputs"][1]), f"{set(single) ^ set(document['outputs'][1])}")
    for key in set(single) - common - {"output", "plan_memory", "device"}:
        expect(single[key] == document["outputs"][1][key], f"{key}: {single[key]} {document['outputs'][1][key]}")
    expect([output["output"]["path"] for output in document["outputs"]] == ["out/alpha-0.2.safetensors", "out/alpha-0.5.safetensors"],
           "paths")
    expect(document["inputs"] == single["inputs"] and document["run"]["bytes_written"] == document["bytes_to_write"], "once")
    planned = json.loads(call("plan", *AB, *words, "--json").stdout)
    expect([len(output["tensors"]) for output in planned["outputs"]] == [3, 3], "plan --json")
    call("scan", "out", "--registry", "r.db")
    sweep("out/", *AB, "--sweep", "alpha=0.7,0.8", "--registry", "r.db")
    known = json.loads(call("list", "--registry", "r.db", "--json").stdout)["files"]
    expect(len([f for f in known if f["path"].endswith(("alpha-0.7.safetensors", "alpha-0.8.safetensors"))]) == 2, "registered")


def test_config():
    make_all()
    pathlib.Path("A.yaml").write_text("model: x\n")
    for folder in "new", "new":
        sweep(folder, *AB, "--sweep", "alpha=0.2,0.5", "--config", "auto")
        expect(sorted(os.listdir(folder))[1::2] == ["alpha-0.2.yaml", "alpha-0.5.yaml"], f"{os.listdir(folder)}")


def test_refused():
    make_all()
    words = [*AB, "--sweep", "alpha=0.2,0.5"]
    for told, status, more in [
            ("alpha has the value 0.20 twice", 2, [*AB, "--sweep", "alpha=0.2,0.20"]),
            ("did you mean 'alpha'?", 2, [*AB, "--sweep", "alhpa=1"]), ("is not of the form", 2, [*AB, "--sweep", "alpha"]),
            ("is given twice", 2, [*words, "--sweep", "alpha=3"]), ("the parameter alpha is given twice", 2, [*words, "--alpha", "1"]),
            ("--sweep alpha has an empty value", 2, [*AB, "--sweep", "alpha=0.2,"]),
            ("more than 256 outputs", 2, [*AB, "--sweep", "alpha=" + ",".join(str(k / 512) for k in range(257))]),
            ("are made by the CPU", 2, [*words, "--device", "cuda"]),
            ("names one file", 2, [*words, "--filename-prefix", "x"]),
            ("takes 2 numbers, one per checkpoint, but 1 was given", 2, [*AB, "-m", "linear", "--sweep", "weights=1,2"]),
            ("the name 'r' is not used", 2, [*AB, "--formula", "A + 0.5*(B - A)", "--sweep", "r=1,2"])]:
        refused(status, told, "merge", *more, "-o", "never/")
    names = "r" * 50, "s" * 50, "t" * 120
    long = [word for name in names for word in ("--sweep", f"{name}=0.123456789,0.987654321")]
    of_long = ["--formula", f"A + {'*'.join(names)}*(B - A)", *AB, *long]
    for command, folder in [("plan", ["-o", "never/"]), ("plan", []), ("merge", ["-o", "never/"])]:
        refused(2, "more than 255; sweep fewer numbers", command, *of_long, *folder)
    for told, more in [
            ("error: weights-1_-1.safetensors: the weights sum to 0", ["-m", "linear", "--sweep", "weights=1/2,1/-1"]),
            ("alpha-1e+308.safetensors: ", ["--sweep", "alpha=0.1,1e308"]),
            ("r-0.safetensors: ", ["--formula", "A + (1/r)*(B - A)", "--sweep", "r=1,0"])]:
        refused(2, told, "merge", *AB, *more, "-o", "never/")
    refused(2, "error: the weights sum to 0", "merge", *AB, "-m", "linear", "--sweep", "weights=1/-1,2/-2", "-o", "never/")
    refused(2, "name a folder for them", "merge", *words, "-o", "out.safetensors")
    refused(2, "name a folder for them", "merge", *words, "-o", "A.safetensors", "-f")
    refused(2, "no output is given", "merge", *words)
    expect(not os.path.exists("never"), "nothing is made")
    sweep("there", *words)
    before = swept("there", "alpha-0.5.safetensors")
    done = call("merge", *AB, "--sweep", "alpha=0.2,0.5,0.9", "-o", "there")
    expect(done.returncode == 2 and done.stderr.count("already exists") == 2, done.stderr)
    expect(sorted(os.listdir("there")) == ["alpha-0.2.safetensors", "alpha-0.5.safetensors"], "all or none")
    make("big.safetensors", 3, "model.c F32 1 3e38")
    make("low.safetensors", 4, "model.c F32 1 -3e38")
    done = call("merge", "big.safetensors", "low.safetensors", "--sweep", "alpha=0.5,-1", "-o", "there", "-f")
    expect(done.returncode == 4 and "there/alpha--1.safetensors: " in done.stderr, f"{done.returncode} {done.stderr}")
    expect(swept("there", "alpha-0.5.safetensors") == before, "what is wrong with one is wrong with all")
    done = call("merge", "big.safetensors", "low.safetensors", "--sweep", "alpha=0.5,-1", "-o", "deep/er")
    expect(done.returncode == 4 and not os.path.exists("deep"), "folders that were made for nothing are gone")
    refused(1, "cannot be made" if os.getuid() else "", "merge", *words, "-o", "A.safetensors/x/")


def test_where_nothing_can_be():
    """The plan tells it as the merge does."""
    make_all()
    pathlib.Path("file").write_bytes(b"")
    for folder in ["/proc/nowhere/", "/proc/", "/sys/", "file/in/", "/dev/null/in/", "d" * 300 + "/", "d" * 300 + "/in/"]:
        if folder.startswith(("/proc", "/sys")) and not os.path.exists(folder.split("nowhere")[0]):
            continue
        for words in (["--sweep", "alpha=0.2,0.3"], [], ["--filename-prefix", "a/b"]):
            told = [call(command, *AB, *words, "-o", folder) for command in ("plan", "merge")]
            expect(told[0].returncode == told[1].returncode in (1, 2) and told[0].stderr == told[1].stderr, f"{folder} {words}: {told}")


def test_many():
    make_all()
    values = [f"{k / 256:.9g}" for k in range(256)]
    document = json.loads(sweep("many", *AB, "--sweep", "alpha=" + ",".join(values), "--memory", "8M", "--json", "--no-fsync"))
    expect(len(os.listdir("many")) == 256 and len(document["outputs"]) == 256, "256 outputs")
    expect(swept("many", "alpha-0.5.safetensors") == alone(*AB), "one of many")


run_in_folders(test_same_bytes, test_numbers_with_weights, test_told, test_config, test_refused, test_where_nothing_can_be, test_many)
