# SPDX-License-Identifier: Apache-2.0
"""usage: structures.py CKMERGE [TEST ...]
Adapters whose result hangs on how the model is made: how experts lie, heads that are one with the embeddings, vocabularies that grew,
channels that the adapter never saw. All numbers are small and whole, so that results are known to the last bit."""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

import named_tests
import tensors

RANK, ALPHA = 2, 4  # so that the scale is 2


def whole(seed, *shape):
    """Nested lists of small whole numbers."""
    rolled = random.Random(f"structures {seed} {shape}")

    def fill(extents):
        return [fill(extents[1:]) for _ in range(extents[0])] if extents else rolled.randrange(-4, 5)
    return fill(shape)


def flat(value):
    return [number for item in value for number in flat(item)] if isinstance(value, list) else [value]


def shape_of(value):
    return [len(value), *shape_of(value[0])] if isinstance(value, list) else []


def stored(named):
    return {name: ("F32", shape_of(value), tensors.packed("F32", flat(value))) for name, value in named.items()}


def times(a, b, scale=1):
    return [[scale * sum(x * row[j] for x, row in zip(line, b)) for j in range(len(b[0]))] for line in a]


def turned(a):
    return [list(column) for column in zip(*a)]


def plus(a, b):
    return [plus(x, y) for x, y in zip(a, b)] if isinstance(a, list) else a + b


def write_model(named, **config):
    """A folder where there is a config, else a file."""
    shutil.rmtree("model", ignore_errors=True)
    pathlib.Path("model").mkdir()
    if not config:
        tensors.write("model.safetensors", stored(named))
        return "model.safetensors"
    tensors.write("model/model.safetensors", stored(named))
    pathlib.Path("model/config.json").write_text(json.dumps(config))
    return "model"


def write_adapter(named, **fields):
    shutil.rmtree("adapter", ignore_errors=True)
    pathlib.Path("adapter").mkdir()
    tensors.write("adapter/adapter_model.safetensors", stored({"base_model.model." + name: value for name, value in named.items()}))
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": None, "target_modules": ["q"]} | fields
    pathlib.Path("adapter/adapter_config.json").write_text(json.dumps(config))
    return "adapter"


class Bakes:
    """What `bake` makes or says; tests give back a fault, or an empty text."""

    def __init__(self, ckmerge):
        self.ckmerge = ckmerge

    def run(self, model, adapter, *options):
        out = "out" if model == "model" else "out.safetensors"
        shutil.rmtree("out", ignore_errors=True)
        done = subprocess.run([self.ckmerge, "bake", model, "--lora", adapter, "-o", out, "-f", *options], capture_output=True, text=True,
                              env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
        return done.returncode, (done.stdout + done.stderr).strip(), pathlib.Path(out)

    def refused(self, model, adapter, words, *options, code=4):
        status, told, _ = self.run(model, adapter, *options)
        if status != code:
            return f"exit {status} instead of {code}: {told[-400:]}"
        return "" if re.search(words, told) else f"is refused without {words!r}: {told[-500:]}"

    def makes(self, model, adapter, expected, *options):
        status, told, out = self.run(model, adapter, *options)
        if status:
            return f"exit {status}: {told[-500:]}"
        made = tensors.read(out / "model.safetensors" if out.is_dir() else out)
        wrong = [name for name, entry in stored(expected).items() if made.get(name) != entry]
        return f"{wrong} are not what they should be" if wrong else f"{sorted(made)} instead of {sorted(expected)}" if set(made) != set(expected) else ""


GATE, DOWN = "m.mlp.experts.gate_up_proj", "m.mlp.experts.down_proj"


def experts(bakes, inner, hidden, lies_turned, parameters):
    """Stacked experts of (inner, hidden), as most models have them or turned, with one or both parameters in the model."""
    count, changed = 3, {}
    shapes = {GATE: (2 * inner, hidden), DOWN: (hidden, inner)}
    model = {name: whole(name, count, *(reversed(shapes[name]) if lies_turned else shapes[name])) for name in parameters}
    a, b = whole("a", count * RANK, shapes[parameters[0]][1]), whole("b", shapes[parameters[0]][0], count * RANK)
    for e in range(count):
        delta = times([row[e::count] for row in b], a[e * RANK:(e + 1) * RANK], ALPHA // RANK)
        changed.setdefault(parameters[0], []).append(plus(model[parameters[0]][e], turned(delta) if lies_turned else delta))
    adapter = write_adapter({"m.mlp.experts.lora_A.weight": a, "m.mlp.experts.lora_B.weight": b},
                            target_parameters=[parameters[0].split(".", 2)[2]])
    return write_model(model), adapter, model | changed


def square_experts(bakes):
    for lies_turned in (False, True):
        for parameters in ((GATE, DOWN), (DOWN, GATE)):
            for inner, hidden in ((5, 10), (6, 6), (4, 10)):
                if fault := bakes.makes(*experts(bakes, inner, hidden, lies_turned, parameters)):
                    return f"{parameters[0]}, {inner}, {hidden}, {'turned' if lies_turned else 'plain'}: {fault}"
        model, adapter, _ = experts(bakes, 5, 10, lies_turned, (GATE,))
        if fault := bakes.refused(model, adapter, "are square"):
            return fault
    return ""


VOCABULARY, WIDTH = 6, 4
EMBEDDING, HEAD, LAYER = "model.embed_tokens", "lm_head", "model.layers.0.self_attn.q_proj"
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "vocab_size": VOCABULARY}


def language_model(ties, has_head):
    model = {EMBEDDING + ".weight": whole("e", VOCABULARY, WIDTH), LAYER + ".weight": whole("q", WIDTH, WIDTH)}
    if has_head:
        model[HEAD + ".weight"] = whole("e" if ties else "h", VOCABULARY, WIDTH)
    return model, write_model(model, **LLAMA, tie_word_embeddings=ties)


def of_embedding(rows=VOCABULARY):
    a, b = whole("ea", RANK, rows), whole("eb", WIDTH, RANK)
    return {EMBEDDING + ".lora_embedding_A": a, EMBEDDING + ".lora_embedding_B": b}, turned(times(b, a, ALPHA // RANK))


def of_head():
    a, b = whole("ha", RANK, WIDTH), whole("hb", VOCABULARY, RANK)
    return {HEAD + ".lora_A.weight": a, HEAD + ".lora_B.weight": b}, times(b, a, ALPHA // RANK)


def heads_stored_twice(bakes):
    """Both tensors of a model that ties them change alike, and as if there were one."""
    (embedding, first), (head, second) = of_embedding(), of_head()
    for has_head in (False, True):
        model, path = language_model(True, has_head)
        names = [EMBEDDING + ".weight"] + [HEAD + ".weight"] * has_head
        for adapter, delta, options in ((embedding, first, ()), (head, second, ("--tied", "sum")), (embedding | head, plus(first, second), ("--tied", "sum"))):
            changed = {name: plus(model[name], delta) for name in names}
            if fault := bakes.makes(path, write_adapter(adapter), model | changed, *options):
                return f"{sorted(adapter)}, {has_head}: {fault}"
        if fault := bakes.refused(path, write_adapter(head), "--tied sum"):
            return fault
    model, path = language_model(False, True)
    changed = {EMBEDDING + ".weight": plus(model[EMBEDDING + ".weight"], first), HEAD + ".weight": plus(model[HEAD + ".weight"], second)}
    return bakes.makes(path, write_adapter(embedding | head), model | changed)


def saved_heads(bakes):
    """Whole embeddings and heads for a model that ties them: equal ones are one, others cannot be."""
    saved, other, fields = whole("s", VOCABULARY, WIDTH), whole("o", VOCABULARY, WIDTH), {"modules_to_save": ["embed_tokens", "lm_head"]}
    names = EMBEDDING + ".weight", HEAD + ".weight"
    for has_head in (False, True):
        model, path = language_model(True, has_head)
        expected = model | {name: saved for name in names if name in model}
        adapters = dict.fromkeys(names, saved), {names[0]: saved, names[1]: other}, {names[1]: saved}
        faults = (bakes.makes(path, write_adapter(adapters[0], **fields), expected),
                  bakes.refused(path, write_adapter(adapters[1], **fields), "a head of its own|tie_word_embeddings"),
                  bakes.refused(path, write_adapter(adapters[2], **fields), "a head of its own|tie_word_embeddings", "--allow-unmatched"))
        if any(faults):
            return f"{has_head}: {faults}"
    return ""


def write_kohya(named):
    tensors.write("adapter.safetensors", stored(named))
    return "adapter.safetensors"


def kernels(matrix, points):
    """(out, in * points) as (out, in, points)."""
    return [[row[at:at + points] for at in range(0, len(row), points)] for row in matrix]


def channels(bakes):
    """What the adapter never saw stays as it is: channels of inpainting, images that a transformer takes in besides."""
    model = {"m.conv_in.weight": whole("c", 4, 9, 3), "m.img_in.weight": whole("i", 4, 8), "m.proj.weight": whole("p", 4, 8)}
    path = write_model(model)

    def grown(name, delta):
        zero = [0, 0, 0] if name == "m.conv_in" else 0
        width = len(model[name + ".weight"][0])
        return model | {name + ".weight": plus(model[name + ".weight"], [row + [zero] * (width - len(row)) for row in delta])}
    down, up, core = whole("d", RANK, 4, 1), whole("u", 4, RANK, 1), whole("m", RANK, RANK, 3)
    tucker = [[[sum(core[i][j][k] * up[p][i][0] * down[j][r][0] for i in range(RANK) for j in range(RANK)) for k in range(3)] for r in range(4)] for p in range(4)]
    hada = {f"hada_w{i}_{s}": whole((i, s), *((4, RANK) if s == "a" else (RANK, 12))) for i in (1, 2) for s in "ab"}
    loha = [[x * y for x, y in zip(*rows)] for rows in zip(times(hada["hada_w1_a"], hada["hada_w1_b"]), times(hada["hada_w2_a"], hada["hada_w2_b"]))]
    a, b = whole("la", RANK, 5), whole("lb", 4, RANK)
    plain = {"lora_down.weight": a, "lora_up.weight": b}
    cases = (("m.conv_in", {"lora_down.weight": down, "lora_mid.weight": core, "lora_up.weight": up}, tucker), ("m.conv_in", hada, kernels(loha, 3)),
             ("m.conv_in", {"diff": kernels(times(b, whole("ld", RANK, 12)), 3)}, kernels(times(b, whole("ld", RANK, 12)), 3)), ("m.img_in", plain, times(b, a)))
    for name, factors, delta in cases:
        if fault := bakes.makes(path, write_kohya({f"{name}.{factor}": value for factor, value in factors.items()}), grown(name, delta)):
            return f"{sorted(factors)}: {fault}"
    return bakes.refused(path, write_kohya({f"m.proj.{factor}": value for factor, value in plain.items()}), "the weight 8")


def other_extents(bakes):
    """Factors and differences that have as many elements as the weight, and lie otherwise."""
    path = write_model({"m.conv.weight": whole("c", 4, 2, 3, 3), "m.proj.weight": whole("p", 4, 6)})
    up = whole("u", 4, RANK, 1, 1)
    wrong = ({"m.conv.lora_down.weight": whole("d", RANK, 18, 1, 1), "m.conv.lora_up.weight": up},
             {"m.conv.lora_down.weight": whole("d", RANK, 2, 1, 1), "m.conv.lora_mid.weight": whole("m", RANK, RANK, 9, 1), "m.conv.lora_up.weight": up},
             {"m.proj.diff": whole("f", 4, 2, 3)})
    return next(filter(None, (bakes.refused(path, write_kohya(adapter), "and the weight \\[") for adapter in wrong)), "")


def dots(bakes):
    """Names with dots are as they stand, those with underscores may be either."""
    factors = {"lora_down.weight": whole("d", RANK, 4), "lora_up.weight": whole("u", 4, RANK)}
    delta = times(factors["lora_up.weight"], factors["lora_down.weight"])
    one, other = "m.a.b_c.weight", "m.a_b.c.weight"
    model = {one: whole("1", 4, 4), other: whole("2", 4, 4), "m.q.weight": whole("3", 4, 4)}

    def adapter(*modules):
        return write_kohya({f"{module}.{factor}": value for module in modules for factor, value in factors.items()})
    path = write_model(model)
    faults = (bakes.makes(path, adapter("m.a.b_c"), model | {one: plus(model[one], delta)}), bakes.makes(path, adapter("m.a_b.c"), model | {other: plus(model[other], delta)}),
              bakes.refused(path, adapter("m_a_b_c"), "may be"))
    del model[one]
    path = write_model(model)
    faults += (bakes.refused(path, adapter("m.a.b_c", "m.q"), "m.a.b_c"), bakes.makes(path, adapter("m_a_b_c"), model | {other: plus(model[other], delta)}))
    return next(filter(None, faults), "")


def plain_beside_blocks(bakes):
    """BD-LoRA with modules that neither of its lists names."""
    model = {"m.q.weight": whole("q", 4, 8), "m.o.weight": whole("o", 4, 8), "m.k.weight": whole("k", 4, 8)}
    a, b = whole("a", RANK, 8), whole("b", 4, RANK)
    blocks, halves = whole("h", RANK, 4), whole("g", 4, RANK // 2)
    apart = [[*blocks[0], 0, 0, 0, 0], [0, 0, 0, 0, *blocks[1]]]
    below = [[halves[i][0] * (i < 2), halves[i][0] * (i >= 2)] for i in range(4)]
    adapter = write_adapter({"m.q.lora_A.weight": blocks, "m.q.lora_B.weight": b, "m.o.lora_A.weight": a, "m.o.lora_B.weight": halves, "m.k.lora_A.weight": a,
                             "m.k.lora_B.weight": b}, use_bdlora={"nblocks": 2, "match_strict": False})
    changes = {"m.q": times(b, apart, 2), "m.o": times(below, a, 2), "m.k": times(b, a, 2)}
    return bakes.makes(write_model(model), adapter, {f"{name}.weight": plus(model[f"{name}.weight"], delta) for name, delta in changes.items()})


def saved_bases(bakes):
    """What PEFT saved below an embedding's factors and puts in the model's place: the model's own, or the adapter is of another model."""
    model, path = language_model(True, False)
    factors, delta = of_embedding()
    own, name = model[EMBEDDING + ".weight"], EMBEDDING + ".base_layer.weight"
    (grown, grown_delta), tokens = of_embedding(VOCABULARY + 2), {EMBEDDING + ".token_adapter.trainable_tokens_delta": whole("t", 1, WIDTH)}
    more = own + whole("l", 2, WIDTH)
    larger = {EMBEDDING + ".token_adapter.base_layer.weight": more}
    return (bakes.makes(path, write_adapter(factors | {name: own}), model | {EMBEDDING + ".weight": plus(own, delta)})
            or bakes.makes(path, write_adapter(grown | {name: more}), model | {EMBEDDING + ".weight": plus(more, grown_delta)})
            or bakes.refused(path, write_adapter(factors | {name: whole("o", VOCABULARY, WIDTH)}), "has other values in this model")
            or bakes.refused(path, write_adapter(grown | {name: whole("l", VOCABULARY + 2, WIDTH)}), "has other values in this model")
            or bakes.refused(path, write_adapter(tokens | larger, trainable_token_indices=[VOCABULARY + 1]), "tokens that are trained among them"))


TESTS = {"square experts": square_experts, "heads that are stored twice": heads_stored_twice, "saved heads": saved_heads, "channels": channels,
         "other extents": other_extents, "dots": dots, "plain beside blocks": plain_beside_blocks, "saved bases": saved_bases}


if __name__ == "__main__":
    named_tests.run({name: lambda ckmerge, test=test: test(Bakes(ckmerge)) for name, test in TESTS.items()}, "structures")
