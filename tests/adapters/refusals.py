# SPDX-License-Identifier: Apache-2.0
"""usage: refusals.py CKMERGE [NAME ...]
Adapters that cannot be merged, or not into this model: each is refused with its exit code and the words that say why, and nothing is
written. They are recorded adapters with a field or a tensor changed."""
import copy
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import named_tests
import recorded
import tensors

NAN = struct.pack("<f", float("nan"))


class Scene:
    """An adapter and its model, as they are recorded; `change` may change any of it."""

    def __init__(self, group, name):
        self.entry = copy.deepcopy(recorded.load(group)[name])
        self.config, self.metadata = self.entry["config"], self.entry["metadata"]
        self.adapter, self.base = recorded.adapter_of(name, self.entry), recorded.base_of(recorded.load("nets"), self.entry)
        self.config_text, self.options = None, ()

    def write(self):
        tensors.write("base.safetensors", self.base)
        if self.config is None and self.config_text is None:
            tensors.write("adapter.safetensors", self.adapter, self.metadata)
            return "adapter.safetensors"
        pathlib.Path("adapter").mkdir()
        tensors.write("adapter/adapter_model.safetensors", self.adapter)
        pathlib.Path("adapter/adapter_config.json").write_text(self.config_text if self.config_text is not None else json.dumps(self.config))
        return "adapter"


def config(**fields):
    return lambda scene: scene.config.update(fields)


def text(words):
    return lambda scene: setattr(scene, "config_text", words)


def without(pattern):
    def change(scene):
        scene.adapter = {name: entry for name, entry in scene.adapter.items() if not re.search(pattern, name)}
    return change


def renamed(old, new):
    def change(scene):
        scene.adapter = {name.replace(old, new): entry for name, entry in scene.adapter.items()}
    return change


def again(old, *new):
    """What is called so once more by other names."""
    def change(scene):
        scene.adapter |= {re.sub(old, to, name): entry for to in new for name, entry in scene.adapter.items() if re.search(old, name)}
    return change


def holds(**named):
    """Nothing but these tensors, of so many elements, and another peft_type."""
    def change(scene):
        kind = named["kind"]
        scene.config = {"peft_type": kind, "base_model_name_or_path": None, "r": 4, "target_modules": ["q_proj"]}
        scene.adapter = {name.replace("__", "."): tensors.made("refused", name, "F32", shape) for name, shape in named.items() if name != "kind"}
    return change


def nan(pattern):
    def change(scene):
        for name, (dtype, shape, raw) in scene.adapter.items():
            if re.search(pattern, name):
                scene.adapter[name] = dtype, shape, NAN + raw[4:]
    return change


def wider(pattern):
    def change(scene):
        for name, (dtype, shape, raw) in scene.adapter.items():
            if re.search(pattern, name):
                scene.adapter[name] = dtype, [shape[0], shape[1] + 1], raw + bytes(4 * shape[0])
    return change


def no_adapter(scene):
    scene.adapter, scene.config = dict(scene.base), None


def both(*changes):
    return lambda scene: [change(scene) for change in changes]


def options(*words):
    return lambda scene: setattr(scene, "options", words)


LORA, KOHYA = ("peft-lora", "lora"), ("lycoris", "lora")
PROMPT = {"prompt_embeddings": [4, 6]}
# (what of which recording, how it is changed, exit code, what the refusal says)
CASES = {
    "aLoRA": (LORA, config(alora_invocation_tokens=[1, 2]), 4, "aLoRA|alora"),
    "QALoRA": (LORA, config(use_qalora=True), 4, "(?i)qalora"),
    "Arrow": (LORA, config(arrow_config={"top_k": 2}), 4, "(?i)arrow"),
    "CorDA": (LORA, config(init_lora_weights="corda"), 4, "(?i)corda"),
    "CorDA, as PEFT begins to read it": (LORA, config(init_lora_weights="corda_kpm"), 4, "(?i)corda"),
    "an initialisation of tomorrow": (LORA, config(init_lora_weights="tomorrow"), 4, "tomorrow"),
    "PiSSA in other letters": (LORA, config(init_lora_weights="PiSSA"), 4, "PiSSA"),
    "LoRA-GA": (LORA, config(init_lora_weights="lora_ga"), 4, "(?i)lora.ga"),
    "LoftQ": (LORA, config(init_lora_weights="loftq"), 4, "(?i)loftq"),
    "replicated layers": (LORA, config(layer_replication=[[0, 1], [0, 1]]), 4, "layer_replication|replicat"),
    "X-LoRA": (LORA, config(peft_type="XLORA"), 4, "X-?LoRA|XLORA"),
    "Poly": (LORA, config(peft_type="POLY"), 4, "(?i)poly"),
    "Lily": (LORA, config(peft_type="LILY"), 4, "(?i)lily"),
    "Shadow": (LORA, config(peft_type="SHADOW"), 4, "(?i)shadow"),
    "a kind of tomorrow": (LORA, config(peft_type="TOMORROW"), 4, "TOMORROW"),
    **{f"prompts, {kind}": (LORA, holds(kind=kind, **PROMPT), 4, f"(?i){kind}|prompt") for kind in ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "CARTRIDGE")},
    "PSOFT": (LORA, holds(kind="PSOFT", base_model__model__layers__0__q_proj__psoft_R__weight=[1, 6]), 4, "(?i)psoft"),
    "AdaMSS": (LORA, holds(kind="ADAMSS", base_model__model__layers__0__q_proj__adamss_A__0=[1, 6]), 4, "(?i)adamss"),
    "VeRA without its projections": (("peft-adding", "vera"), both(without(r"vera_[AB]$"), config(save_projection=False)), 4, "(?i)projection|vera_A"),
    "UniLoRA without its indices": (("peft-adding", "unilora, indices"), both(without("indices|scales"), config(save_indices=False)), 4, "(?i)uni-?lora"),
    "no config": (LORA, lambda scene: setattr(scene, "config", None), 4, "adapter_config.json"),
    "no config, and metadata that tell nothing": (LORA, lambda scene: (setattr(scene, "config", None), scene.metadata.update(lora_adapter_metadata="{}")), 4,
                                                  "adapter_config.json|lora_adapter_metadata"),
    "an alpha that is a text": (LORA, config(lora_alpha="six"), 3, "lora_alpha"),
    "a config that is no object": (LORA, text("[1, 2]"), 3, "adapter_config.json"),
    "a config that is no JSON": (LORA, text('{"peft_type": '), 3, "adapter_config.json"),
    "a rank that is a text": (LORA, config(r="eight"), 3, r"\br\b"),
    "a pattern that is none": (LORA, config(rank_pattern={"(": 2}), 3, "rank_pattern"),
    "seeds and counts that are none": (("peft-adding", "fourierft"), config(random_loc_seed=1e300), 3, "random_loc_seed is 1e"),
    "blocks that are none": (("peft-lora", "bd-lora"), config(use_bdlora={"nblocks": 1e300}), 3, "nblocks"),
    "a top that is none": (("peft-adding", "vblora"), config(topk=1e300), 3, "topk"),
    **{f"a config of {kind}": (LORA, config(peft_type=kind), 4, f"is LoRA, its config says {kind}") for kind in ("VERA", "IA3", "ADALORA", "OFT")},
    "AdaLoRA with a config of LoRA": (("peft-adding", "adalora"), config(peft_type="LORA"), 4, "is AdaLoRA, its config says LORA"),
    "DoRA without magnitudes": (LORA, config(use_dora=True), 4, "no lora_magnitude_vector"),
    "magnitudes and no DoRA": (("peft-lora", "dora"), config(use_dora=False), 4, "lora_magnitude_vector"),
    "biases that are lost": (LORA, config(lora_bias=True), 4, "lora_B.bias"),
    **{f"a rank of {rank}": (LORA, config(r=rank), 4, "rank") for rank in (0, 1, 2, 3, 4.5, 8)},
    "a rank of LoHa that is another": (("peft-adding", "loha"), config(r=1), 4, "factors have rank"),
    "a rank of LoKr that is another": (("peft-adding", "lokr"), config(r=1, rank_pattern={}), 4, "factors have rank"),
    "a rank of AdaLoRA that is less": (("peft-adding", "adalora"), config(init_r=1), 4, "factors have rank"),
    "a rank of experts that is another": (("peft-lora", "lora, experts, both"), config(r=1, rank_pattern={}), 4, "factors have rank"),
    "no up": (LORA, without("q_proj.lora_B"), 4, "lora_B|lora_up"),
    "no down": (KOHYA, without("proj.lora_down"), 4, "lora_A|lora_down"),
    "two adapters in one file": (LORA, again("lora_A.weight", "lora_A.second.weight"), 4, "(?i)twice"),
    "a factor in two spellings": (KOHYA, again("lora_down", "lora_A"), 4, "(?i)twice"),
    "a LoRA and a LoHa of one module": (KOHYA, again("lora_down.weight", "hada_w1_a"), 4, "two kinds, LoHa and LoRA"),
    "a LoRA and the mark of a Diag-OFT": (KOHYA, again("alpha", "rescale"), 4, "two kinds, LoRA and Diag-OFT"),
    "a LoKr of a whole and a product": (("lycoris", "lokr, whole factors"), again("lokr_w2$", "lokr_w2_a", "lokr_w2_b"), 4, "lokr_w2 and lokr_w2_a"),
    "factors that do not fit each other": (LORA, wider("q_proj.lora_B"), 4, "q_proj"),
    "factors that do not fit the weight": (LORA, wider("q_proj.lora_A"), 4, "q_proj"),
    "NaN": (LORA, nan("q_proj.lora_A"), 3, "(?i)nan"),
    "a module that the model lacks": (LORA, renamed("q_proj", "qq_proj"), 4, "qq_proj(.|\n)*q_proj"),
    "a module that the model lacks, of kohya": (KOHYA, renamed("down_0", "down_7"), 4, "down_7"),
    "no module that the model has": (LORA, both(renamed("layers.0", "blocks.7"), options("--allow-unmatched")), 4, "(?i)no module|nothing|none of"),
    "a checkpoint for an adapter": (LORA, no_adapter, 4, "(?i)adapter|LoRA"),
}


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return done.returncode, (done.stdout + done.stderr).strip()


def fault_of(ckmerge, case):
    (group, name), change, code, words = case
    scene = Scene(group, name)
    change(scene)
    adapter = scene.write()
    before = sorted(os.listdir("."))
    status, told = run(ckmerge, "bake", "base.safetensors", "--lora", adapter, "-o", "out.safetensors", *scene.options)
    after = [entry for entry in sorted(os.listdir(".")) if entry != "cache"]
    if status != code:
        return f"exit {status} instead of {code}: {told[-400:]}"
    if not re.search(words, told):
        return f"is refused without {words!r}: {told[-400:]}"
    return f"{set(after) - set(before)} is written" if after != before else ""


def mistaken(ckmerge):
    """A LoRA where a checkpoint is wanted is told to be one."""
    scene = Scene(*LORA)
    adapter = scene.write()
    for words in (("merge", adapter, "base.safetensors"), ("bake", adapter, "--lora", "base.safetensors")):
        status, told = run(ckmerge, *words, "-o", "out.safetensors")
        if status == 0 or not re.search("(?i)lora|adapter", told):
            return f"{words}: exit {status}: {told[-300:]}"
    return ""


def below(ckmerge):
    """Of adapters that are not called default, which PEFT saves in folders of their names, it is told where they are."""
    scene = Scene(*LORA)
    os.rename(scene.write(), "style")
    for names, words in ((["style"], "it has an adapter of PEFT in a folder of its own: give adapter/style"),
                         (["style", "face"], "it has 2 adapters of PEFT, each in a folder of its own: give one of them, such as adapter/face")):
        for name in names:
            shutil.copytree("style", f"adapter/{name}", dirs_exist_ok=True)
        status, told = run(ckmerge, "bake", "base.safetensors", "--lora", "adapter", "-o", "out.safetensors")
        if status != 1 or words not in told:
            return f"exit {status}: {told[-400:]}"
    return ""


def allowed(ckmerge):
    """With --allow-unmatched the rest of an adapter is merged, and what is left out is named."""
    scene = Scene(*LORA)
    renamed("q_proj", "qq_proj")(scene)
    adapter = scene.write()
    status, told = run(ckmerge, "bake", "base.safetensors", "--lora", adapter, "-o", "out.safetensors", "--allow-unmatched")
    if status or "qq_proj" not in told:
        return f"exit {status}: {told[-300:]}"
    made = tensors.read("out.safetensors")
    changed = {name for name in made if made[name] != tuple(scene.base[name])}
    wanted = set(scene.entry["expected"]) - {"layers.0.q_proj.weight"}
    return "" if changed == wanted else f"{sorted(changed)} are changed, not {sorted(wanted)}"


if __name__ == "__main__":
    named_tests.run({name: lambda ckmerge, case=case: fault_of(ckmerge, case) for name, case in CASES.items()} | {"mistaken": mistaken, "allowed": allowed, "below": below}, "refusals")
