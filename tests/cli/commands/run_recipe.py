#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: run_recipe.py CKMERGE
Merges repeated from what their results record: the same bytes, whatever the inputs are called by then; and every way in
which a recipe or its inputs can be wrong, with its exit status."""
import hashlib
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, failures, metadata_of


def make(path, seed, metadata, wide=False, more=()):
    numbers = " ".join(str((seed * 7 + k * 3) % 11 - 5) for k in range(72))
    half = " ".join(numbers.split()[:32])
    tensors = [f"model.in.weight F32 2,9,4 {numbers}" if wide else f"model.in.weight F32 2,4,4 {half}",
               f"model.a F16 4 {seed} 2 -{seed} 0.5", f"other.b BF16 2 {seed} 1", f"ema.c F32 1 {seed}", *more]
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_inputs.write(path, metadata, [make_inputs.parse(tensor) for tensor in tensors], True)


def write_with(path, metadata):
    make_inputs.write(path, metadata, [make_inputs.parse("w F32 1 1")], True)


def has_method(name):
    return call("methods", name).returncode == 0


RECIPES = {
    "weighted": "A B --alpha 0.3",
    "default": "A B",
    "dtype_rules": "A B --dtype f16 --dtype /[.]a$/=f32 --dtype /ema/=keep",
    "discard": "A B --discard ^ema --discard b$",
    "only": "A B --only ^model --exclude [.]a$ --dtype f16",
    "fields": "A B --set-metadata z=1 --set-metadata a=\"\u00e9\n",
    "recipe_only": "A B --metadata recipe",
    "expand": "W B --alpha 0.25 --expand zero",
    "expand_copy": "W B",
    "first_channels": "W B --first-channels in[.]weight",
    "missing": "M B --missing zero --extra add",
    "three": "A B C -m add_difference --alpha 0.7",
    "linear": "A B C -m linear --weights 0.1,0.2,1e-3",
    "linear_raw": "A B C A -m linear --no-normalize --weights 1,-1,0.5,0.1",
    "copy": "A -m copy --dtype bf16",
    "hash": "A B --alpha 0.3 --hash",
    "hash_of_merged": "out/hash B --hash",
    "slerp": "A B -m slerp --param t=0.3",
}
GRANDPARENT = "0123456789abcdef" * 4
INPUTS = {"A": "A.safetensors", "B": "B.safetensors", "C": "C.safetensors", "W": "W.safetensors", "M": "M.safetensors",
          "out/hash": "out/hash.safetensors"}


def make_all():
    make("A.safetensors", 1, {"format": "pt", "title": "A", "only_a": "\u00e9"})
    make("B.safetensors", 2, {"title": "B", "sd_merge_models": '{"%s":{"name":"grandparent","n":1.50}}' % GRANDPARENT})
    make("C.safetensors", 3, None)
    make("W.safetensors", 4, {"format": "pt"}, wide=True)
    make("M.safetensors", 5, {"format": "pt"}, more=["extra.m F32 1 5"])
    os.mkdir("out")


def inputs_of(words):
    return [INPUTS[word] for word in words.split(" ") if word in INPUTS]


def merge_all():
    """Every recipe once; returns those that this program can merge."""
    names = []
    for name, words in RECIPES.items():
        if name == "slerp" and not has_method("slerp"):
            print("NOT RUN: slerp repeated (this program has no slerp)")
            continue
        merged = call("merge", *[INPUTS.get(word, word) for word in words.split(" ")], "-o", f"out/{name}.safetensors")
        expect(merged.returncode == 0, f"{name} merges: {merged.stderr}")
        names.append(name)
    return names


def repeat(name, *words):
    """The result's bytes, or what was said."""
    target = pathlib.Path("again.safetensors")
    run = call("run", f"out/{name}.safetensors", *words, "-o", str(target), "-q")
    if run.returncode != 0:
        return run.stderr
    data = target.read_bytes()
    target.unlink()
    return data


def test_same_bytes(names):
    for name in names:
        wanted = pathlib.Path(f"out/{name}.safetensors").read_bytes()
        paths = inputs_of(RECIPES[name])
        bindings = [f"{letter}={path}" for letter, path in zip("ABCD", paths)]
        expect(repeat(name, *bindings) == wanted, f"{name} repeated has the same bytes")
        renamed = []
        for letter, path in zip("ABCD", paths):
            other = f"elsewhere/x={letter}.{name}"
            os.makedirs("elsewhere", exist_ok=True)
            os.link(path, other)
            renamed.append(f"{letter}={other}")
        expect(repeat(name, *reversed(renamed)) == wanted, f"{name} repeated with renamed inputs has the same bytes")


def test_recorded(names):
    expect(json.loads(metadata_of("out/hash.safetensors")["ckmerge.recipe"])["inputs"] ==
           [{"name": path, "sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()}
            for path in ("A.safetensors", "B.safetensors")], "names and hashes are recorded")
    models = json.loads(metadata_of("out/hash_of_merged.safetensors")["sd_merge_models"])
    sums = [hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
            for path in ("out/hash.safetensors", "A.safetensors", "B.safetensors")]
    expect(list(models) == [sums[0], sums[1], sums[2], GRANDPARENT], f"ancestors are listed in A1111's order: {list(models)}")
    expect(models[sums[0]]["sd_merge_recipe"]["type"] == "ckmerge", "a parent's recipe is kept")


def test_models_by_hash():
    wanted = pathlib.Path("out/hash.safetensors").read_bytes()
    os.makedirs("models/deep", exist_ok=True)
    os.link("A.safetensors", "models/deep/renamed.safetensors")
    os.link("B.safetensors", "models/B.safetensors")
    os.link("C.safetensors", "models/A.safetensors")  # the recorded name, another file
    pathlib.Path("models/broken.safetensors").write_text("not a checkpoint")
    pathlib.Path("models/none.txt").write_text("")
    os.symlink("nowhere", "models/dangling.safetensors")
    os.symlink("..", "models/deep/loop")
    os.mkfifo("models/pipe.safetensors")
    for cache in ([], ["--hash-cache", "none"]):
        expect(repeat("hash", "--models", "models", *cache) == wanted, f"inputs are found by hash {cache}")
    expect(repeat("hash", "A=A.safetensors", "--models", "models") == wanted, "a given input need not be found")
    os.unlink("models/deep/renamed.safetensors")
    run = call("run", "out/hash.safetensors", "--models", "models", "-o", "no.safetensors")
    expect(run.returncode == 2 and "A: nothing below models (3 checkpoints) is the file that was merged" in run.stderr,
           f"an input that is not there: {run.stderr}")


def test_models_by_name():
    wanted = pathlib.Path("out/weighted.safetensors").read_bytes()
    os.makedirs("named/deep", exist_ok=True)
    os.link("A.safetensors", "named/deep/A.safetensors")
    os.link("B.safetensors", "named/B.safetensors")
    run = call("run", "out/weighted.safetensors", "--models", "named", "-o", "n.safetensors", "--json")
    expect(run.returncode == 0 and pathlib.Path("n.safetensors").read_bytes() == wanted, "inputs are found by name")
    expect(json.loads(run.stdout)["warnings"][:2] ==
           ["A is taken to be named/deep/A.safetensors by its name alone: no hash of it was recorded",
            "B is taken to be named/B.safetensors by its name alone: no hash of it was recorded"],
           f"which is a warning: {run.stdout}")
    os.link("C.safetensors", "named/A.safetensors")
    run = call("run", "out/weighted.safetensors", "--models", "named", "-o", "no.safetensors")
    expect(run.returncode == 2 and "2 checkpoints below named are called A.safetensors" in run.stderr and
           "named/A.safetensors\n" in run.stderr and "named/deep/A.safetensors\n" in run.stderr,
           f"two of one name: {run.stderr}")
    os.unlink("named/B.safetensors")
    run = call("run", "out/weighted.safetensors", "A=A.safetensors", "--models", "named", "-o", "no.safetensors")
    expect(run.returncode == 2 and "nothing below named (2 checkpoints) is called B.safetensors" in run.stderr,
           f"none of that name: {run.stderr}")
    run = call("run", "out/weighted.safetensors", "--models", "nowhere", "-o", "no.safetensors")
    expect(run.returncode == 1 and "nowhere: cannot be searched" in run.stderr, f"no such folder: {run.stderr}")


def test_warnings():
    """Without a recorded hash any file is taken, but not silently where it has another name."""
    os.makedirs("other", exist_ok=True)
    os.link("B.safetensors", "other/b.safetensors")
    for b, warnings in (("B.safetensors", []),
                        ("other/b.safetensors", ["B is taken to be other/b.safetensors, which was called B.safetensors when "
                                                 "it was merged: no hash of it was recorded"])):
        run = call("run", "out/weighted.safetensors", "A=A.safetensors", "B=" + b, "-n", "--json")
        expect(json.loads(run.stdout)["warnings"] == warnings, f"B={b}: {run.stdout} {run.stderr}")
    run = call("run", "out/hash.safetensors", "A=A.safetensors", "B=other/b.safetensors", "-n", "--json")
    expect(json.loads(run.stdout)["warnings"] == [], f"a recorded hash says enough: {run.stdout}")


def test_bindings():
    a, b = "A=A.safetensors", "B=B.safetensors"
    listing = ("A was A.safetensors, its hash was not recorded", "B was B.safetensors, its hash was not recorded")
    for words, sentence in (
            ([], "no file is given for A, B of the recorded merge"),
            ([b], "no file is given for A of the recorded merge"),
            ([a, b, "C=C.safetensors"], "the recorded merge has no input C"),
            ([a, b, "a=C.safetensors"], "the recorded merge has no input a"),
            ([a, b, a], "A is given twice"),
            (["A.safetensors", b], "'A.safetensors' binds no input"),
            (["A=", b], "'A=' binds no input")):
        run = call("run", "out/weighted.safetensors", *words, "-o", "no.safetensors")
        expect(run.returncode == 2 and sentence in run.stderr and all(line in run.stderr for line in listing),
               f"{words}: {run.returncode} {run.stderr}")
    run = call("run", "out/weighted.safetensors", a, "--memory", "1X")
    expect(run.returncode == 2 and all(part in run.stderr for part in ("--memory", "no output", "no file is given for B")),
           f"all that is wrong is told at once: {run.stderr}")
    expect(call("run").returncode == 2, "run without a file")
    run = call("run", "out/weighted.safetensors", a, b, "-n")
    expect(run.returncode == 0 and "Nothing was written" in run.stdout, f"--dry-run: {run.stderr}")


def test_wrong_files():
    run = call("run", "out/hash.safetensors", "A=A.safetensors", "B=C.safetensors", "-o", "no.safetensors")
    sums = [hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() for path in ("C.safetensors", "B.safetensors")]
    expect(run.returncode == 4 and "B is not the file that was merged" in run.stderr and all(s in run.stderr for s in sums),
           f"another file than was hashed: {run.returncode} {run.stderr}")
    run = call("run", "out/hash.safetensors", "A=A.safetensors", "B=missing", "-o", "no.safetensors")
    expect(run.returncode == 1 and "missing" in run.stderr, f"a file that is not there: {run.stderr}")
    expect(call("run", "missing.safetensors", "-o", "no.safetensors").returncode == 1, "a result that is not there")


def test_recipes():
    text = metadata_of("out/weighted.safetensors")["ckmerge.recipe"]
    words = ("A=A.safetensors", "B=B.safetensors", "-o", "no.safetensors")
    for name, metadata, code, part in (
            ("bare", None, 2, "holds no recipe of ckmerge"),
            ("webui", {"sd_merge_recipe": '{"type": "webui"}'}, 2, "only another tool's"),
            ("cut", {"ckmerge.recipe": text[:-1]}, 3, "its ckmerge.recipe cannot be used: it is not valid JSON"),
            ("newer", {"ckmerge.recipe": text.replace('"hash"', '"new":1,"hash"')}, 3, "'new' is unknown"),
            ("twice", {"ckmerge.recipe": text.replace('"hash"', '"hash":true,"hash"')}, 3, "is there twice: 'hash'"),
            ("path", {"ckmerge.recipe": text.replace("A.safetensors", "../A")}, 3, "'inputs' has a name"),
            ("deep", {"ckmerge.recipe": "[" * 100}, 3, "cannot be used"),
            ("empty", {"ckmerge.recipe": json.dumps(dict(json.loads(text), inputs=[]))}, 3, "'inputs' is empty"),
            ("method", {"ckmerge.recipe": text.replace("weighted_sum", "magic")}, 3, "method 'magic' is unknown"),
            ("parameter", {"ckmerge.recipe": text.replace("alpha", "beta")}, 3, "has no parameter 'beta'"),
            ("count", {"ckmerge.recipe": text.replace("0.3", "[0.3,1]")}, 3, "alpha"),
            ("pattern", {"ckmerge.recipe": text.replace('"only":[]', '"only":["("]')}, 3, "pattern.safetensors: its"),
            ("ahead", {"ckmerge.recipe": text.replace('"only":[]', '"only":["^(?!x)"]')}, 3,
             "ahead.safetensors: its ckmerge.recipe cannot be used: --only '^(?!x)': character 2 looks"),
            ("sums", {"ckmerge.recipe": text.replace('"hash":false', '"hash":true')}, 3, "has no sha256"),
            ("infinite", {"ckmerge.recipe": text.replace("0.3", "1e999")}, 3, "cannot be used")):
        write_with(f"{name}.safetensors", metadata)
        run = call("run", f"{name}.safetensors", *words)
        expect(run.returncode == code and part in run.stderr, f"{name}: {run.returncode} {run.stderr}")
    pathlib.Path("r.yaml").write_text("ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors}\nlet: {r: 0.4}\nmerge: A + r*(B - A)\n"
                                      "weights: {r: {/in/: 0.2}}\nrules: [{match: /other/, formula: A - r*(B - A)}, {match: /model.a/, dtype: f32}]\n")
    merged = call("run", "r.yaml", "-o", "rules.safetensors")
    expect(merged.returncode == 0, merged.stderr)
    test_changed("rules", [(("rules", 0, "match"), ["/(/"], "rule '/(/' '(': character 1"), (("rules", 0, "match"), ["/in"], "stands between slashes"),
                           (("rules", 1, "dtype"), "f99", "rule '/model.a/': dtype 'f99' is unknown"),
                           (("weights", 0, "input"), "B", "the numbers of a formula are for all checkpoints"),
                           (("weights", 0, "select"), "/(/", "weight 'r /(/=0.2'"), (("weights", 0, "parameter"), "q", "no number 'q'")])
    test_changed("rules", [(("rename",), ["x"], "--rename 'x' is not of the form"), (("add_prefix",), ["C:x"], "for an input that is not")])
    linear = call("merge", "A.safetensors", "B.safetensors", "-m", "linear", "--weights", "1,2", "--weight", "B:/in/=1", "-o", "per.safetensors")
    expect(linear.returncode == 0, linear.stderr)
    test_changed("per", [(("weights", 0, "input"), "C", "there are 2 checkpoints only"),
                         (("weights", 0, "parameter"), "normalize", "linear has no number 'normalize'")])


def test_changed(name, changes):
    """What is wrong with a recorded recipe is the file's fault, whichever of its members has it."""
    metadata = metadata_of(f"{name}.safetensors")
    for path, value, told in changes:
        recipe = json.loads(metadata["ckmerge.recipe"])
        place = recipe
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        write_with("changed.safetensors", dict(metadata, **{"ckmerge.recipe": json.dumps(recipe)}))
        run = call("run", "changed.safetensors", "A=A.safetensors", "B=B.safetensors", "-o", "no.safetensors")
        expect(run.returncode == 3 and "changed.safetensors: its ckmerge.recipe cannot be used: " in run.stderr and told in run.stderr,
               f"{path}: {run.returncode} {run.stderr}")


def test_names():
    a, b = "A=A.safetensors", "B=B.safetensors"
    os.mkdir("folder")
    for words, name in (((a, b), "0.7(A) + 0.3(B).safetensors"),
                        (("A=elsewhere/x=A.weighted", b), "0.7(x=A) + 0.3(B).safetensors")):
        run = call("run", "out/weighted.safetensors", *words, "-o", "folder", "-q")
        expect(run.returncode == 0 and name in os.listdir("folder"), f"a folder for the result: {run.stderr}")
    os.mkdir("numbered")
    for number in (1, 2):
        run = call("run", "out/weighted.safetensors", a, b, "-o", "numbered", "--filename-prefix", "x/y", "-q")
        expect(run.returncode == 0 and f"y_{number:05}_.safetensors" in os.listdir("numbered/x"),
               f"numbered results: {run.stderr}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_all()
        names = merge_all()
        test_same_bytes(names)
        test_recorded(names)
        test_models_by_hash()
        test_models_by_name()
        test_warnings()
        test_bindings()
        test_wrong_files()
        test_recipes()
        test_names()
        expect(not os.path.exists("no.safetensors"), "a run that fails leaves no file")
        os.chdir("/")
    print(f"{len(names)} recipes repeated, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
