#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: recipe_rules.py CKMERGE
Numbers of formulas that differ between tensors, and rules that give tensors other formulas: the values against those of
merges of their own, and every way in which they can be wrong, with its place."""
import json
import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors

UNET = "model.diffusion_model."
NAMES = ([f"{UNET}input_blocks.{i}.0.w" for i in range(12)] + [f"{UNET}middle_block.0.w"] +
         [f"{UNET}output_blocks.{i}.{part}" for i in range(12) for part in ("0.w", "1.attn2.to_k.weight")] +
         ["first_stage_model.encoder.w", "cond_stage_model.transformer.text_model.w"])
POSITIONS = "cond_stage_model.transformer.text_model.embeddings.position_ids"
FILES = [f"{name}.safetensors" for name in "ABC"]
HEAD = "ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors, C: C.safetensors}\n"


def make_all(*more_of_a):
    for seed, path in enumerate(FILES):
        numbers = random.Random(seed)
        tensors = [f"{name} F32 2,4 " + " ".join(str(numbers.uniform(-2, 2)) for _ in range(8)) for name in NAMES]
        tensors.append(f"{POSITIONS} I64 1,3 {seed} 1 2")
        if seed == 0:
            tensors += more_of_a
        make_inputs.write(path, {"format": "pt"}, [make_inputs.parse(tensor) for tensor in tensors], True)


def merged(*words, out="out.safetensors"):
    done = call(*words, "-o", out, "-f", "-q")
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
    return safetensors(out)[1] if done.returncode == 0 else {}


def merged_recipe(text, *words, out="out.safetensors"):
    pathlib.Path("recipe.yaml").write_text(HEAD + text, encoding="utf-8")
    return merged("run", "recipe.yaml", *words, out=out)


def formula(text, *words):
    used = [name for name in "ABC" if name in text]
    return merged("merge", "--formula", text, *(f"{name}={name}.safetensors" for name in used), *words, out="other.safetensors")


def expect_of(made, sources, what):
    """`sources`: (whether a name is meant, tensors), the first that fits counts."""
    for name, tensor in made.items():
        wanted = next(tensors for fits, tensors in sources if fits(name))
        expect(tensor == wanted[name], f"{what}: {name}")


def block(*prefixes):
    return lambda name: name.startswith(tuple(UNET + prefix for prefix in prefixes))


def rest(_):
    return True


def test_numbers_with_names():
    make_all()
    words = ["--weight", "r:IN00..IN08=0.2", "--weight", "/attn2/=0"]
    typed = merged("merge", "--formula", "A + r*(B - C)", *FILES, "--param", "r=0.7", *words)
    expect_of(typed, [(lambda name: "attn2" in name, formula("A + 0*(B - C)")),
                      (block(*(f"input_blocks.{i}." for i in range(9))), formula("A + 0.2*(B - C)")),
                      (rest, formula("A + 0.7*(B - C)"))], "a number with weights")
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recorded["formula"]["text"] == "A + r*(B - C)" and recorded["parameters"] == {"r": 0.7} and
           recorded["version"] == 3 and len(recorded["weights"]) == 2, recorded)
    raw = pathlib.Path("out.safetensors").read_bytes()
    merged("run", "out.safetensors", *(f"{name}={path}" for name, path in zip("ABC", FILES)), out="again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == raw, "a recorded merge is repeated")
    merged_recipe("let: {r: 0.7}\nmerge: A + r*(B - C)\nweights: {r: {IN00..IN08: 0.2, '/attn2/': 0}}\n")
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "a recipe file is the command line")
    # Without weights it is a number like any other.
    merged("merge", "--formula", "A + r*(B - C)", *FILES, "--param", "r=0.7")
    raw = pathlib.Path("out.safetensors").read_bytes()
    merged("merge", "--formula", "A + 0.7*(B - C)", *FILES)
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "a number without weights is written out")


def test_arithmetic():
    make_all()
    for text, has_s in [("(1 - r)*A + r*B + 0*C", False), ("A + r*s*(B - C)", True), ("A + (r/2)*(B - C) - (B - C)*s", True),
                        ("slerp(A, B, t=r) + s*(C - B)", True), ("linear(A, B, C, weights=[1 - r, r, s])", True),
                        ("clamp(A + r*(B - C), A, B, stiffness=s)", True), ("r*A + (1 - r)*B + s*(r*C - r*A)", True)]:
        one, more = ["--param", "r=0.3"], ["--param", "s=0.6"] if has_s else []
        weights = ["--weight", "r:OUT*=[0,1]", *(["--weight", "s:/0.w$/=0.25"] if has_s else [])]
        made = merged("merge", "--formula", text, *FILES, *one, *more, *weights)
        for i in (0, 4, 11):
            name = f"{UNET}output_blocks.{i}.0.w"
            numbers = ["--param", f"r={i / 11!r}", *(["--param", "s=0.25"] if has_s else [])]
            plain = merged("merge", "--formula", text, *FILES, *numbers, out="other.safetensors")
            expect(made.get(name) == plain.get(name), f"{text}: {name}")


def test_types():
    make_all()
    weighted = ["--param", "r=0.5", "--weight", "r:IN*=0.2", "-n"]
    refused(2, "formula:1:5: the weights of the checkpoints", "merge", "--formula", "r*A + 0.5*B", *FILES[:2], *weighted)
    refused(2, "formula:1:5: the result is a delta", "merge", "--formula", "r*A - r*B", *FILES[:2], *weighted)
    expect(call("merge", "--formula", "r*A + 0.5*B", *FILES[:2], "--param", "r=0.5", "-n").returncode == 0,
           "without weights the number counts")
    for words, told in [
            (["--param", "r=0.5", "--weight", "s:IN*=0.2"], "the formula has no number 's'"),
            (["--weight", "r:IN*=0.2"], "the formula has no number 'r'; give it for all other tensors, as in --param r=0.5"),
            (["--weight", "IN*=0.2"], "the formula has no number with a name"),
            (["--param", "r=0.5", "--param", "s=1", "--weight", "IN*=0.2"], "say which number of the formula, as in r:IN*=0.3"),
            (["--param", "r=0.5", "--param", "r=1"], "the number r is given twice"),
            (["--param", "A=0.5"], "the name 'A' is a checkpoint's"),
            (["--param", "r=0.5", "--param", "s=1"], "the name 's' is not used"),
            (["--param", "r=0.5", "--weight", "r:IN99=1"], "'IN99' is no block"),
            (["--param", "r=0.5", "--weight", "r:/nothing/=1"], "the weight 'r /nothing/=1' matches no tensor name")]:
        refused(2, told, "merge", "--formula", "A + r*(B - A)", *FILES[:2], *words, "-n")
    refused(2, "with the weights 'r IN03=0' the formula divides by zero", "merge", "--formula", "A + (1/r)*(B - A)", *FILES[:2], "--param", "r=0.5", "--weight",
            "IN03=0", "-n")
    far = call("merge", "--formula", "A + r*(B - A)", *FILES[:2], "--param", "r=0.5", "--weight", "IN03=300", "-n")
    expect("is 300, outside of -1 to 2" in far.stderr + far.stdout, "a number far out is told: " + far.stderr)


def test_weights_of_a_method():
    make_all()
    merged("merge", *FILES[:2], "--alpha", "0.3", "--weight", "IN*=0.2", "--weight", "OUT03-OUT06:attn2:0.9")
    raw = pathlib.Path("out.safetensors").read_bytes()
    pathlib.Path("two.yaml").write_text(
        "ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors}\nmerge: weighted_sum(A, B, alpha=0.3)\n"
        "weights:\n- alpha: {IN*: 0.2}\n- alpha: {'OUT03-OUT06:attn2': 0.9}\n", encoding="utf-8")
    merged("run", "two.yaml")
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "weights of a method that is called alone")
    merged("merge", "-m", "linear", *FILES, "--weights", "1,1,1", "--weight", "B:IN*=3")
    raw = pathlib.Path("out.safetensors").read_bytes()
    merged_recipe("merge: linear(A, B, C, weights=[1, 1, 1])\nweights: {B: {IN*: 3}}\n")
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "of one checkpoint")
    numbers = [str(round(i / 25, 2)) for i in range(26)]
    merged("merge", *FILES[:2], "--mbw", ",".join(numbers))
    raw = pathlib.Path("out.safetensors").read_bytes()
    pathlib.Path("two.yaml").write_text(
        "ckmerge: 1\ncheckpoints: {A: A.safetensors, B: B.safetensors}\nmerge: weighted_sum(A, B)\n"
        f"weights: {{alpha: {{mbw: [{', '.join(numbers)}]}}}}\n", encoding="utf-8")
    merged("run", "two.yaml")
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "a list by block")
    far = call("merge", "-m", "linear", *FILES[:2], "--weights", "1,1", "--no-normalize", "--weight", "B:IN00=300", "-n")
    expect("the weight of B" in far.stderr + far.stdout and "300" in far.stderr + far.stdout, "far out: " + far.stderr)


RULES = """let: {k: 0.3, style: B - C}
merge: A + 0.7*style
rules:
- {match: OUT*, formula: A + k*style}
- {match: [/^first_stage_model/, IN03], copy: B}
- {match: /position_ids/, drop: true}
- {match: '/attn2/', dtype: f16}
- {match: OUT05, copy: A, dtype: bf16}
"""


def test_rules():
    make_all()
    made = merged_recipe(RULES)
    half, brain = formula("A + 0.3*(B - C)", "--dtype", "f16"), merged("convert", "A.safetensors", "--dtype", "bf16", out="other.safetensors")
    a, b = safetensors("A.safetensors")[1], safetensors("B.safetensors")[1]
    expect_of(made, [(block("output_blocks.5."), brain), (lambda name: "attn2" in name, half),
                     (block("output_blocks."), formula("A + 0.3*(B - C)")),
                     (block("input_blocks.3."), b), (lambda name: name.startswith("first_stage_model"), b),
                     (rest, formula("A + 0.7*(B - C)"))], "rules")
    expect(POSITIONS in a and POSITIONS not in made and len(made) == len(a) - 1, "dropped")
    raw = pathlib.Path("out.safetensors").read_bytes()
    merged("run", "out.safetensors", *(f"{name}={path}" for name, path in zip("ABC", FILES)), out="again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == raw, "a recorded merge with rules is repeated")
    merged("run", "recipe.yaml", "--save-recipe", "saved.yaml")
    merged("run", "saved.yaml", out="again.safetensors")
    expect(pathlib.Path("again.safetensors").read_bytes() == raw, "a saved recipe has its rules")
    told = call("run", "recipe.yaml", "-n", "-o", "never.safetensors")
    for line in ["OUT*: A + 0.3*(B - C)  for 22 tensors", "/^first_stage_model/, IN03: copy of B  for 2 tensors",
                 "/position_ids/: dropped  for 1 tensor", "/attn2/: stored as f16  for 11 tensors",
                 "OUT05: copy of A, stored as bf16  for 2 tensors"]:
        expect(line in told.stdout, f"{line}: {told.stdout}")
    rules = json.loads(call("run", "recipe.yaml", "-n", "-o", "never.safetensors", "--json").stdout)["rules"]
    expect(rules[1] == {"match": ["/^first_stage_model/", "IN03"], "copy": "B", "tensors": 2}, rules)
    expect([rule["tensors"] for rule in rules] == [22, 2, 1, 11, 2] and rules[2] == {"match": ["/position_ids/"], "drop": True, "tensors": 1},
           rules)


def test_rules_of_what_is_not_merged():
    """Integers may be another checkpoint's; what another input lacks is a policy's."""
    make_all("only.in.a F32 2 1 2")
    a, b = safetensors("A.safetensors")[1], safetensors("B.safetensors")[1]
    made = merged_recipe("merge: A + 0.7*(B - C)\nrules:\n- {match: /./, copy: B}\n")
    expect(made[POSITIONS] == b[POSITIONS] and made["only.in.a"] == a["only.in.a"], "copied integers, kept tensors")
    made = merged_recipe("merge: A + 0.7*(B - C)\nrules:\n- {match: /./, formula: (A + B)/2}\noptions: {missing: drop}\n")
    expect("only.in.a" not in made and made[POSITIONS] == a[POSITIONS], "policies hold")
    make_inputs.write("A.safetensors", {"format": "pt"}, [make_inputs.parse("x F32 2 1 2"), make_inputs.parse("y F32 1 1")], True)
    made = merged("merge", "--formula", "A", "A.safetensors")
    expect(made == safetensors("A.safetensors")[1], "a copy")


def told_of(text, code=0):
    pathlib.Path("recipe.yaml").write_text(HEAD + text, encoding="utf-8")
    done = call("run", "recipe.yaml", "-n", "-o", "never.safetensors", "--json")
    expect(done.returncode == code, f"{text}: {done.returncode} {done.stderr}")
    return json.loads(done.stdout) if code == 0 == done.returncode else done.stderr


def test_copies_and_formulas():
    """Only `copy` takes integers and buffers: a formula is the same in a rule and elsewhere."""
    make_all()
    a, b = safetensors("A.safetensors")[1], safetensors("B.safetensors")[1]
    for wanted in ("B", "1*B", "0*A + B", "copy(B)", "A + 1*(B - A)"):
        made = merged_recipe(f"merge: A + 0.7*(B - C)\nrules: [{{match: /./, formula: '{wanted}'}}]\n")
        expect(made[POSITIONS] == a[POSITIONS], f"integers are A's: {wanted}")
        told_of(f"merge: A + 0.7*(B - C)\nrules: [{{match: /position_ids/, formula: '{wanted}'}}]\n", 2)
    refused(2, "rule '/position_ids/' selects integers, buffers or codes alone", "run", "recipe.yaml", "-n")
    made = merged_recipe("merge: A + 0.7*(B - C)\nrules: [{match: /./, copy: B}]\n")
    expect(made == b, "a copy is of all")
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect(recorded["rules"] == [{"match": ["/./"], "copy": "B"}], recorded)
    told_of("merge: A + 0.7*(B - C)\nrules: [{match: /position_ids/, dtype: f16}]\n", 2)


def test_counts_of_rules():
    make_all("only.in.a F32 2 1 2")
    for rules, more, tensors, why in [
            ("{match: OUT*, copy: B}", "options: {only: input_blocks}", [0], "'OUT*': its copy changes nothing: the tensors that it "
             "selects lie outside of --only and --exclude"),
            ("{match: [OUT*, IN00], copy: B}", "options: {only: input_blocks}", [1], None),
            ("{match: /only/, copy: B}", "", [0], "are missing in another input"),
            ("{match: /only/, dtype: f16}", "", [1], None),
            ("{match: /./, dtype: f16}", "", [len(NAMES) + 1], None),
            ("{match: IN00, copy: B}, {match: IN*, copy: C}", "", [0, 12],
             "rule 'IN00': its copy changes nothing: later rules hold for all that it selects"),
            ("{match: OUT*, copy: B, dtype: f16}", "options: {only: input_blocks}", [0], "its copy changes nothing")]:
        told = told_of(f"merge: A + 0.7*(B - C)\nrules: [{rules}]\n{more}\n")
        expect([rule["tensors"] for rule in told["rules"]] == tensors, f"{rules}: {told['rules']}")
        about = [warning for warning in told["warnings"] if "changes nothing" in warning]
        expect(len(about) == (why is not None) and (why or "") in "".join(about), f"{rules}: {told['warnings']}")
    make_inputs.write("vae.safetensors", {"format": "pt"},
                      [make_inputs.parse("first_stage_model.encoder.w F32 2,4 1 2 3 4 5 6 7 8")], True)
    told = told_of("merge: A + 0.7*(B - C)\nrules: [{match: vae, copy: B}]\noptions: {vae: vae.safetensors}\n")
    expect(told["rules"][0]["tensors"] == 0 and any("are replaced by a VAE's" in one for one in told["warnings"]), told["warnings"])
    text = "merge: A + 0.5*(B - C)\nrules:\n" + "".join(f"- {{match: IN*, formula: A + {i}/1000*(B - C)}}\n" for i in range(100))
    about = [warning for warning in told_of(text)["warnings"] if "change" in warning]
    expect(len(about) == 21 and about[-1] == "79 more rules change nothing", f"{about}")
    text = "merge: A + 0.7*(B - C)\nrules: [{match: vae, drop: true}]\noptions: {vae: vae.safetensors}\n"
    pathlib.Path("recipe.yaml").write_text(HEAD + text, encoding="utf-8")
    refused(4, "whose VAE 'rules' drop", "run", "recipe.yaml", "-n")
    pathlib.Path("recipe.yaml").write_text(HEAD + "merge: A + 0.7*(B - C)\nrules: [{match: /./, drop: true}]\n", encoding="utf-8")
    refused(2, "no tensors: rules left all of them out", "run", "recipe.yaml", "-n")
    make_all("model_ema.diffusion_modelinput_blocks00w F32 2,4 1 2 3 4 5 6 7 8", "model_ema.decay F32 - 0.5")
    told = told_of("merge: A + 0.7*(B - C)\nrules: [{match: /^model_ema/, drop: true}]\n")
    expect(any("'drop' changes nothing: the tensors that it selects are averages, which are left out" in one for one in told["warnings"]),
           told["warnings"])


def test_weights_that_change_nothing():
    make_all()
    told = told_of("let: {r: 0.5, s: 0.3, t: 1/4}\nmerge: A + r*(B - C)\nrules: [{match: OUT*, formula: A + s*(B - C) + t*(C - A)}]\n"
                   "weights: {r: {OUT01: 0.3, IN00: 0.1}, s: {IN01: 0.7}, t: {OUT00: 0.125}}\n")
    expect([weight["tensors"] for weight in told["weights"]] == [0, 1, 0, 2], told["weights"])
    expect([warning.split("'")[1] for warning in told["warnings"] if "or rules do, whose formulas do not have the number" in warning] ==
           ["r OUT01=0.3", "s IN01=0.7"], told["warnings"])
    text = json.dumps(told["graph"])
    expect("A + r*t1" in text and "s*t1" in text, text)
    for words, wanted in [(["--weights", "1,300"], "the weight of B.safetensors is 300, outside of -1 to 2"),
                          (["--weights", "1,1", "--weight", "B:OUT00=300"], "the weight of B.safetensors is 300"),
                          (["--weights", "1,1", "--weight", "A:OUT00=0.5"], "changes nothing: task_arithmetic takes the difference")]:
        done = call("merge", "-m", "task_arithmetic", *FILES[:2], *words, "-n")
        expect(done.returncode == 0 and wanted in done.stdout + done.stderr, f"{words}: {done.stdout} {done.stderr}")
        expect("the weight of A.safetensors is" not in done.stdout + done.stderr, done.stdout)
    expect("extrapolated" not in call("merge", "-m", "task_arithmetic", *FILES[:2], "--weights", "300,1", "-n").stdout, "A's weight")


def test_weights_in_rules():
    make_all()
    made = merged_recipe("let: {r: 0.7}\nmerge: A + r*(B - C)\nweights: {r: {/0.w/: 0.5}}\n"
                         "rules:\n- {match: OUT*, formula: 'A + (1 - r)*(B - C)'}\n")
    expect_of(made, [(lambda name: "output" in name and "0.w" in name, formula("A + 0.5*(B - C)")),
                     (block("output_blocks."), formula("A + (1 - 0.7)*(B - C)")),
                     (lambda name: "0.w" in name, formula("A + 0.5*(B - C)")), (rest, formula("A + 0.7*(B - C)"))],
              "weights in rules")
    made = merged_recipe("let: {r: 0.7}\nmerge: add_difference(A, B, C, alpha=0.5)\nweights: {r: {/0.w/: 0.5}}\n"
                         "rules:\n- {match: OUT*, formula: 'A + (1 - r)*(B - C)'}\n")
    expect_of(made, [(lambda name: "output" in name and "0.w" in name, formula("A + 0.5*(B - C)")),
                     (block("output_blocks."), formula("A + (1 - 0.7)*(B - C)")), (rest, formula("A + 0.5*(B - C)"))],
              "weights of a number that rules alone use")


def test_faults():
    make_all()
    for text, place, told in [
            ("rules: {match: x}\n", "4:8", "'rules' is a list"),
            ("rules:\n- OUT*\n", "5:3", "a rule is a map"),
            ("rules:\n- {formula: A}\n", "5:3", "'match' is missing"),
            ("rules:\n- {match: OUT*}\n", "5:3", "this rule says nothing"),
            ("rules:\n- {match: OUT*, fromula: A}\n", "5:17", "'fromula' is unknown; did you mean 'formula'?"),
            ("rules:\n- {match: OUT*, copy: D}\n", "5:23", "no checkpoint is called 'D'"),
            ("rules:\n- {match: OUT*, copy: A, formula: A}\n", "5:23", "either 'formula' or 'copy'"),
            ("rules:\n- {match: OUT*, drop: yes}\n", "5:23", "'drop' is true"),
            ("rules:\n- {match: OUT*, drop: true, dtype: f32}\n", "5:23", "drops its tensors says no more"),
            ("rules:\n- {match: OUT*, dtype: f17}\n", "5:24", "dtype 'f17' is unknown"),
            ("rules:\n- {match: [], copy: A}\n", "5:11", "'match' is a block"),
            ("rules:\n- {match: '/(/', copy: A}\n", "5:11", "opens a group that is never closed"),
            ("weights: [1]\n", "4:11", "'weights' are numbers"),
            ("weights: {k: 0.3}\n", "4:14", "'weights' are numbers"),
            ("weights: {k: {OUT*: x}}\n", "4:21", "'x' is not a number"),
            ("weights: {q: {OUT*: 1}}\n", "4:11", "no number of 'let' is called 'q'"),
            ("weights: {k: {'/(/': 1}}\n", "4:15", ""),
            ("let: {k: B - C}\nweights: {k: {OUT*: 1}}\n", "5:11", "'k' has weights, and is a number in 'let' then")]:
        let = "" if "let" in text else "let: {k: 1}\n"
        body = ("merge: A + 0.5*(B - C) + 0*k*(B - C)\n" if "let" not in text else "merge: A + k\n")
        lines = HEAD + body + text + let
        pathlib.Path("recipe.yaml").write_text(lines, encoding="utf-8")
        done = call("run", "recipe.yaml", "-o", "never.safetensors")
        expect(done.returncode == 2 and f"recipe.yaml:{place}: " in done.stderr and told in done.stderr,
               f"{text}: {done.returncode} {done.stderr}")
    for text, told in [
            ("rules:\n- {match: OUT99, copy: A}\n", "recipe.yaml:5:11: rule 'OUT99': 'OUT99' is no block"),
            ("rules:\n- {match: /nothing/, copy: A}\n", "recipe.yaml:5:11: rule '/nothing/' matches no tensor name"),
            ("rules:\n- {match: /^model.diffusion_model.input_blocks.1.0.x$/, copy: B}\n", "did you mean 'model.diffusion_model.input_blocks.1.0.w'?"),
            ("rules:\n- {match: /first_stage/, copy: B}\noptions: {discard: first_stage}\n",
             "rule '/first_stage/' matches names such as 'first_stage_model.encoder.w', but none of a tensor of the result"),
            ("rules:\n- {match: OUT*, copy: B}\n- {match: IN*, copy: B}\n- {match: OUT*, formula: A + 0.5*X}\n",
             "recipe.yaml:7:11: rule 'OUT*' (2nd):1:9: no checkpoint is called 'X'"),
            ("rules:\n- {match: OUT*, formula: B - C}\n", "recipe.yaml:5:11: rule 'OUT*':1:3: the result is a delta"),
            ("rules:\n- {match: OUT*, formula: A + X}\n", "recipe.yaml:5:11: rule 'OUT*':1:5: no checkpoint is called 'X'")]:
        pathlib.Path("recipe.yaml").write_text(HEAD + "merge: A + 0.5*(B - C)\n" + text, encoding="utf-8")
        refused(2, told, "run", "recipe.yaml", "-o", "never.safetensors")
    for weights, told in [
            ("{OUT99: 1}", "recipe.yaml:5:15: weight 'k OUT99=1': 'OUT99' is no block"),
            ("{mbw: [1, 2]}", "recipe.yaml:5:15: weight 'k mbw=1,2': "),
            ("{IN00: 1, /nothing/: 1}", "recipe.yaml:5:24: the weight 'k /nothing/=1' matches no tensor name")]:
        pathlib.Path("recipe.yaml").write_text(HEAD + f"merge: A + k*(B - C)\nlet: {{k: 1}}\nweights: {{k: {weights}}}\n", encoding="utf-8")
        refused(2, told, "run", "recipe.yaml", "-o", "never.safetensors")
    for options, told in [
            ("only: [attn2, nothing]", "recipe.yaml:4:25: --only 'nothing' matches no tensor name"),
            ("rename: {nothing: x}", "recipe.yaml:4:29: --rename 'nothing=x' matches no tensor name"),
            ("dtype: [bf16, /nothing/=f32]", "recipe.yaml:4:25: --dtype '/nothing/=f32': the result has no float tensor"),
            ("only: [nothing, nobody]", "recipe.yaml:4:18: --only 'nothing' matches no tensor name"),
            ("only: [nothing, nobody]", "recipe.yaml:4:27: --only 'nobody' matches no tensor name")]:
        pathlib.Path("recipe.yaml").write_text(HEAD + f"merge: A + 0.5*(B - C)\noptions: {{{options}}}\n", encoding="utf-8")
        refused(2, told, "run", "recipe.yaml", "-o", "never.safetensors")
    expect(not os.path.exists("never.safetensors"), "nothing is written")
    pathlib.Path("recipe.yaml").write_text(
        HEAD + "merge: A + 0.5*(B - C)\nrules:\n- {match: OUT*, copy: A}\n- {match: OUT*, copy: B}\noptions:\n  exclude: nothing\n", encoding="utf-8")
    told = call("plan", "recipe.yaml").stdout
    expect("warning: recipe.yaml:5:11: rule 'OUT*' (1st): its copy changes nothing" in told, told)
    expect("warning: recipe.yaml:8:12: --exclude 'nothing' matches no tensor name" in told, told)


def test_numbers_of_numbers():
    make_all()
    merged_recipe("let: {s: 0.3, t: s/2, r: 2*t + 0.1}\nmerge: A + r*(B - C)\nweights: {r: {IN*: 0.9}}\n")
    raw = pathlib.Path("out.safetensors").read_bytes()
    merged("merge", "--formula", "A + r*(B - C)", *FILES, "--param", "r=0.4", "--weight", "IN*=0.9")
    expect(pathlib.Path("out.safetensors").read_bytes() == raw, "a number with weights that is made of others")
    for weights in ("{s: {IN*: 1}, r: {OUT*: 1}}", "{r: {OUT*: 1}, s: {IN*: 1}}"):
        pathlib.Path("recipe.yaml").write_text(HEAD + "let: {s: 0.3, t: s/2, r: 2*t}\nmerge: A + r*(B - C) + s*(B - C)\nweights: " + weights + "\n",
                                               encoding="utf-8")
        refused(2, "'r' has weights, and so has 's', of which it speaks", "run", "recipe.yaml", "-o", "never.safetensors")


def test_rules_of_codes():
    """A copy leaves codes as they are; a rule that would store or compute them otherwise is refused as options are."""
    layer = "model.layers.0.mlp.up_proj."
    make_inputs.write("q.safetensors", {"format": "pt"}, [make_inputs.parse(text) for text in (
        f"{layer}weight F8_E4M3 2,2 56 48 64 40", f"{layer}weight_scale F32 1 0.5", "model.norm.weight BF16 2 16256 16128")], True)
    for rules, refusal in [("{match: /up_proj.weight$/, dtype: f16}", True), ("{match: '/./', formula: 0.5*A + 0.5*A}", True),
                           ("{match: /norm/, dtype: f32}", False), ("{match: /norm/, drop: true}", False)]:
        pathlib.Path("recipe.yaml").write_text(f"ckmerge: 1\ncheckpoints: {{A: q.safetensors}}\nmerge: copy(A)\nrules: [{rules}]\n", encoding="utf-8")
        if refusal:
            refused(4, "q.safetensors: is quantized, ", "run", "recipe.yaml", "-o", "never.safetensors")
        else:
            made = merged("run", "recipe.yaml")
            expect(made[f"{layer}weight"] == safetensors("q.safetensors")[1][f"{layer}weight"], f"{rules}: codes stay")


run_in_folders(test_numbers_with_names, test_arithmetic, test_types, test_weights_of_a_method, test_rules,
               test_rules_of_what_is_not_merged, test_copies_and_formulas,
               test_counts_of_rules, test_weights_that_change_nothing, test_weights_in_rules, test_faults, test_numbers_of_numbers, test_rules_of_codes)
