# SPDX-License-Identifier: Apache-2.0
"""usage: wholes.py CKMERGE [NAME ...]
Whole tensors and trained rows of PEFT's adapters (modules_to_save, biases, trainable_token_indices): what takes the place of the model's,
in which dtype, what is added to it besides, and what of it is refused."""
import json
import os
import pathlib
import shutil
import subprocess

import named_tests
import tensors

BASE = {"m.q.weight": [8, 6], "m.q.bias": [8], "m.k.weight": [6, 6], "m.norm.weight": [6], "m.embed_tokens.weight": [10, 6], "lm_head.weight": [10, 6]}
LORA = {"m.q.lora_A.weight": [2, 6], "m.q.lora_B.weight": [8, 2]}
TOKENS = {"m.embed_tokens.token_adapter.trainable_tokens_delta": [2, 6]}
PEFT = "base_model.model."
CLOSE = 1e-6


def made(named, seed="adapter", dtype="F32"):
    return {name: tensors.made(seed, name, dtype, shape) for name, shape in named.items()}


def values(entry):
    return list(tensors.numbers(entry[0], entry[2]))


def product(b, a, scale):
    """scale * B A, row by row."""
    left, right, rank = values(b), values(a), a[1][0]
    return [scale * sum(left[i * rank + k] * right[k * a[1][1] + j] for k in range(rank)) for i in range(b[1][0]) for j in range(a[1][1])]


def write(base, adapter, **config):
    """`base` in base.safetensors and `adapter` in adapter/, whose LoRA has scale 2."""
    tensors.write("base.safetensors", base)
    shutil.rmtree("adapter", ignore_errors=True)
    pathlib.Path("adapter").mkdir()
    tensors.write("adapter/adapter_model.safetensors", {PEFT + name: entry for name, entry in adapter.items()})
    fields = {"peft_type": "LORA", "base_model_name_or_path": None, "r": 2, "lora_alpha": 4, "target_modules": ["q"]}
    pathlib.Path("adapter/adapter_config.json").write_text(json.dumps(fields | config))


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return done.returncode, (done.stdout + done.stderr).strip()


def baked(ckmerge, lora="adapter", base="base.safetensors"):
    status, told = run(ckmerge, "bake", base, "--lora", lora, "-o", "out.safetensors", "-f")
    if status:
        raise RuntimeError(f"exit {status}: {told[-400:]}")
    return tensors.read("out.safetensors"), told


def refused(ckmerge, words, base="base.safetensors", out="out.safetensors"):
    status, told = run(ckmerge, "bake", base, "--lora", "adapter", "-o", out, "-f")
    return [] if status == 4 and words in told else [f"exit {status} without {words!r}: {told[-300:]}"]


def far(ours, expected, what):
    worst = max(abs(x - y) for x, y in zip(values(ours), expected))
    return [] if worst <= CLOSE * max(map(abs, expected)) else [f"{what} lies {worst:.2e} apart"]


def changed(result, base, allowed):
    return [f"{name} is changed" for name in base if name not in allowed and result[name] != tuple(base[name])]


def both(ckmerge):
    """What is added to a tensor that the same adapter has whole."""
    base, a, b = made(BASE, "base"), *made(LORA).values()
    bias, lora_bias = tensors.made("new", "bias", "F32", [8]), tensors.made("new", "lora bias", "F32", [8])
    write(base, made(LORA) | {"m.q.base_layer.bias": bias, "m.q.lora_B.bias": lora_bias}, lora_bias=True, bias="lora_only")
    result, _ = baked(ckmerge)
    faults = far(result["m.q.bias"], [x + 2 * y for x, y in zip(values(bias), values(lora_bias))], "bias")
    weight = tensors.made("new", "weight", "F32", [8, 6])
    write(base, made(LORA) | {"m.q.weight": weight})
    result, told = baked(ckmerge)
    faults += far(result["m.q.weight"], [x + y for x, y in zip(values(weight), product(b, a, 2))], "weight")
    faults += [] if "1 tensor changed, which the adapter has whole" in told else [f"another number of tensors is told: {told}"]
    write(base, made(LORA) | {"m.q.weight": weight})
    result, _ = baked(ckmerge, "adapter:0.5")
    return faults + far(result["m.q.weight"], [x + y for x, y in zip(values(weight), product(b, a, 1))], "weight at 0.5")


def rows_and_more(ckmerge):
    """Trained tokens of an embedding that a LoRA changes as well."""
    base, tokens = made(BASE, "base"), made(TOKENS)
    embedding = made({"m.embed_tokens.lora_embedding_A": [2, 10], "m.embed_tokens.lora_embedding_B": [6, 2]})
    a, b = embedding.values()
    write(base, embedding | tokens, trainable_token_indices=[3, 7])
    result, _ = baked(ckmerge)
    rows, delta = values(base["m.embed_tokens.weight"]), product(b, a, 2)
    for k, row in enumerate((3, 7)):
        rows[row * 6:row * 6 + 6] = values(tokens[next(iter(tokens))])[k * 6:k * 6 + 6]
    expected = [rows[i * 6 + j] + delta[j * 10 + i] for i in range(10) for j in range(6)]
    return far(result["m.embed_tokens.weight"], expected, "embedding")


def acted_on(ckmerge):
    """GLoRA of a bias that the file has whole: what acts on it sees that one."""
    base, bias = made(BASE, "base"), tensors.made("new", "bias", "F32", [8])
    glora = made({"m.q.glora_A.Xd": [8, 2], "m.q.glora_A.Xu": [2, 6], "m.q.glora_B.Xd": [8, 2], "m.q.glora_B.Xu": [2, 6], "m.q.glora_C.zeros": [6, 1], "m.q.glora_D.X": [1],
                  "m.q.glora_E.X": [1]})
    glora["m.q.glora_C.zeros"] = "F32", [6, 1], bytes(24)
    write(base, glora | {"m.q.base_layer.bias": bias}, peft_type="GLORA", bias="all")
    result, _ = baked(ckmerge)
    d, e = values(glora["m.q.glora_D.X"])[0], values(glora["m.q.glora_E.X"])[0]
    return far(result["m.q.bias"], [x + x * d + e for x in values(bias)], "bias")


def dtypes(ckmerge):
    """What an adapter of F32 has whole is in the model's dtype, and rows that were not trained keep all their digits."""
    faults = []
    for dtype in ("BF16", "F16", "F64"):
        base, adapter = made(BASE, "base", dtype), made(LORA | TOKENS | {"m.norm.weight": [6]})
        write(base, adapter, trainable_token_indices=[3, 7])
        result, _ = baked(ckmerge)
        faults += [f"{dtype}: {name} is {entry[0]}" for name, entry in result.items() if entry[0] != dtype]
        width = 6 * tensors.SIZES[dtype]
        for row in set(range(10)) - {3, 7}:
            here = slice(row * width, row * width + width)
            if result["m.embed_tokens.weight"][2][here] != base["m.embed_tokens.weight"][2][here]:
                faults.append(f"{dtype}: row {row} of the embedding is another")
        trained, step = values(adapter["m.norm.weight"]), {"BF16": 2.0**-8, "F16": 2.0**-11, "F64": 0}[dtype]
        if any(abs(x - y) > step * abs(y) for x, y in zip(values(result["m.norm.weight"]), trained)):
            faults.append(f"{dtype}: norm.weight is not the adapter's")
    return faults


def by_name(ckmerge):
    """A strength of 0 for some tensors holds for whole ones, and one above 0 does where it is 0 for all."""
    base, head = made(BASE, "base"), made({"lm_head.weight": [10, 6]})
    write(base, made(LORA) | head, modules_to_save=["lm_head"])
    result, told = baked(ckmerge, "adapter:1:/lm_head/=0")
    faults = changed(result, base, {"m.q.weight"}) + (["is warned of a selector that holds"] if "no tensor" in told else [])
    result, _ = baked(ckmerge, "adapter:0:/lm_head/=1")
    faults += changed(result, base, {"lm_head.weight"})
    return faults + ([] if result["lm_head.weight"] == tuple(head["lm_head.weight"]) else ["the head is not the adapter's"])


def grown(ckmerge):
    """Vocabularies that grew must have grown alike."""
    base = made({"model.embed_tokens.weight": [10, 6], "lm_head.weight": [10, 6], "model.layers.0.self_attn.q_proj.weight": [8, 6]}, "base")
    lora = made({"model.layers.0.self_attn.q_proj.lora_A.weight": [2, 6], "model.layers.0.self_attn.q_proj.lora_B.weight": [8, 2]})
    faults = []
    for rows, is_alike in ((12, True), (13, False)):
        write(base, lora | made({"model.embed_tokens.weight": [12, 6], "lm_head.weight": [rows, 6]}))
        if not is_alike:
            faults += refused(ckmerge, "must have the same")
            continue
        result, told = baked(ckmerge)
        faults += [f"{name} has {result[name][1][0]} rows" for name in ("model.embed_tokens.weight", "lm_head.weight") if result[name][1] != [12, 6]]
        faults += ["the file is named twice"] if "adapter: adapter:" in told else []
    write(base, lora | made({"model.embed_tokens.weight": [12, 6]}))
    return faults + refused(ckmerge, "lacks those of this tensor")


def grown_below(ckmerge):
    """Vocabularies that grew below factors: what PEFT saved is the weight, and what is trained is added to it."""
    shapes = {"model.embed_tokens.weight": [10, 6], "model.layers.0.self_attn.q_proj.weight": [8, 6]}
    base, faults = made(shapes, "base"), []
    q = made({"model.layers.0.self_attn.q_proj.lora_A.weight": [2, 6], "model.layers.0.self_attn.q_proj.lora_B.weight": [8, 2]})
    factors = made({"model.embed_tokens.lora_embedding_A": [2, 12], "model.embed_tokens.lora_embedding_B": [6, 2]})

    def more_rows(name):
        added = tensors.made("added", name, "F32", [2, 6])
        return "F32", [12, 6], base[name][2] + added[2]

    embedding = more_rows("model.embed_tokens.weight")
    write(base, q | factors | {"model.embed_tokens.base_layer.weight": embedding})
    result, told = baked(ckmerge)
    a, b = factors.values()
    delta = product(b, a, 2)
    moved = [x + delta[i % 6 * 12 + i // 6] for i, x in enumerate(values(embedding))]
    if result["model.embed_tokens.weight"][1] != [12, 6]:
        return [f"it is {result['model.embed_tokens.weight'][1]}: {told}"]
    faults += far(result["model.embed_tokens.weight"], moved, "embedding")
    result, _ = baked(ckmerge, "adapter:1:/embed/=0")
    faults += changed(result, base, {"model.layers.0.self_attn.q_proj.weight"})
    base["lm_head.weight"] = tensors.made("base", "head", "F32", [10, 6])
    write(base, q | factors | {"model.embed_tokens.base_layer.weight": embedding})
    faults += refused(ckmerge, "lm_head.weight: has 10 rows, and the adapter's embeddings 12; it lacks those of this tensor")
    head, of_head = more_rows("lm_head.weight"), made({"lm_head.lora_A.weight": [2, 6], "lm_head.lora_B.weight": [12, 2]})
    write(base, q | factors | of_head | {"model.embed_tokens.base_layer.weight": embedding, "lm_head.base_layer.weight": head})
    result, _ = baked(ckmerge)
    faults += far(result["model.embed_tokens.weight"], moved, "embedding beside a head")
    faults += far(result["lm_head.weight"], [x + y for x, y in zip(values(head), product(*reversed(of_head.values()), 2))], "head")
    del base["lm_head.weight"]
    base["model.embed_tokens.weight"] = tensors.made("another", "embedding", "F32", [10, 6])
    write(base, q | factors | {"model.embed_tokens.base_layer.weight": embedding})
    return faults + refused(ckmerge, "has other values in this model")


def called_like_factors(ckmerge):
    """Saved modules that are called as factors of other kinds begin."""
    names = {f"m.{name}.weight": [4, 6] for name in ("mica_x", "poly_head", "lily_x", "shadow_head", "vera_head", "hada_x", "b1", "diff", "velora_x", "xlora_classifier")}
    base, saved = made(BASE | names, "base"), made(names)
    write(base, made(LORA) | saved, modules_to_save=["any"])
    result, _ = baked(ckmerge)
    return [f"{name} is not the adapter's" for name in names if result[name] != tuple(saved[name])]


def batch_norm(ckmerge):
    """Counters of integers, and running means that no merge would compute, are replaced with the module."""
    shapes = {"m.bn.weight": [6], "m.bn.bias": [6], "m.bn.running_mean": [6], "m.bn.running_var": [6]}
    base, saved = made(BASE | shapes, "base"), made(shapes)
    for named, count in ((base, 5), (saved, 9)):
        named["m.bn.num_batches_tracked"] = "I64", [], tensors.packed("I64", [count])
    write(base, made(LORA) | saved, modules_to_save=["bn"])
    result, _ = baked(ckmerge)
    return [f"{name} is not the adapter's" for name in saved if result[name] != tuple(saved[name])] + changed(result, base, {*saved, "m.q.weight"})


def saved_twice(ckmerge):
    """A module under its plain name as well, alike or not."""
    base, norm, other = made(BASE, "base"), made({"m.norm.weight": [6]})["m.norm.weight"], tensors.made("other", "norm", "F32", [6])
    write(base, made(LORA) | {"m.norm.weight": norm, "m.norm.modules_to_save.weight": norm})
    result, _ = baked(ckmerge)
    faults = [] if result["m.norm.weight"] == tuple(norm) else ["the norm is not the adapter's"]
    write(base, made(LORA) | {"m.norm.weight": norm, "m.norm.modules_to_save.weight": other})
    return faults + refused(ckmerge, "not the same")


TESTS = {test.__name__: test for test in (both, rows_and_more, acted_on, dtypes, by_name, grown, grown_below, called_like_factors, batch_norm, saved_twice)}


if __name__ == "__main__":
    named_tests.run(TESTS, "tests of whole tensors")
