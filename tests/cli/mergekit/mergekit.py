# SPDX-License-Identifier: Apache-2.0
"""`ckmerge mergekit`: every form of configuration, judged by mergekit's rules computed here; options, files, failures.

Usage: mergekit.py CKMERGE"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import small_models as small

CKMERGE = os.path.abspath(sys.argv[1])
LAYERS = 4


def run(*words, code=0):
    done = subprocess.run([CKMERGE, *words], capture_output=True, text=True)
    assert done.returncode == code, f"{words}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    return done


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def near(made, expected):
    assert made.keys() == expected.keys(), (sorted(made), sorted(expected))
    for name, (shape, values) in expected.items():
        assert made[name][0] == shape, (name, made[name][0], shape)
        for a, b in zip(made[name][1], values):
            assert abs(a - b) <= 2e-6, (name, a, b)


def merged(config, *options):
    """The result of a configuration, which is JSON and so YAML."""
    shutil.rmtree("out", ignore_errors=True)
    write("c.yml", config if isinstance(config, str) else json.dumps(config))
    run("mergekit", "c.yml", "out", *options)
    return small.read_folder("out")


def each(model, call):
    return {name: (shape, call(name, values)) for name, (shape, values) in model.items()}


def slerp(t, a, b):
    def norm(x):
        return math.sqrt(sum(v * v for v in x)) or 1
    dot = sum(x * y for x, y in zip(a, b)) / norm(a) / norm(b)
    if abs(dot) > 0.9995:
        return [(1 - t) * x + t * y for x, y in zip(a, b)]
    theta = math.acos(dot)
    return [(math.sin((1 - t) * theta) * x + math.sin(t * theta) * y) / math.sin(theta) for x, y in zip(a, b)]


def check_models(a, b, c):
    near(merged({"merge_method": "linear", "models": [{"model": "a", "parameters": {"weight": 0.5}},
                                                     {"model": "b", "parameters": {"weight": 1.5}}]}),
         each(a, lambda n, v: [0.25 * x + 0.75 * y for x, y in zip(v, b[n][1])]))
    # A base is one more model of linear's; its weight is that of all.
    near(merged({"merge_method": "linear", "base_model": "c", "parameters": {"weight": 1, "normalize": False},
                 "models": [{"model": "a"}, {"model": "b", "parameters": {"weight": 0}}]}),
         each(a, lambda n, v: [x + z for x, z in zip(v, c[n][1])]))
    near(merged({"merge_method": "task_arithmetic", "base_model": "a", "parameters": {"lambda": 0.5},
                 "models": [{"model": "b", "parameters": {"weight": [0.2, 1]}}, {"model": "c", "parameters": {"weight": 0.4}}]}),
         each(a, lambda n, v: [
             x + 0.5 * (small.number([0.2, 1], n, small.gradient_place(n, LAYERS)) * (y - x) + 0.4 * (z - x))
             for x, y, z in zip(v, b[n][1], c[n][1])]))
    setting = [{"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]}, {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]},
               {"filter": "layers.2.", "value": 0.9}, {"value": 0.5}]
    near(merged({"merge_method": "slerp", "base_model": "a", "models": [{"model": "a"}, {"model": "b"}],
                 "parameters": {"t": setting}}),
         each(a, lambda n, v: slerp(small.number(setting, n, small.gradient_place(n, LAYERS)), v, b[n][1])))
    near(merged({"merge_method": "passthrough", "models": [
        {"model": "b", "parameters": {"scale": [{"filter": "o_proj", "value": 0}, {"filter": "down_proj", "value": 0},
                                                {"value": 1}]}}]}),
         each(b, lambda n, v: [0 * x for x in v] if "down_proj" in n else v))
    near(merged({"merge_method": "nearswap", "base_model": "a", "models": [{"model": "b"}], "parameters": {"t": 0.1}}),
         each(a, lambda n, v: [x + min(0.1 / max(abs(x - y), 1e-6), 1) * (y - x) for x, y in zip(v, b[n][1])]))


def stacked(first, last, layers):
    """Of (model, layer) for each layer, around them what the first and the last model have."""
    out = {name: (first if "embed" in name else last)[name] for name in first if small.layer_of(name) is None}
    for number, (model, layer) in enumerate(layers):
        for name in model:
            if small.layer_of(name) == layer:
                out[small.renumbered(name, number)] = model[name]
    return out


def check_nearswap(a):
    """Where t is below 0 mergekit takes nothing of the other model."""
    for t in (-1, [-1, -0.5], [{"filter": "mlp", "value": -2}, {"value": 0}]):
        assert merged({"merge_method": "nearswap", "base_model": "a", "models": [{"model": "a"}, {"model": "b"}],
                       "parameters": {"t": t}}) == a, t


def check_slices(a, b, c):
    made = merged({"merge_method": "passthrough", "dtype": "float32", "slices": [
        {"sources": [{"model": "a", "layer_range": [0, 3]}]}, {"sources": [{"model": "b", "layer_range": [1, 3]}]},
        {"sources": [{"model": "a", "layer_range": [2, 4]}]}]})
    near(made, stacked(a, a, [(a, 0), (a, 1), (a, 2), (b, 1), (b, 2), (a, 2), (a, 3)]))
    with open("out/config.json") as file:
        assert json.load(file)["num_hidden_layers"] == 7
    near(merged({"merge_method": "passthrough", "slices": [
        {"sources": [{"model": "a", "layer_range": [0, 1]}]}, {"sources": [{"model": "b", "layer_range": [3, 4]}]}]}),
         stacked(a, b, [(a, 0), (b, 3)]))
    assert "nothing is merged" not in run("plan", "--mergekit", "c.yml").stdout
    # Gradients go over the layers of a slice; what lies behind the layers has the last slice's first number.
    x = stacked(a, b, [(a, 0), (a, 1), (b, 0)])
    y = stacked(b, c, [(b, 2), (b, 3), (c, 3)])
    share = {None: 0.1, 0: 0.1, 1: 0.9, 2: 0.6}
    made = merged({"merge_method": "slerp", "slices": [
        {"sources": [{"model": "b", "layer_range": [2, 4]}, {"model": "a", "layer_range": [0, 2]}], "base_model": "a",
         "parameters": {"t": [0.1, 0.9]}},
        {"sources": [{"model": "b", "layer_range": [0, 1]}, {"model": "c", "layer_range": [3, 4]}], "base_model": "b",
         "parameters": {"t": [0.3, 0.6]}}]})
    near(made, each(x, lambda n, v: slerp(0.3 if n in ("model.norm.weight", "lm_head.weight") else share[small.layer_of(n)],
                                          v, y[n][1])))
    # A base that no slice has gives its config and no layer; an empty slice none either.
    near(merged({"merge_method": "linear", "base_model": "c", "parameters": {"weight": 1}, "slices": [
        {"sources": [{"model": "a", "layer_range": [1, 1]}, {"model": "b", "layer_range": [0, 0]}]},
        {"sources": [{"model": "a", "layer_range": [0, 4]}, {"model": "b", "layer_range": [0, 4]}]}]}),
         each(a, lambda n, v: [0.5 * x + 0.5 * y for x, y in zip(v, b[n][1])]))
    with open("out/tokenizer_config.json") as file:
        assert json.load(file)["of"] == "c"
    # The same as a recipe, saved and run, and with another number of models in one of the slices.
    config = {"merge_method": "linear", "parameters": {"weight": [1, 3]}, "slices": [
        {"sources": [{"model": "a", "layer_range": [0, 2]}, {"model": "b", "layer_range": [2, 4], "parameters": {"weight": 1}}]},
        {"sources": [{"model": "c", "layer_range": [1, 3]}]}]}
    made = merged(config, "--save-recipe", "r.yaml", "-f")
    for name, values in made.items():
        if small.layer_of(name) in (2, 3):
            assert values == c[small.renumbered(name, small.layer_of(name) - 1)]
    run("run", "r.yaml", "-o", "again/")
    assert "r.yaml is the recipe itself" in run("run", "r.yaml", "-o", "again/", "-f", "--save-recipe", "./r.yaml", code=2).stderr
    assert small.read_folder("again") == made
    plan = json.loads(run("plan", "--mergekit", "c.yml", "--json").stdout)
    assert plan["formula"]["text"].startswith("linear(") and len(plan["slices"]) == 2, plan
    shutil.rmtree("again")
    os.remove("r.yaml")


def check_documents(a, b, c):
    soup = each(a, lambda n, v: [0.5 * x + 0.5 * y for x, y in zip(v, b[n][1])])
    first = {"name": "soup", "merge_method": "linear", "parameters": {"weight": 1}, "models": [{"model": "a"}, {"model": "b"}]}
    near(merged("\n---\n".join(map(json.dumps, [
        {"merge_method": "slerp", "base_model": "soup", "models": [{"model": "c"}], "parameters": {"t": [0.2, 0.8]}}, first]))),
         each(soup, lambda n, v: slerp(small.number([0.2, 0.8], n, small.gradient_place(n, LAYERS)), v, c[n][1])))
    near(merged("\n---\n".join(map(json.dumps, [first, {"merge_method": "passthrough", "slices": [
        {"sources": [{"model": "soup", "layer_range": [0, 2]}]}, {"sources": [{"model": "c", "layer_range": [1, 3]}]},
        {"sources": [{"model": "soup", "layer_range": [1, 4]}]}]}]))),
         stacked(soup, soup, [(soup, 0), (soup, 1), (c, 1), (c, 2), (soup, 1), (soup, 2), (soup, 3)]))


def check_modules(a, b):
    vision = {"visual.blocks.0.w": ([2], [1.0, 2.0]), "visual.blocks.1.w": ([2], [3.0, 4.0]), "visual.merger.w": ([1], [5.0])}
    other = {name: (shape, [-v for v in values]) for name, (shape, values) in vision.items()}
    small.write_folder("va", {**a, **vision}, LAYERS)
    small.write_folder("vb", {**b, **other}, LAYERS)
    made = merged({"merge_method": "linear", "parameters": {"weight": 1}, "modules": {
        "text_decoder": {"models": [{"model": "va"}]},
        "multi_modal_projector": {"models": [{"model": "va"}, {"model": "vb"}]},
        "vision_tower": {"models": [{"model": "va"}, {"model": "vb"}], "parameters": {"weight": [1, 0.5]}}}})
    near(made, {**a, **each(vision, lambda n, v: [0 * x for x in v])})
    made = merged({"merge_method": "slerp", "base_model": "va", "models": [{"model": "vb"}], "parameters": {"t": [0, 1]}})
    with open("out/config.json") as file:
        assert json.load(file)["num_hidden_layers"] == LAYERS
    assert made["visual.blocks.1.w"] == ([2], [-3.0, -4.0]) and made["visual.merger.w"] == ([1], [5.0]), made
    # Beside slices of the language model the eyes are merged as what lies before its layers.
    made = merged({"merge_method": "passthrough", "slices": [{"sources": [{"model": "vb", "layer_range": [1, 3]}]}]})
    near(made, {**stacked(b, b, [(b, 1), (b, 2)]), **other})


def check_files(a, b):
    """mergekit-pytorch: models that are files have no layers."""
    extra = dict(b, extra=([1], [7.0]))
    small.write_file("a.safetensors", a)
    small.write_file("b.safetensors", extra)
    small.write_file("b4.safetensors", b)
    config = {"merge_method": "slerp", "base_model": "a.safetensors", "models": [{"model": "a.safetensors"}, {"model": "b4.safetensors"}],
              "parameters": {"t": [0.25, 1]}}
    near(merged(config), each(a, lambda n, v: slerp(0.25, v, b[n][1])))
    assert "model.safetensors" in os.listdir("out"), os.listdir("out")
    # Slices of files, and files among folders.
    near(merged({"merge_method": "passthrough", "slices": [{"sources": [{"model": "a.safetensors", "layer_range": [0, 3]}]},
                                                          {"sources": [{"model": "b", "layer_range": [1, 4]}]}]}),
         stacked(a, b, [(a, 0), (a, 1), (a, 2), (b, 1), (b, 2), (b, 3)]))
    assert os.path.isdir("out")
    assert "slices" in run("mergekit", "c.yml", "none", "-u", code=2).stderr
    config["models"][1]["model"] = "b.safetensors"
    write("c.yml", json.dumps(config))
    shutil.rmtree("out")
    refused = run("mergekit", "c.yml", "out", code=4).stderr
    assert "extra: is in b.safetensors, but not in a.safetensors; -u takes it, -i leaves it out" in refused, refused
    assert "--discard" not in refused and "--extra" not in refused, refused
    assert set(merged(config, "-i")) == set(a)
    assert set(merged(config, "--tensor-union")) == set(extra)
    check_union(a, b)
    assert "files" in run("mergekit", "m.yml", "out", "-u", code=2).stderr


def check_union(a, b):
    """What not all files have is taken as it is: of one alone that is mergekit's x, but not where it takes w * x."""
    small.write_file("more.safetensors", dict(a, both=([1], [2.0])))
    small.write_file("most.safetensors", dict(b, both=([1], [4.0]), alone=([1], [7.0])))
    models = [{"model": name + ".safetensors", "parameters": {"weight": weight}} for name, weight in (("more", 0.5), ("most", 2))]
    config = {"merge_method": "linear", "models": models}
    assert merged(config, "-u")["alone"] == ([1], [7.0])
    write("c.yml", json.dumps(dict(config, parameters={"normalize": False})))
    shutil.rmtree("out")
    refused = run("mergekit", "c.yml", "out", "-u", code=2).stderr
    assert "c.yml:1:" in refused and "'alone' is in most.safetensors alone, of which mergekit takes 2 times its values" in refused, refused
    for setting in ([{"filter": "alone", "value": 1}, {"value": 2}], 1):
        models[1]["parameters"]["weight"] = setting
        assert merged(dict(config, parameters={"normalize": False}), "-u")["alone"] == ([1], [7.0])
    models.append({"model": "a.safetensors", "parameters": {"weight": 1}})
    write("c.yml", json.dumps(config))
    done = run("plan", "--mergekit", "c.yml", "-u")
    assert "1 tensor is in several models and not in all, such as 'both'" in done.stdout + done.stderr, done


def check_mended(a, b):
    """What mergekit drops, or fails at: a tensor of the base alone, scalars, tensors without elements, opposite ones."""
    small.write_file("base.safetensors", dict(a, only=([1], [7.0])))
    small.write_file("tuned.safetensors", b)
    config = {"merge_method": "task_arithmetic", "base_model": "base.safetensors", "models": [{"model": "tuned.safetensors"}], "parameters": {"weight": 1}}
    write("c.yml", json.dumps(config))
    shutil.rmtree("out", ignore_errors=True)
    assert "only: is missing in tuned.safetensors" in run("mergekit", "c.yml", "out", code=4).stderr
    assert merged(config, "-u")["only"] == ([1], [7.0])
    odd = [{"none": ([0, 4], []), "one": ([], [value]), "many": ([3], [value, 2 * value, -value])} for value in (2.0, -2.0, 4.0)]
    for name, tensors in zip(("odd_a", "odd_b", "odd_c"), odd):
        small.write_file(name + ".safetensors", tensors)
    of = [{"model": f"odd_{letter}.safetensors"} for letter in "abc"]
    for method, given in (("breadcrumbs", {"density": 0.1}), ("breadcrumbs_ties", {"density": 0.1}), ("ties", {"density": 0.1}), ("sce", {"select_topk": 0.5}),
                          ("ram", {}), ("ramplus_tl", {}), ("model_stock", {})):
        weight = {"weight": 1} if "breadcrumbs" in method or method == "ties" else {}
        made = merged({"merge_method": method, "base_model": "odd_a.safetensors", "models": of[1:], "parameters": given | weight})
        assert made["none"] == ([0, 4], []) and all(map(math.isfinite, made["one"][1])), (method, made)
        if "breadcrumbs" in method:
            assert made["one"][1] != [2.0], (method, made)
    for method in ("multislerp", "karcher", "nuslerp"):
        made = merged({"merge_method": method, "models": of[:2], "parameters": {} if method == "karcher" else {"weight": 1}})
        assert made == {"none": ([0, 4], []), "one": ([], [0.0]), "many": ([3], [0.0] * 3)}, (method, made)


def check_planned(a):
    """`plan --mergekit` takes what `ckmerge mergekit` does."""
    write("c.yml", json.dumps({"merge_method": "passthrough", "models": [{"model": "a"}]}))
    done = run("plan", "--mergekit", "c.yml", "--out-shard-size", "700", "--no-copy-tokenizer", "--allow-crimes", "-j", "1", "-o", "none")
    assert "--allow-crimes changes nothing: " in done.stdout + done.stderr, done
    assert "model-00001-of-" in done.stdout, done.stdout
    assert run("mergekit", "c.yml", "none", "--out-shard-size", "700", "--no-copy-tokenizer", "--allow-crimes", "-j", "1", "-n").stdout == done.stdout
    assert not os.path.exists("none")
    assert "unknown option '--alpha'" in run("plan", "--mergekit=c.yml", "--alpha", "0.3", code=2).stderr
    assert "--mergekit needs a value" in run("plan", "--mergekit", code=2).stderr
    assert "--mergekit is given 2 times" in run("plan", "--mergekit", "c.yml", "--mergekit", "c.yml", code=2).stderr
    assert "--mergekit: cannot be opened" in run("plan", "a", "--", "--mergekit", code=1).stderr


def check_advice(a):
    """What is advised is what this command has."""
    small.write_folder("large", dict(a, **{name: ([8, 4], [0.5] * 32) for name in ("model.embed_tokens.weight", "lm_head.weight")}), LAYERS)
    write("c.yml", json.dumps({"merge_method": "linear", "parameters": {"weight": 1}, "models": [{"model": "a"}, {"model": "large"}]}))
    refused = run("mergekit", "c.yml", "none", code=4).stderr
    assert "--unsafe-truncate-embeddings merges the first rows" in refused and "tokenizer_source: union" in refused, refused
    assert "--vocab crop" not in refused, refused
    assert run("mergekit", "c.yml", "none", "-n", "--unsafe-truncate-embeddings").returncode == 0
    typo = [{"filter": "self_atn", "value": 2}, {"value": 1}]
    write("c.yml", json.dumps({"merge_method": "linear", "parameters": {"weight": typo}, "models": [{"model": "a"}, {"model": "b"}]}))
    done = run("plan", "--mergekit", "c.yml")
    assert "c.yml:1: the filter 'self_atn' is in the name of no tensor of any model" in done.stdout + done.stderr, done
    assert "did you mean 'self_attn'?" in done.stdout + done.stderr, done


def check_options(a):
    config = {"merge_method": "passthrough", "models": [{"model": "a"}]}
    merged(config)
    names = os.listdir("out")
    for name in ("config.json", "mergekit_config.yml", "README.md", "tokenizer_config.json", "model.safetensors"):
        assert name in names, names
    with open("out/mergekit_config.yml") as file:
        assert json.load(file) == config
    merged(config, "--no-copy-tokenizer", "--no-write-model-card")
    assert sorted(os.listdir("out")) == ["config.json", "model.safetensors"], os.listdir("out")
    merged(config, "--out-shard-size", "700")
    assert "model.safetensors.index.json" in os.listdir("out"), os.listdir("out")
    shutil.rmtree("out")
    done = run("mergekit", "c.yml", "out", "--allow-crimes", "--lazy-unpickle", "--low-cpu-memory", "--clone-tensors",
               "--trust-remote-code", "--write-threads", "2", "--async-write", "--lora-merge-cache", "x", "-j", "1",
               "--random-seed", "7", "--copy-tokenizer", "--no-cuda", "--out-shard-size", "5B", "--safe-serialization",
               "--no-multi-gpu", "-v", "-I", "between")
    for name in ("--allow-crimes", "--lazy-unpickle", "--write-threads", "--intermediate-dir"):
        assert f"{name} changes nothing: " in done.stderr + done.stdout, (name, done.stderr)
    assert "--multi-gpu" not in done.stderr + done.stdout
    # What is there already is replaced where that is asked for.
    run("mergekit", "c.yml", "out", code=2)
    run("mergekit", "c.yml", "--out-path", "out", "-f", "-q")


def check_likeness():
    """What is asked for of a run like mergekit's, and changes nothing for the method, is told by name."""
    def said(method, *words):
        write("c.yml", json.dumps({"merge_method": method, "base_model": "a", "parameters": {"weight": 1, "density": 0.5},
                                   "models": [{"model": "a"}, {"model": "b"}]}))
        done = run("plan", "--mergekit", "c.yml", *words)
        return done.stdout + done.stderr

    for method in ("della", "karcher"):
        told = said(method, "--order", "mergekit")
        assert f"--order mergekit changes nothing for {method}: it is of ties, breadcrumbs, breadcrumbs_ties, sce" in told, told
    for method in ("sce", "ties"):
        told = said(method, "--masks", "mergekit", "--random-seed", "3")
        assert f"--masks mergekit changes nothing for {method}: it is of dare_ties, dare_linear, della" in told, told
        assert f"--random-seed changes nothing for {method}: " in told, told
    for words in (("dare_ties", "--random-seed", "3", "--masks", "own"), ("ties", "--order", "mergekit"), ("sce", "--order", "mergekit")):
        told = said(*words)
        assert "changes nothing for" not in told, told


def check_cache(a):
    """org/name in a cache of Hugging Face; nothing is downloaded."""
    revision = "0123456789" * 4
    shutil.copytree("a", f"cache/models--org--a/snapshots/{revision}")
    os.makedirs("cache/models--org--a/refs")
    write("cache/models--org--a/refs/main", revision)
    for model in "org/a", "org/a@main", "org/a@0123456":
        assert merged({"merge_method": "passthrough", "models": [{"model": model}]}, "--transformers-cache", "cache") == a
    shutil.rmtree("out")
    assert "hf download org/other" in run("mergekit", "m2.yml", "out", "--transformers-cache", "cache", code=1).stderr


def check_failures():
    def refusal(config, code=2):
        write("c.yml", config)
        return run("mergekit", "c.yml", "none", code=code).stderr

    assert "c.yml:2:1: 'modles' is unknown; did you mean 'models'?" in refusal("merge_method: linear\nmodles: [{model: a}]\n")
    assert "gone" in refusal("merge_method: linear\nmodels: [{model: gone}]\nparameters: {weight: 1}\n", code=1)
    assert "c.yml:3:1: a second document without a name" in refusal(
        "{merge_method: linear, models: [{model: a}]}\n---\n{merge_method: linear, models: [{model: a}]}\n")
    write("c.yml", json.dumps({"merge_method": "passthrough", "models": [{"model": "a"}]}))
    for words in ("mergekit", "c.yml", "none", "--save-recipe", "c.yml", "-f"), ("run", "c.yml", "-o", "none"), ("plan", "c.yml"):
        assert "configuration" in run(*words, code=2).stderr, words
    with open("c.yml") as file:
        assert "passthrough" in file.read()
    assert "c.yml:3:3: 'txet_decoder' is no module of a, which has text_decoder; did you mean 'text_decoder'?" in refusal(
        "merge_method: passthrough\nmodules:\n  txet_decoder: {slices: [{sources: [{model: a, layer_range: [0, 3]}]}]}\n")
    assert ("c.yml:5:18: 't' is given at a model, where mergekit does not look for it: slerp has one for all models; give it "
            "under the 'parameters' of all") in refusal(
                "merge_method: slerp\nbase_model: a\nmodels:\n- model: b\n  parameters: {  t: 0.4}\n")
    for method, flag in (("multislerp", "normalize_weights"), ("linear", "normalize")):
        told = refusal(f"merge_method: {method}\nmodels:\n- {{model: a, parameters: {{weight: 0.5}}}}\n"
                       "- {model: b, parameters: {weight: -0.5}}\n")
        assert f"c.yml:4:27: the weights sum to 0 and cannot be normalized; give others, or '{flag}: false'" in told, told
        assert "--no-normalize" not in told, told
    cancelled = ("merge_method: task_arithmetic\nbase_model: a\nparameters: {normalize: true}\nmodels:\n- {model: b, parameters: {weight: 1}}\n"
                 "- {model: c, parameters: {weight: -1}}\n")
    assert "c.yml:6:27: the weights of all but the first checkpoint sum to 0 and cannot be normalized; give others, or 'normalize: false'" in refusal(cancelled)
    write("c.yml", json.dumps({"merge_method": "passthrough", "models": [{"model": "a"}]}))
    assert "no configuration is given" in run("mergekit", code=2).stderr
    assert "no output is given" in run("mergekit", "m.yml", code=2).stderr
    assert not os.path.exists("none")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        a, b, c = (small.tensors(seed, LAYERS) for seed in (1, 2, 3))
        for name, model in (("a", a), ("b", b), ("c", c)):
            small.write_folder(name, model, LAYERS)
        write("m.yml", json.dumps({"merge_method": "passthrough", "models": [{"model": "a"}]}))
        write("m2.yml", json.dumps({"merge_method": "passthrough", "models": [{"model": "org/other"}]}))
        check_models(a, b, c)
        check_nearswap(a)
        check_slices(a, b, c)
        check_documents(a, b, c)
        check_modules(a, b)
        check_files(a, b)
        check_mended(a, b)
        check_options(a)
        check_planned(a)
        check_advice(a)
        check_likeness()
        check_cache(a)
        check_failures()
        os.chdir("/")


main()
