#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: recipe_file.py CKMERGE
Recipes in files: the bytes of the same merge on the command line, and every way in which a recipe can be wrong, with its
place."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, refused, run_in_folders, safetensors


def make(path, seed, *more):
    numbers = " ".join(str((seed * 7 + k * 3) % 11 / 4 - 1.3) for k in range(48))
    tensors = [f"model.diffusion_model.a F32 6,8 {numbers}", f"first_stage_model.b F32 2 {seed} 0.3", *more]
    make_inputs.write(path, {"format": "pt"}, [make_inputs.parse(tensor) for tensor in tensors], True)


def make_all():
    os.makedirs("models", exist_ok=True)
    for seed, name in enumerate("ABC"):
        make(f"models/{name}.safetensors", seed + 1)


def write(text, path="models/recipe.yaml"):
    pathlib.Path(path).write_text(text, encoding="utf-8")


HEAD = "ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors, C: C.safetensors}\n"
FILES = [f"models/{name}.safetensors" for name in "ABC"]


def produced(*words):
    done = call(*words, "-o", "out.safetensors", "-f", "-q")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return pathlib.Path("out.safetensors").read_bytes() if done.returncode == 0 else b""


def test_same_as_command_line():
    make_all()
    write("""ckmerge: 1
checkpoints:
  base: A.safetensors
  anime: B.safetensors
  C: C.safetensors
let:
  k: 0.7
  style: anime - C
merge: |
  base + k*style
    + 0.25*(slerp(base, anime) - base)
options:
  dtype: {unet: f16, vae: f32}
  exclude: [b$]
  hash: true
  set_metadata: {title: mine}
""")
    words = ["merge", "--formula", "base+0.7*(anime-C)+0.25*(slerp(base,anime,t=0.5)-base)", "base=models/A.safetensors",
             "anime=models/B.safetensors", "models/C.safetensors", "--dtype", "unet=f16", "--dtype", "vae=f32", "--exclude",
             "b$", "--hash", "--set-metadata", "title=mine"]
    typed = produced(*words)
    expect(produced("run", "models/recipe.yaml") == typed, "run RECIPE.yaml is the command line")
    tensors = safetensors("out.safetensors")[1]
    os.rename("models/B.safetensors", "moved.safetensors")
    produced("run", "models/recipe.yaml", "anime=moved.safetensors")
    expect(safetensors("out.safetensors")[1] == tensors, "another file in place of a checkpoint")
    dry = call("run", "models/recipe.yaml", "anime=moved.safetensors", "-n", "-o", "never.safetensors")
    planned = call("plan", "models/recipe.yaml", "anime=moved.safetensors", "-o", "never.safetensors")
    expect(planned.stdout == dry.stdout and planned.returncode == 0, f"plan RECIPE.yaml: {planned.stdout} {planned.stderr}")
    document = json.loads(call("plan", "models/recipe.yaml", "anime=moved.safetensors", "--json").stdout)
    expect(document["formula"]["names"] == ["base", "anime", "C"] and document["inputs"][1]["path"] == "moved.safetensors",
           "plan RECIPE.yaml --json")
    refused(2, "--alpha", "plan", "models/recipe.yaml", "anime=moved.safetensors", "--alpha", "0.3")
    expect(dry.returncode == 0 and "B = anime" in dry.stdout and not os.path.exists("never.safetensors"), dry.stdout + dry.stderr)


def test_repeated():
    make_all()
    write(HEAD + "merge: (A + B + C)/3\n")
    raw = produced("run", "models/recipe.yaml")
    os.rename("out.safetensors", "first.safetensors")
    expect(produced("run", "first.safetensors", *(f"{name}={path}" for name, path in zip("ABC", FILES))) == raw,
           "what a recipe gave is repeated like any merge")
    expect(produced("merge", "--formula", "(A + B + C)/3", *FILES) == raw, "the same bytes")


def test_merge_keys_and_vae():
    make_all()
    vae = [make_inputs.parse("decoder.b F32 1 7")]
    make_inputs.write("models/vae.safetensors", {"format": "pt"}, vae, True)
    make("models/A.safetensors", 1, "first_stage_model.decoder.b F32 1 1")
    make("models/B.safetensors", 2, "first_stage_model.decoder.b F32 1 2")
    write("ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors}\nmerge: (A + B)/2\n"
          "options:\n  <<: {vae: vae.safetensors, half: true}\n")
    expect(produced("run", "models/recipe.yaml") ==
           produced("merge", "--formula", "(A + B)/2", *FILES[:2], "--vae", "models/vae.safetensors", "--half"), "vae")


def test_faults():
    make_all()
    for text, place, told in [
            ("merge: A\nmerge: B\n", "4:1", "'merge' is given twice, first in line 3"),
            ("merges: A\n", "3:1", "'merges' is unknown; did you mean 'merge'?"),
            ("", "1:1", "'merge' is missing"),
            ("merge: [A]\n", "3:8", "'merge' is a formula"),
            ("merge: A\nlet: {x: [1]}\n", "4:10", "a name stands for a formula"),
            ("merge: A\noptions: {dtype: f17}\n", "4:18", "dtype 'f17' is unknown"),
            ("merge: A\noptions: {discrad: x}\n", "4:11", "'discrad' is no option of a recipe; did you mean 'discard'?"),
            ("merge: A\noptions: {alpha: 0.3}\n", "4:11", "'alpha' is no option of a recipe"),
            ("merge: A\noptions: {half: maybe}\n", "4:17", "'half' is true or false"),
            ("merge: A\noptions: {merge-buffers: true, merge_buffers: true}\n", "4:32", "is given twice"),
            ("merge: A\noptions: {discard: []}\n", "4:20", "an option has a value"),
            ("merge: A\noptions: {discard: '('}\n", "4:20", "")]:
        write(HEAD + text)
        done = call("run", "models/recipe.yaml", "-o", "never.safetensors")
        if told:
            expect(done.returncode == 2 and f"models/recipe.yaml:{place}: " in done.stderr and told in done.stderr,
                   f"{text}: {done.returncode} {done.stderr}")
        else:
            expect(done.returncode == 2, f"{text}: {done.returncode} {done.stderr}")
    for text, told in [("ckmerge: 2\nmerge: A\n", "recipe.yaml:1:10: 'ckmerge' is 1 in recipes"),
                       ("ckmerge: 2\nnew_key: 1\n", "recipe.yaml:1:10: 'ckmerge' is 1 in recipes"),
                       ("ckmreg: 1\n", "'ckmreg' is unknown; did you mean 'ckmerge'?"), ("[1]", "a recipe is a map"),
                       ("", "a recipe is a map"), ("a: [", "is no YAML"), (HEAD + "merge: A + 0.5*(B - C\n", "formula:1:9: this ( is never closed"),
                       (HEAD + "let: {x: B - X}\nmerge: A + x + 0*C\n", "recipe.yaml: x:1:5: no checkpoint is called 'X'"),
                       (HEAD + "merge: (A + B)/2\n", "the formula does not speak of C")]:
        write(text)
        refused(2, told, "run", "models/recipe.yaml", "-o", "never.safetensors")
    write(HEAD + "merge: (A + B + C)/3\n")
    refused(2, "the recipe has no checkpoint 'D'", "run", "models/recipe.yaml", "D=x", "-o", "never.safetensors")
    refused(2, "C is given twice", "run", "models/recipe.yaml", "C=A.safetensors", "C=B.safetensors", "-o", "never.safetensors")
    for name in '"a b"', "1x", "a-b", '""', '"a=b"':
        write(f"ckmerge: 1\ncheckpoints: {{B: A.safetensors, {name}: A.safetensors}}\nmerge: B\n")
        refused(2, "models/recipe.yaml:2:33: ", "run", "models/recipe.yaml", "-n")
        refused(2, "cannot name a checkpoint", "run", "models/recipe.yaml", "-n")
    write(HEAD + "merge: (A + B + C)/3\n")
    refused(2, "binds no checkpoint", "run", "models/recipe.yaml", "A=", "-o", "never.safetensors")
    refused(2, "--models is for recorded merges", "run", "models/recipe.yaml", "--models", ".", "-o", "never.safetensors")
    refused(1, "cannot be opened", "run", "models/gone.yaml", "-o", "never.safetensors")
    refused(1, "cannot be opened", "run", "models/recipe.yaml", "B=gone.safetensors", "-o", "never.safetensors")
    expect(not os.path.exists("never.safetensors"), "nothing is written")


def example(option, schema):
    """A value that the schema allows, in YAML."""
    fixed = {"dtype": "{vae: f32, unet: f16}", "set_metadata": "{title: mine}", "rename": "['^a=b']", "key": "B=state_dict",
             "vae": "vae.safetensors", "lora": "lora.safetensors:0.5", "component": "unet", "config_from": "configs", "shard_size": "5GB", "seed": "3"}
    return fixed.get(option) or ("true" if schema.get("type") == "boolean" else schema.get("enum", ["[x, 'y']"])[-1])


def is_of_recipe(told):
    """Whether the file is refused for what it is, not for what it selects of the checkpoints."""
    return any("recipe.yaml:" in line and "matches no tensor name" not in line and "no tensor name begins so" not in line
               for line in told.splitlines())


def test_schema():
    schema = json.loads((pathlib.Path(__file__).resolve().parents[3] / "docs/recipe.schema.json").read_text())
    options = schema["properties"]["options"]["properties"]
    make_all()
    for option, of_option in options.items():
        for value in of_option.get("enum", [example(option, of_option)]):
            value = json.dumps(value) if isinstance(value, bool) else value
            write(HEAD + f"merge: (A + B + C)/3\noptions: {{{option}: {value}}}\n")
            told = call("run", "models/recipe.yaml", "-n").stderr
            expect(not is_of_recipe(told), f"the schema has {option}: {value}, the parser says {told}")
    write(HEAD + "merge: A\noptions: {unheard_of: 1}\n")
    known = call("run", "models/recipe.yaml", "-n").stderr.split("there can be ")[1].split(", ")
    expect({name.strip().replace("-", "_") for name in known} == set(options), f"the parser knows {known}")
    write(HEAD + "unheard_of: 1\n")
    known = call("run", "models/recipe.yaml", "-n").stderr.split("there can be ")[1].split(", ")
    expect({name.strip() for name in known} == set(schema["properties"]), f"the parser knows {known}")
    try:
        import jsonschema
        import yaml
    except ImportError:
        return print("NOT RUN: recipes against the schema (no jsonschema)")
    good = HEAD + "let: {k: 0.5, d: B - C}\nmerge: A + k*d\noptions: {dtype: {vae: f32}, discard: [x], half: true}\n"
    jsonschema.validate(yaml.safe_load(good), schema)
    for bad in "merge: 3\n", "merge: A\nmore: 1\n", "merge: A\noptions: {missing: maybe}\n", "merge: A\noptions: {half: 3}\n":
        refused_by_schema = not jsonschema.Draft7Validator(schema).is_valid(yaml.safe_load(HEAD + bad))
        write(HEAD + bad)
        by_parser = call("run", "models/recipe.yaml", "-n").returncode == 2
        expect(refused_by_schema and by_parser, f"{bad}: {refused_by_schema} {by_parser}")


def test_schema_and_parser_agree():
    try:
        import jsonschema
        import yaml
    except ImportError:
        return print("NOT RUN: the schema against the parser (no jsonschema)")
    schema = json.loads((pathlib.Path(__file__).resolve().parents[3] / "docs/recipe.schema.json").read_text())
    make_all()
    body = "merge: A + 0.5*(B - C)\n"
    texts = [HEAD + body + f"options: {{{option}}}\n" for option in (
        "half: [true]", 'half: "true"', "half: false", "half: maybe", "half: True", "half: FALSE", "half: [True]", "half: {a: b}", "missing: [keep]", "missing: keep", "nan: [warn]",
        "discard: {a: b}", "discard: [x]", "discard: x", "discard: 3", "discard: []", "only: model", "set_metadata: {a: 1}",
        "set_metadata: [a=1]", "set_metadata: {a: [1]}", "vae: [A.safetensors]", "dtype: {vae: f32}", "dtype: [[f32]]", "rename: {a: b}",
        "wrap: params", "wrap: [params]", "")]
    texts += [HEAD + body + more for more in ("let:\n", "options:\n", "let: []\n", "options: []\n", "let: {x: [1]}\n")]
    dashed = ("set-metadata: {title: x}", "add-prefix: x.", "first-channels: [x]", "strip-prefix: x.", "copy-codes: true",
              "merge-buffers: True", "copy-codes: maybe", "set-metadata: []")
    texts += [HEAD + body + f"options: {{{option}}}\n" for option in dashed]
    numbers = HEAD + "let: {r: 0.5}\nmerge: A + r*(B - C)\nweights: {r: {/./: %s}}\n"
    texts += [numbers % number for number in ("1", '"1"', '["1"]', '"x"', '["x"]', "[]", "true")]
    texts += [HEAD + body + f"rules: [{{match: /./, drop: {word}}}]\noptions: {{missing: drop}}\n" for word in
              ("true", '"true"', "True", "TRUE", "false", "[true]")]
    texts += [HEAD.replace("A: ", name + ": ") + "merge: B + 0*C\n" for name in ("1x", '"a b"', "a-b", '""')]
    texts += ['ckmerge: "1"\n' + HEAD.split("\n", 1)[1] + body, "ckmerge: 2\n" + HEAD.split("\n", 1)[1] + body,
              "ckmerge: 1\ncheckpoints: {}\n" + body, "ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors, C: [x]}\n" + body]
    for text in texts:
        write(text)
        done = call("run", "models/recipe.yaml", "-n")
        by_parser = not is_of_recipe(done.stderr) or " safetensors" in done.stderr
        by_schema = jsonschema.Draft7Validator(schema).is_valid(yaml.safe_load(text))
        expect(by_parser == by_schema, f"{text}: the parser says {done.stderr}, the schema {by_schema}")


def test_deep_and_patterns():
    make_all()
    write(HEAD + "merge: A + 0.5*(B - C)\noptions: {only: 'head('}\n")
    refused(2, "models/recipe.yaml:4:17: --only", "run", "models/recipe.yaml", "-n")
    for option, told in [("rename: x", ":4:19: --rename 'x' is not of the form"), ("rename: ['(=x']", ":4:19: --rename '("),
                         ("strip_prefix: ''", ":4:25: "), ("strip_prefix: 'Z:x'", ":4:25: --strip-prefix 'Z:x' is for an input")]:
        write(HEAD + f"merge: A + 0.5*(B - C)\noptions: {{{option}}}\n")
        refused(2, "models/recipe.yaml" + told, "run", "models/recipe.yaml", "-n")
    write("a: " + "[" * 200000)
    refused(2, "more than 64 lists and maps lie in each other", "run", "models/recipe.yaml", "-n")


run_in_folders(test_same_as_command_line, test_repeated, test_merge_keys_and_vae, test_faults,
               test_schema, test_schema_and_parser_agree, test_deep_and_patterns)
