# SPDX-License-Identifier: Apache-2.0
"""The forms of mergekit's YAML that are held against the real one, each with how far its results may lie away: in units of
2^-24 of the largest magnitude among the inputs (0 is to the bit; see tests/peers/cases.py), beyond a step of the output's dtype."""
import pathlib
import re
from dataclasses import dataclass, field

import folders

LARGEST = 0.125  # no value of folders.py is larger


@dataclass
class Form:
    name: str
    yaml: str
    models: str  # folders that it names
    units: float = 0
    steps: int = 1  # of the output's dtype, where that is not F32
    flags: list = field(default_factory=list)
    own_flags: list = field(default_factory=list)  # of ckmerge alone
    program: str = "yaml"  # or pytorch, multi
    # What is right where mergekit is not (docs/from-mergekit.md): fields of the config; where it fails altogether, the layers
    # that the result takes, folder and number of each.
    config: dict = field(default_factory=dict)
    layers: list = field(default_factory=list)
    skip: str = ""  # the tensor that is made by another rule here


def lay_out(form):
    """Writes what a run needs into the working folder: the models and config.yml. mergekit takes a name with two slashes for
    a path, and looks for others on the hub, even where they are there."""
    pathlib.Path("in").mkdir(exist_ok=True)
    for name in form.models.split():
        folders.make(name, "in")
    names = "|".join(sorted(form.models.split(), key=len, reverse=True))
    pathlib.Path("config.yml").write_text(re.sub(rf"\b({names})\b", r"./in/\1", form.yaml), encoding="utf-8")


def first_model(form):
    """The folder whose files mergekit and ckmerge carry: the base, and else the first that is named."""
    base = re.search(r"^base_model: (\S+)", form.yaml, re.MULTILINE)
    return pathlib.Path("in") / (base[1] if base and base[1] in form.models.split() else form.models.split()[0])


def of(models, **parameters):
    """The `models:` of a YAML: {folder: weight or parameters}."""
    lines = ["models:"]
    for model, given in models.items():
        lines.append(f"  - model: {model}")
        if given is not None:
            given = given if isinstance(given, dict) else {"weight": given}
            lines += ["    parameters:"] + [f"      {key}: {value}" for key, value in given.items()]
    return "\n".join(lines + [f"{key}: {value}" for key, value in parameters.items()]) + "\n"


def slices(*entries, **further):
    """`slices:` of [(folder, begin, end, parameters)], one list of sources per slice."""
    lines = ["slices:"]
    for sources in entries:
        lines.append("  - sources:")
        for model, begin, end, *given in sources:
            lines += [f"      - model: {model}", f"        layer_range: [{begin}, {end}]"]
            if given:
                lines += ["        parameters:"] + [f"          {key}: {value}" for key, value in given[0].items()]
    return "\n".join(lines + [f"{key}: {value}" for key, value in further.items()]) + "\n"


A, B, C, H = "llama_A", "llama_B", "llama_C", "llama_B_bf16"
AB, ABC, F32 = f"{A} {B}", f"{A} {B} {C}", {"dtype": "float32"}
SPARSE = {"base_model": A} | F32
LINEAR, TASK, PASS = {"merge_method": "linear"} | F32, {"merge_method": "task_arithmetic", "base_model": A} | F32, {"merge_method": "passthrough"} | F32
SLERP = {"merge_method": "slerp", "base_model": A} | F32
NUSLERP, MULTISLERP, KARCHER, DARE = {"merge_method": "nuslerp"} | F32, {"merge_method": "multislerp"} | F32, {"merge_method": "karcher"} | F32, {"base_model": A} | F32
ATTENTION = "[{filter: self_attn, value: [0, 0.5, 0.3, 0.7, 1]}, {filter: mlp, value: [1, 0.5, 0.7, 0.3, 0]}, {value: 0.5}]"

PRECEDENCE = """\
slices:
  - sources:
      - model: llama_A
        layer_range: [0, 2]
        parameters:
          weight: 0
      - model: llama_B
        layer_range: [0, 2]
    parameters:
      weight: 0.5
  - sources:
      - model: llama_A
        layer_range: [2, 4]
      - model: llama_B
        layer_range: [2, 4]
        parameters:
          weight: 3
merge_method: linear
dtype: float32
parameters:
  weight: 1
  normalize: true
"""
OWN_BASE = """\
slices:
  - sources:
      - model: llama_A
        layer_range: [0, 2]
      - model: llama_B
        layer_range: [0, 2]
    base_model: llama_B
    parameters:
      t: 0.25
  - sources:
      - model: llama_A
        layer_range: [2, 4]
      - model: llama_B
        layer_range: [2, 4]
merge_method: slerp
base_model: llama_A
dtype: float32
parameters:
  t: 0.75
"""
MODULES_OF_MODELS = """\
modules:
  default:
    models:
      - model: llama_A
        parameters: {weight: 0.25}
      - model: llama_B
    parameters:
      weight: 0.75
merge_method: linear
dtype: float32
parameters:
  weight: 7
"""
MODULES_OF_SLICES = """\
modules:
  default:
    slices:
      - sources:
          - model: llama_A
            layer_range: [0, 2]
      - sources:
          - model: llama_B
            layer_range: [1, 4]
merge_method: passthrough
dtype: float32
"""
TOKENS = """\
tokenizer:
  source: union
  tokens:
    <tool>:
      source: llama_D_extended
    <think>:
      source:
        kind: zero
    </s>:
      source: llama_D_extended
      force: true
    st:
      source:
        kind: model_token
        model: llama_A
        token: th
    <new>:
      source:
        kind: model_token
        model: llama_D_extended
        token_id: 30
"""

MODELS_ALONE = [
    Form("linear", of({A: 0.5, B: 0.5}, **LINEAR), AB, 0),
    Form("linear, quarters", of({A: 0.25, B: 0.75}, **LINEAR), AB, 0),
    Form("linear, normalized", of({A: 1, B: 2, C: 0.5}, **LINEAR), ABC, 8),
    Form("linear, not normalized", of({A: 0.3, B: 0.5, C: 0.4}, **LINEAR, parameters="{normalize: false}"), ABC, 8),
    Form("linear, weight of all", of({A: None, B: None}, **LINEAR, parameters="{weight: 1.0}"), AB, 0),
    Form("linear, gradients", of({A: "[0, 1]", B: "[1, 0]"}, **LINEAR), AB, 8),
    Form("linear, long gradient", of({A: "[0, 0.25, 1, 0.5, 0.125, 0.75]", B: 0.5}, **LINEAR), AB, 8),
    Form("linear, filters", of({A: 1, B: "[{filter: mlp, value: 3}, {filter: layers.1.self_attn, value: 1}, {value: 0}]"}, **LINEAR), AB, 8),
    Form("linear, filters with gradients",
         of({A: 1, B: "[{filter: mlp, value: [0, 1, 3]}, {filter: '*', value: 0.5}, {filter: norm, value: 9}]"}, **LINEAR), AB, 8),
    Form("linear, a filter without the rest", of({A: 1, B: "[{filter: mlp, value: 3}]"}, **LINEAR, parameters="{weight: 0.5}"), AB, 8),
    Form("linear, empty list", of({A: 1, B: "[]"}, **LINEAR, parameters="{weight: 3}"), AB, 0),
    Form("linear, a base that is a model more", of({A: 1, B: 2}, **LINEAR, base_model=C, parameters="{weight: 0.5}"), ABC, 8),
    Form("linear, a base among the models", of({A: 1, B: 3}, **LINEAR, base_model=B), AB, 0),
    Form("linear, texts for numbers", of({A: '"0.5"', B: "5e-1"}, **LINEAR, parameters="{normalize: 'yes'}"), AB, 0),
    Form("linear, one model", of({A: 0.3}, **LINEAR), A, 8),
    Form("linear, sharded", of({"llama_A_sharded": 0.5, "llama_B_sharded": 0.5}, **LINEAR), "llama_A_sharded llama_B_sharded", 0,
         flags=["--out-shard-size", "4000"]),
    Form("linear, whole and sharded", of({A: 0.5, "llama_B_sharded": 0.5}, **LINEAR), f"{A} llama_B_sharded", 0),
    Form("linear, tied", of({"tied-llama_A": 0.5, "tied-llama_B": 0.5}, merge_method="linear", dtype="bfloat16"), "tied-llama_A tied-llama_B", 0),
    Form("slerp", of({A: None, B: None}, **SLERP, parameters="{t: 0.3}"), AB, 16),
    Form("slerp, base second", of({A: None, B: None}, merge_method="slerp", base_model=B, dtype="float32", parameters="{t: 0.3}"), AB, 16),
    Form("slerp, gradient", of({A: None, B: None}, **SLERP, parameters="{t: [0.1, 0.5, 0.9]}"), AB, 16),
    Form("slerp, t of a model is not heeded", of({A: {"t": 0.9}, B: {"t": 0.1}}, **SLERP, parameters="{t: 0.25}"), AB, 16),
    Form("task_arithmetic", of({A: None, B: 0.5, C: 0.25}, **TASK), ABC, 0),
    Form("task_arithmetic, base not listed", of({B: 0.5, C: 0.25}, **TASK), ABC, 0),
    Form("task_arithmetic, lambda", of({B: 0.7, C: 0.4}, **TASK, parameters="{lambda: 0.6}"), ABC, 0),
    Form("task_arithmetic, normalize", of({B: 0.7, C: 0.4}, **TASK, parameters="{normalize: true}"), ABC, 0),
    Form("task_arithmetic, filters and gradients",
         of({B: "[{filter: mlp, value: [0, 1]}, {filter: self_attn, value: 0.5}, {value: 0.25}]", C: "[1, 0, 0.5]"}, **TASK), ABC, 10),
    # Magnitudes of folders.py are equal too often for more: which of them stays is mergekit's own (docs/from-mergekit.md).
    Form("ties, density 1", of({B: 0.5, C: {"weight": 0.25, "density": 1}}, **SPARSE, merge_method="ties", parameters="{lambda: 0.7}"), ABC, 0),
    Form("ties, a negative weight", of({B: 1, C: -0.5}, **SPARSE, merge_method="ties", parameters="{normalize: false, int8_mask: true}"), ABC, 0),
    Form("breadcrumbs_ties, density 1", of({B: 0.5, C: 1}, **SPARSE, merge_method="breadcrumbs_ties", parameters="{normalize: true, gamma: 0.2}"), ABC, 0),
    Form("nearswap", of({B: None}, merge_method="nearswap", base_model=A, dtype="float32", parameters="{t: 0.01}"), AB, 0),
    Form("nuslerp", of({A: 0.6, B: 0.3}, **NUSLERP), AB, 16),
    Form("nuslerp, base", of({A: 0.6, B: "[0.2, 1]"}, **NUSLERP, base_model=C), ABC, 16),
    Form("nuslerp, weights that cancel", of({A: 1, B: -1}, **NUSLERP), AB, 16),
    Form("nuslerp, row_wise of whole tensors", of({A: 1, B: 2}, **NUSLERP, parameters="{nuslerp_row_wise: true}"), AB, 16),
    Form("multislerp", of({A: 0.6, B: 0.3, C: 0.4}, **MULTISLERP), ABC, 16),
    Form("multislerp, not normalized", of({A: 0.6, B: 0.3}, **MULTISLERP, parameters="{normalize_weights: false}"), AB, 16),
    Form("multislerp, base", of({B: 0.6, C: 0.5}, **MULTISLERP, base_model=A), ABC, 16),
    Form("multislerp, base and one model", of({B: 0.6}, **MULTISLERP, base_model=A), AB, 0),
    Form("karcher", of({A: None, B: None, C: None}, **KARCHER), ABC, 16),
    Form("karcher, a base that is a model more", of({A: None, B: None}, **KARCHER, base_model=C, parameters="{max_iter: 2}"), ABC, 16),
    Form("model_stock", of({B: None, C: None}, merge_method="model_stock", base_model=A, dtype="float32"), ABC, 16),
    Form("dare_linear of all", of({B: 0.5, C: 0.3}, **DARE, merge_method="dare_linear"), ABC, 0),
    Form("dare_linear of all, normalized", of({B: 0.5, C: 0.3}, **DARE, merge_method="dare_linear", parameters="{normalize: true, lambda: 0.9}"), ABC, 0),
    Form("dare_linear of nothing", of({B: {"weight": 0.5, "density": 0}}, **DARE, merge_method="dare_linear"), AB, 0),
    Form("dare_ties of all", of({B: 0.5, C: "[1, 0.3]"}, **DARE, merge_method="dare_ties"), ABC, 0),
    Form("dare_ties of all, normalized", of({B: 0.5, C: 0.3}, **DARE, merge_method="dare_ties", parameters="{normalize: true, lambda: 0.9}"), ABC, 0),
    Form("dare_ties, a weight below 0", of({B: 0.5, C: -0.3}, **DARE, merge_method="dare_ties", parameters="{normalize: true}"), ABC, 0),
    Form("sce", of({B: None, C: None}, **DARE, merge_method="sce", parameters="{int8_mask: true}"), ABC, 16),
    Form("sce, one model", of({B: None}, **DARE, merge_method="sce"), AB, 0),
    Form("sce, the half of one model", of({B: None}, **DARE, merge_method="sce", parameters="{select_topk: 0.5}"), AB, 0),
    Form("ram", of({B: None, C: None}, **DARE, merge_method="ram", parameters="{epsilon: 0.01}"), ABC, 0),
    Form("ramplus_tl", of({B: None, C: None}, **DARE, merge_method="ramplus_tl", parameters="{epsilon: 0.03, alpha: 2}"), ABC, 4),
    Form("passthrough", of({A: None}, **PASS), A, 0),
    Form("passthrough, scale", of({A: {"scale": "[{filter: down_proj, value: 0}, {filter: o_proj, value: 0.5}, {value: 1}]"}}, **PASS), A, 0),
]
DTYPES = [
    Form("no dtype, one of them bf16", of({A: 0.5, H: 0.5}, merge_method="linear"), f"{A} {H}", 0,
         config={"dtype": "float32"}),  # of the tensors; there bfloat16, which makes readers round them
    Form("no dtype, both bf16", of({"llama_A_bf16": 0.25, H: 0.75}, merge_method="linear"), f"llama_A_bf16 {H}", 0),
    Form("no dtype, bf16 and f16", of({"llama_A_f16": 0.5, H: 0.5}, merge_method="linear"), f"llama_A_f16 {H}", 0, config={"dtype": "float32"}),
    Form("dtype bfloat16", of({A: 0.25, B: 0.75}, merge_method="linear", dtype="bfloat16"), AB, 0),
    Form("dtype float16", of({A: 0.3, B: 0.7}, merge_method="linear", dtype="float16"), AB, 8),
    Form("out_dtype bfloat16", of({A: 0.3, B: 0.7}, **LINEAR, out_dtype="bfloat16"), AB, 8),
    Form("out_dtype float32 of bf16",
         of({"llama_A_bf16": 0.5, H: 0.5}, merge_method="linear", dtype="bfloat16", out_dtype="float32"), f"llama_A_bf16 {H}", 0),
    Form("slerp, bf16",
         of({"llama_A_bf16": None, H: None}, merge_method="slerp", base_model="llama_A_bf16", dtype="bfloat16", parameters="{t: 0.3}"), f"llama_A_bf16 {H}", 16),
    Form("task_arithmetic, bf16",
         of({H: 0.5}, merge_method="task_arithmetic", base_model="llama_A_bf16", dtype="bfloat16"), f"llama_A_bf16 {H}", 2.0**16,
         steps=2),  # every operation is rounded to bf16 there
]
SLICED = [
    Form("slices, slerp", slices([(A, 0, 4), (B, 0, 4)], **SLERP, parameters=f"{{t: {ATTENTION}}}"), AB, 16),
    Form("slices, two of them",
         slices([(A, 0, 2, {"weight": 0.25}), (B, 0, 2, {"weight": 0.75})], [(A, 2, 4, {"weight": 0.75}), (B, 2, 4, {"weight": 0.25})], **LINEAR), AB, 0),
    Form("slices, other layers beside each other", slices([(A, 0, 3, {"weight": 0.5}), (B, 1, 4, {"weight": 0.5})], **LINEAR), AB, 0),
    Form("slices, gradients in each",
         slices([(A, 0, 3, {"weight": "[0, 1]"}), (B, 0, 3, {"weight": "[1, 0]"})], [(A, 3, 4, {"weight": "[0, 1]"}), (B, 3, 4, {"weight": "[1, 0]"})], **LINEAR), AB, 8),
    Form("frankenmerge", slices([(A, 0, 3)], [(B, 1, 4)], **PASS), AB, 0),
    Form("frankenmerge, one layer twice", slices([(A, 0, 2)], [(A, 1, 2)], [(A, 1, 4)], **PASS), A, 0),
    Form("frankenmerge, scaled",
         slices([(A, 0, 2)], [(A, 1, 3, {"scale": "[{filter: o_proj, value: 0}, {filter: down_proj, value: 0}, {value: 1}]"})], [(A, 2, 4)], **PASS), A, 0),
    Form("frankenmerge, layers left out", slices([(A, 0, 1)], [(A, 3, 4)], **PASS), A, 0),
    Form("frankenmerge of sharded folders",
         slices([("llama_A_sharded", 0, 3)], [("llama_B_sharded", 2, 4)], **PASS), "llama_A_sharded llama_B_sharded", 0),
    Form("precedence", PRECEDENCE, AB, 0),
    Form("slice's own base", OWN_BASE, AB, 16),
    Form("residual_weight",
         slices([(A, 0, 2)], [(B, 2, 4)], **PASS).replace("  - sources:\n      - model: llama_B", "  - residual_weight: 0.5\n    sources:\n      - model: llama_B"), AB, 0),
    Form("modules, models", MODULES_OF_MODELS, AB, 0),
    Form("modules, slices", MODULES_OF_SLICES, AB, 0),
    Form("frankenmerge with layer_types", slices([("qwen2_A", 0, 3)], [("qwen2_B", 1, 4)], **PASS), "qwen2_A qwen2_B", 0,
         layers=[("qwen2_A", 0), ("qwen2_A", 1), ("qwen2_A", 2), ("qwen2_B", 1), ("qwen2_B", 2), ("qwen2_B", 3)],
         config={"num_hidden_layers": 6, "layer_types": ["full_attention"] * 2 + ["sliding_attention"] * 1 + ["full_attention"] + ["sliding_attention"] * 2}),
]
MULTI = [
    Form("two documents", of({A: 0.5, B: 0.5}, **LINEAR, name="first") + "---\n" + of({"first": 0.5, C: 0.5}, **LINEAR), ABC, 0, program="multi"),
    Form("two documents, slices of a slice",
         slices([(A, 0, 3)], [(B, 1, 4)], **PASS, name="tall") + "---\n" + slices([("tall", 1, 3)], [("tall", 2, 6)], **PASS), AB, 0, program="multi"),
    Form("three documents", of({B: 1}, **TASK, name="b") .replace("weight: 1", "weight: 0.5") + "---\n" + of({C: 0.25}, **TASK, name="c") + "---\n"
         + of({"b": None, "c": None}, merge_method="slerp", base_model="b", dtype="float32", parameters="{t: 0.5}"), ABC, 16, program="multi"),
]
D = "llama_D_extended"
AD = f"{A} {D}"
VOCABULARIES = [
    Form("tokenizer_source: base", of({A: 0.5, D: 0.5}, **LINEAR, base_model=A, tokenizer_source="base"), AD, 0),
    Form("tokenizer_source: a model", of({A: 0.5, D: 0.5}, **LINEAR, base_model=A, tokenizer_source=D), AD, 0),
    Form("tokenizer_source: union", of({A: 0.5, D: 0.5}, **LINEAR, base_model=A, tokenizer_source="union"), AD, 0),
    Form("tokenizer_source: union, base is larger", of({A: 0.5, D: 0.5}, **LINEAR, base_model=D, tokenizer_source="union"), AD, 0),
    Form("tokenizer: tokens", of({A: 0.5, D: 0.5}, **LINEAR, base_model=A) + TOKENS, AD, 0),
    Form("tokenizer: pad_to_multiple_of",
         of({A: 0.5, D: 0.5}, **LINEAR, base_model=A) + "tokenizer:\n  source: union\n  pad_to_multiple_of: 8\n", AD, 64),
    Form("chat_template", of({A: 0.5, B: 0.5}, **LINEAR, base_model=A, tokenizer_source="base", chat_template="chatml"), AB, 0),
    Form("embeddings cut", of({A: 0.5, D: 0.5}, **LINEAR, base_model=A), AD, 0, flags=["--unsafe-truncate-embeddings"], config={"vocab_size": 48}),
]
PYTORCH = [
    Form("files", of({f"{A}/model.safetensors": 0.5, f"{B}/model.safetensors": 0.5}, **LINEAR), AB, 0, program="pytorch"),
    Form("files, gradients count from 0",
         of({f"{A}/model.safetensors": "[0.25, 1]", f"{B}/model.safetensors": "[0.75, 0]"}, **LINEAR), AB, 0, program="pytorch"),
    # Where a head is missing, the embedding is it here.
    Form("files, intersection", of({f"{A}/model.safetensors": 0.5, "llama_B_partial/model.safetensors": 0.5}, **LINEAR), f"{A} llama_B_partial", 0,
         flags=["-i"], program="pytorch", skip="lm_head.weight"),
    Form("files, union", of({f"{A}/model.safetensors": 1, "llama_B_partial/model.safetensors": 3}, **LINEAR), f"{A} llama_B_partial", 0,
         flags=["-u"], program="pytorch", skip="lm_head.weight"),
    Form("files, slerp",
         of({f"{A}/model.safetensors": None, f"{B}/model.safetensors": None}, merge_method="slerp", base_model=f"{A}/model.safetensors", dtype="float32",
                            parameters="{t: 0.3}"), AB, 16, program="pytorch"),
]
# With mergekit's own masks, and its order of equal magnitudes, of which the models have many; without rescale to the bit.
SEED, ORDER = {"flags": ["--random-seed", "42"]}, {"own_flags": ["--order", "mergekit"]}
DRAWN = {"density": 0.6, "weight": 0.5}
LIKE_THERE = [
    Form("dare_linear, masks", of({B: DRAWN, C: {"weight": 0.3, "density": 0.3}}, **DARE, merge_method="dare_linear", parameters="{rescale: false}"), ABC, 0, **SEED),
    Form("dare_ties, masks of one", of({B: DRAWN, C: 0.3}, **DARE, merge_method="dare_ties", parameters="{rescale: false, normalize: true}"), ABC, 0, **SEED),
    Form("dare_linear, masks, rescaled", of({B: DRAWN, C: {"weight": 0.3, "density": 0}}, **DARE, merge_method="dare_linear"), ABC, 8, **SEED),
    Form("dare_linear, masks by filter",
         of({B: {"weight": 0.5, "density": "[{filter: mlp, value: 1}, {value: 0.4}]"}, C: DRAWN}, **DARE, merge_method="dare_linear", parameters="{rescale: false}"),
         ABC, 0, **SEED),
    Form("della, masks", of({B: DRAWN, C: {"weight": 0.3, "density": 0.3}}, **DARE, merge_method="della", parameters="{rescale: false}"), ABC, 0, **SEED),
    Form("della_linear, masks",
         of({B: {**DRAWN, "epsilon": 0.3}, C: {"weight": 0.3, "density": 0.3}}, **DARE, merge_method="della_linear", parameters="{rescale: false, lambda: 0.9}"), ABC, 0,
         **SEED),
    Form("della, masks, rescaled", of({B: DRAWN, C: {"weight": 0.3, "density": 0.3}}, **DARE, merge_method="della"), ABC, 16, **SEED),
    Form("ties, equal magnitudes", of({B: DRAWN, C: {"weight": 0.3, "density": 0.2}}, **SPARSE, merge_method="ties"), ABC, 0, **ORDER),
    Form("breadcrumbs, equal magnitudes", of({B: DRAWN, C: {"weight": 0.3, "density": 0.2, "gamma": 0.1}}, **SPARSE, merge_method="breadcrumbs"), ABC, 0, **ORDER),
    Form("breadcrumbs_ties, equal magnitudes", of({B: DRAWN, C: {"weight": 0.3, "density": 0.2, "gamma": 0.1}}, **SPARSE, merge_method="breadcrumbs_ties"), ABC, 0,
         **ORDER),
]
FORMS = MODELS_ALONE + LIKE_THERE + DTYPES + SLICED + MULTI + VOCABULARIES + PYTORCH
