#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: save_recipe.py CKMERGE
Merges that are saved as recipe files (--save-recipe): running the file gives the same bytes, whatever the command line was; and
what a recipe file cannot say is refused before anything is merged."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from block_files import stable_diffusion, write
from checks import call, expect, refused, run_in_folders

AB = ["models/A.safetensors", "models/B.safetensors"]
ABC = [*AB, "models/C.safetensors"]


def make(path, seed, *more):
    numbers = " ".join(str((seed * 7 + k * 3) % 11 / 4 - 1.3) for k in range(48))
    tensors = [f"model.diffusion_model.a F32 6,8 {numbers}", f"first_stage_model.decoder.b F16 2 {seed} 0.3", f"ids I64 1 {seed}", *more]
    make_inputs.write(path, {"format": "pt", "title": str(path)}, [make_inputs.parse(tensor) for tensor in tensors], True)


def make_all():
    os.makedirs("models", exist_ok=True)
    for seed, name in enumerate("ABC"):
        make(f"models/{name}.safetensors", seed + 1)
    vae = [make_inputs.parse("decoder.b F32 2 7 8")]
    make_inputs.write("models/vae.safetensors", {"format": "pt"}, vae, True)


def repeated(*words, extension="safetensors", run=(), recipe="models/saved.yaml"):
    """The text of the recipe, which was seen to give the same bytes."""
    out, again = f"out.{extension}", f"again.{extension}"
    for path in out, again, recipe:
        pathlib.Path(path).unlink(missing_ok=True)
    done = call(*words, "-o", out, "-q", "--save-recipe", recipe)
    if done.returncode != 0:
        expect(False, f"{words}: {done.returncode} {done.stderr}")
        return ""
    text = pathlib.Path(recipe).read_text(encoding="utf-8")
    done = call("run", recipe, "-o", again, "-q", *run)
    expect(done.returncode == 0, f"{words}: {text} {done.returncode} {done.stderr}")
    if done.returncode == 0:
        expect(pathlib.Path(out).read_bytes() == pathlib.Path(again).read_bytes(), f"{words}: other bytes: {text}")
    return text


def test_same_bytes():
    make_all()
    for words in [
            [*AB], [*AB, "--alpha", "1e-7"], [*AB, "-m", "lerp", "--param", "alpha=-0.25"], [*ABC, "-m", "add_difference"],
            [*ABC, "-m", "linear"], [*ABC, "-m", "linear", "--weights", "1,2,3", "--no-normalize"], [AB[0], "-m", "copy", "--half"],
            [*AB, "-m", "slerp", "--alpha", "0.3"], [*AB, "--like", "a1111"], [*AB, "--like", "artventure"],
            ["--formula", "base+0.70*( slerp(anime,C) - base)", f"base={ABC[0]}", f"anime={ABC[1]}", ABC[2]],
            ["--formula", "-0.5*A + 1.5*B", *AB], ["--formula", "(A + B)/2", *AB], ["--formula", "größe + 0*B", f"größe={AB[0]}", AB[1]],
            ["--formula", "max(A, B)", *AB], ["--formula", "linear(A, B)", *AB],
            [*AB, "--dtype", "f16", "--dtype", "vae=f32", "--dtype", "unet=keep", "--dtype", "/[a-c]$/=bf16"],
            [*AB, "--discard", "^ids$", "--discard", "a b", "--only", "model", "--exclude", r"\.b$", "--exclude", "'\"#: {"],
            [*AB, "--rename", r"^model\.(\w+)\.=new.\1.", "--strip-prefix", "first_", "--add-prefix", "B:x."],
            [*AB, "--missing", "zero", "--extra", "add", "--expand", "zero", "--nan", "warn", "--underflow", "error", "--first-channels", "a$"],
            [*AB, "--hash", "--metadata", "last", "--set-metadata", "title=", "--set-metadata", "true=#1, 'x': \"y\"\n\tz=\u2028é"],
            [*AB, "--hash-inputs"], [*AB, "--metadata", "none"], [*AB, "--metadata", "recipe", "--merge-buffers", "--mend", "--copy-codes"],
            [*AB, "--vae", "models/vae.safetensors", "--half"], [*AB, "--format", "safetensors"]]:
        repeated("merge", *words)
    repeated("average", *ABC)
    repeated("average", *ABC, "--beta", "0.9")
    repeated("bake", AB[0], "--vae", "models/vae.safetensors")
    repeated("convert", AB[0], "--dtype", "bf16")
    repeated("convert", AB[0], "--dtype", "f8_e4m3", "--rounding", "stochastic", "--seed", "9007199254740991")
    repeated("merge", AB[0], "-m", "dropout", "--dtype", "bf16", "--rounding", "stochastic", "--seed", "5")
    repeated("merge", *AB, extension="ckpt")
    repeated("merge", *AB, "--format", "ckpt", "--wrap", "state_dict", extension="ckpt")
    many = []
    for k in range(30):
        make(f"models/m{k}.safetensors", k)
        many.append(f"models/m{k}.safetensors")
    repeated("merge", *many, "-m", "linear")


def test_pytorch_key():
    make_all()
    call("convert", AB[0], "models/A.ckpt", "--wrap", "model")
    repeated("merge", "models/A.ckpt", AB[1], "--key", "A=model")
    repeated("merge", "models/A.ckpt", AB[1], "--key", "model")


def test_weights():
    for seed, path in enumerate(AB):
        os.makedirs("models", exist_ok=True)
        write(path, stable_diffusion("sd1"), seed)
    mbw = ",".join(str(k / 25) for k in range(25))
    for words in [
            ["--weight", "IN00..IN08=0.2", "--weight", "OUT*=[0,1]", "--weight", "/attn2/=0"],
            ["--mbw", mbw, "--base-alpha", "0.3", "--weight", "OUT03-OUT06:attn2:0.3"],
            ["--weight", "IN04=0.2", "--weight", "IN05=0.7", "--weight", "IN04=0.9"],
            ["-m", "linear", "--weights", "1,2", "--weight", "B:IN*=0.3", "--weight", "A:/attn2/=4", "--weight", "B:OUT03=1"]]:
        repeated("merge", *AB, *words)


def test_rules():
    make_all()
    pathlib.Path("models/rules.yaml").write_text("""ckmerge: 1
checkpoints: {base: A.safetensors, B: B.safetensors}
let: {r: 0.7, d: B - base}
merge: base + r*d
weights:
  - r: {/a$/: 0.2}
  - r: {/b$/: 0.4}
rules:
  - {match: [/diffusion/, /stage/], dtype: f32}
  - {match: /stage/, copy: B}
  - {match: /diffusion/, formula: base + 0.3*d}
options: {exclude: zz}
""", encoding="utf-8")
    text = repeated("run", "models/rules.yaml")
    expect("rules:" in text and "let:" in text and "weights:" in text, text)
    repeated("merge", "--formula", "A + r*(B - A)", *AB, "--param", "r=0.7", "--weight", "r:/a$/=0.2")
    repeated("merge", "--formula", "A + r*(B - A)", *AB, "--param", "r=0.7")


def test_rerun():
    make_all()
    repeated("merge", *AB, "--alpha", "0.3", "--dtype", "f16")
    os.rename("out.safetensors", "merged.safetensors")
    repeated("run", "merged.safetensors", f"A={AB[0]}", f"B={AB[1]}")
    repeated("run", "models/saved.yaml", recipe="models/other.yaml")
    shutil.copy(AB[0], "moved.safetensors")
    refused(2, "the merge records A as A.safetensors", "run", "merged.safetensors", "A=moved.safetensors", f"B={AB[1]}", "-o",
            "never.safetensors", "--save-recipe", "never.yaml")
    expect(not os.path.exists("never.safetensors") and not os.path.exists("never.yaml"), "nothing is written")


def test_paths():
    make_all()
    text = repeated("merge", *AB)
    expect("A: A.safetensors" in text, text)
    shutil.move("models", "elsewhere")
    expect(call("run", "elsewhere/saved.yaml", "-o", "moved.safetensors", "-q").returncode == 0, "both can be moved together")
    make_all()
    text = repeated("merge", *AB, recipe="saved.yaml")
    expect("A: models/A.safetensors" in text, text)
    os.mkdir("recipes")
    text = repeated("merge", *AB, recipe="recipes/saved.yaml")
    expect(f"A: {os.path.abspath(AB[0])}" in text or f'A: "{os.path.abspath(AB[0])}"' in text, text)
    for name in "@x.safetensors", "a: b #c.safetensors", "été'\".safetensors":
        shutil.copy(AB[0], f"models/{name}")
        repeated("merge", f"models/{name}", AB[1])


def test_written():
    make_all()
    words = ["merge", *AB, "--save-recipe", "saved.yaml"]
    for plan in ["plan", *words[1:]], [*words, "-n"]:
        done = call(*plan)
        expect(done.returncode == 0 and "Nothing was written but the recipe, saved.yaml." in done.stdout, done.stdout + done.stderr)
        expect(os.path.exists("saved.yaml"), "a plan saves the recipe")
        os.unlink("saved.yaml")
    done = call(*words, "-o", "out.safetensors")
    expect("the recipe is in saved.yaml" in done.stdout, done.stdout)
    refused(2, "saved.yaml: already exists; use -f", *words, "-o", "never.safetensors")
    expect(call(*words, "-o", "never.safetensors", "-f").returncode == 0, "-f")


def test_refused():
    make_all()
    pathlib.Path("models/A.yaml").write_text("model: x\n")
    for told, words in [
            ("cannot select parts (--part)", ["convert", AB[0], "--part", "unet"]), ("cannot prune", ["convert", AB[0], "--prune"]),
            ("cannot choose among averages", ["convert", AB[0], "--ema", "drop"]),
            ("cannot copy A1111's .yaml", ["merge", *AB, "--config", "A"]), ("--sweep several", ["merge", *AB, "--sweep", "alpha=1"])]:
        refused(2, told, *words, "-o", "never.safetensors", "--save-recipe", "never.yaml")
    refused(2, "let it end in .yaml", "merge", *AB, "-o", "never.safetensors", "--save-recipe", "never.txt")
    refused(1, "gone", "merge", *AB, "-o", "never.safetensors", "--save-recipe", "gone/never.yaml")
    expect(not [name for name in os.listdir() if name.startswith("never")], "nothing is written")


run_in_folders(test_same_bytes, test_pytorch_key, test_weights, test_rules, test_rerun, test_paths, test_written, test_refused)
