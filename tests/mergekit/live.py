# SPDX-License-Identifier: Apache-2.0
"""usage: live.py CKMERGE [models|forms|architectures] [NAME ...]
Runs in the environment of the peers. models: merges of folders, read by from_pretrained and by huggingface_hub's loaders.
forms: every form of forms.py by the real mergekit and by ckmerge, all elements compared, and the result loaded.
architectures: mergekit's own merge of each model against ckmerge's, as transformers loads the two."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import architectures
import compare_forms
import compare_models
import extracts
import folders
import forms
import huggingface_hub
import record_forms
import respelled
import torch
import transformers

# What mergekit 0.1.5 makes of them: where it ends with 0 and its result is another model, or ends with an error.
MERGEKIT_FAILS = {"gemma3": "wants names that are not there", "t5": "asks for wi_0"}
MERGEKIT_LOSES = {"deepseek-v3": "without routed experts", "llava": "without the language model"}


def logits(name, model):
    ids = torch.tensor([[1, 9, 17, 30, 2]])
    given = {"decoder_input_ids": ids} if name == "t5" else {}
    with torch.no_grad():
        return model.eval()(input_ids=ids, **given).logits


def loaded(name, folder):
    """(model, faults) of from_pretrained."""
    model, told = architectures.load(name, folder, output_loading_info=True)
    faults = [f"{kind}: {sorted(map(str, told[kind]))[:3]}" for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if told[kind]]
    if not torch.isfinite(logits(name, model)).all():
        faults.append("logits are not finite")
    return model, faults


def bare(folder):
    """A module that has the tensors of a folder by their names and nothing else, with values of its own."""
    root = torch.nn.Module()
    for name, (_, shape, _) in folders.read_folder(folder).items():
        place, *path = root, *name.split(".")
        for part in path[:-1]:
            if not hasattr(place, part):
                setattr(place, part, torch.nn.Module())
            place = getattr(place, part)
        place.register_buffer(path[-1], torch.full(shape, 7.0))
    return root


def hub_faults(folder):
    """huggingface_hub's loader, strict, over the index or the single file."""
    told = huggingface_hub.load_torch_model(bare(folder), folder, strict=True)
    return [f"load_torch_model: {told}"] if told.missing_keys or told.unexpected_keys else []


def different(one, other):
    x, y = one.state_dict(), other.state_dict()
    return sorted(set(x) ^ set(y)) + sorted(name for name in x if name in y and not torch.equal(x[name], y[name]))


def expected_model(name):
    """The average of A and B, as transformers has them."""
    a, b = (architectures.load(name, folders.make(f"{name}_{letter}")) for letter in "AB")
    other = b.state_dict()
    averages = {key: ((value.double() + other[key].double()) / 2).to(value.dtype) for key, value in a.state_dict().items()}
    with torch.no_grad():
        for key, value in a.state_dict().items():  # tied ones are one under two names
            value.copy_(averages[key])
    return a


def models(ckmerge, name):
    expected = expected_model(name)
    pairs = [("A", "B"), ("A_sharded", "B_sharded")] + ([("A", "B_respelled"), ("A_respelled", "B_sharded")] if name in respelled.MODELS else [])
    for pair in pairs:
        for options in (), ("--shard-size", "12KB"):
            faults = compare_models.merged(ckmerge, [f"{name}_{mark}" for mark in pair], *options)
            if not faults:
                model, faults = loaded(name, "out")
                faults += [f"{key} is not the average" for key in different(model, expected)[:3]] + hub_faults("out")
            yield f"{name} {' and '.join(pair)} {' '.join(options)}", faults


def element_faults(form, ours, theirs):
    """All elements of two folders, but for rows of tokens, which compare_forms goes through by their tokens."""
    mine, other = folders.read_folder(ours), folders.read_folder(theirs)
    for name in sorted(set(mine) & set(other)):
        (dtype, shape, raw), (there, shape_there, raw_there) = mine[name], other[name]
        if raw == raw_there or name == form.skip or (form in forms.VOCABULARIES and name.endswith(folders.ROWS)):
            continue
        if (dtype, shape) != (there, shape_there):
            yield f"{name} is {dtype} {shape}, there {there} {shape_there}"
            continue
        far = max(abs(x - y) for x, y in zip(extracts.numbers(dtype, raw), extracts.numbers(dtype, raw_there)))
        if far > compare_forms.allowed(form, dtype):
            yield f"{name} lies {far:.3g} apart, {compare_forms.allowed(form, dtype):.3g} allowed"


def live_form(ckmerge, form, scratch):
    theirs = record_forms.run(form, scratch)
    if "fails" in theirs and not form.layers:
        return [f"mergekit: {theirs['fails']}"]
    if pathlib.Path("out").exists():
        os.rename("out", "theirs")
    faults = compare_forms.compare(ckmerge, form, {form.name: theirs})
    if not faults and "fails" not in theirs:
        faults = list(element_faults(form, "out", "theirs"))
    if not faults and form.program != "pytorch":
        faults = loaded(form.models.split()[0].split("_")[0], "out")[1]
        if len(transformers.AutoTokenizer.from_pretrained("out", local_files_only=True)) < 48:
            faults.append("the tokenizer has lost tokens")
    return faults


def live_forms(ckmerge, only):
    for form in forms.FORMS:
        if not only or form.name in only:
            with tempfile.TemporaryDirectory(prefix="ckmerge-live-") as scratch:
                yield form.name, live_form(ckmerge, form, scratch)
                os.chdir("/")


def against_mergekit(ckmerge, name):
    """Both merge A and B by the same YAML; what transformers loads of the two is one model, where mergekit's is one."""
    dtype = "bfloat16" if architectures.MODELS[name][3] == "bfloat16" else "float32"
    a, b = f"{name}_A", f"{name}_B"
    form = forms.Form(name, forms.of({a: 0.5, b: 0.5}, merge_method="linear", dtype=dtype), f"{a} {b}", 0)
    theirs = record_forms.run(form, os.getcwd())
    if ("fails" in theirs) != (name in MERGEKIT_FAILS):
        return [f"mergekit: {theirs.get('fails', 'it does not fail any more')}"]
    if "fails" not in theirs:
        os.rename("out", "theirs")
    done = subprocess.run([ckmerge, "mergekit", "config.yml", "out"], capture_output=True, text=True)
    if done.returncode:
        return [f"exit {done.returncode}: {done.stderr.strip()[-300:]}"]
    model, faults = loaded(name, "out")
    if "fails" in theirs:
        print(f"{name}: mergekit fails: {theirs['fails']}")
        return faults
    other, told = architectures.load(name, "theirs", output_loading_info=True)
    if bool(told["missing_keys"]) != (name in MERGEKIT_LOSES):
        faults.append(f"mergekit's result misses {sorted(told['missing_keys'])[:3]}")
    if told["missing_keys"]:
        print(f"{name}: mergekit's result lacks {len(told['missing_keys'])} tensors of {len(model.state_dict())}")
        return faults
    # The dtype of all is mergekit's; ckmerge keeps float32 biases of routers.
    return faults + [f"{key} differs" for key in different(model, other)[:3] if not re.search("e_score_correction_bias", key)]


def per_model(check, only):
    def run(ckmerge, names):
        for name in names or architectures.MODELS:
            with tempfile.TemporaryDirectory(prefix="ckmerge-live-") as scratch:
                os.chdir(scratch)
                found = check(ckmerge, name)
                yield from [(name, found)] if isinstance(found, list) else found
                os.chdir("/")
    return run(*only)


CHECKS = {"models": lambda *given: per_model(models, given), "forms": live_forms, "architectures": lambda *given: per_model(against_mergekit, given)}


def main():
    ckmerge, kinds, failed, count = os.path.abspath(sys.argv[1]), sys.argv[2:3] or list(CHECKS), 0, 0
    for kind in kinds:
        for what, faults in CHECKS[kind](ckmerge, sys.argv[3:]):
            for fault in faults[:3]:
                print(f"FAILED: {kind}: {what}: {fault}", flush=True)
            count, failed = count + 1, failed + bool(faults)
    print(f"{count} comparisons, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
