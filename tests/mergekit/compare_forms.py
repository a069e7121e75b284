# SPDX-License-Identifier: Apache-2.0
"""usage: compare_forms.py CKMERGE [NAME ...]
`ckmerge mergekit` over the forms of forms.py against what the real mergekit made of them (recorded/forms.json): tensors,
config, tokens, files. The models are made here once more (folders.py), without torch."""
import base64
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import extracts
import folders
import forms

DIGITS = {"F32": 24, "F16": 11, "BF16": 8}
WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")


def floats(text):
    raw = base64.b64decode(text)
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def allowed(form, dtype):
    """How far apart two elements may lie: roundings of the arithmetic, and steps of the dtype that both are rounded to."""
    step = 0 if dtype == "F32" else form.steps * forms.LARGEST * 2.0**(1 - DIGITS[dtype])
    return form.units * forms.LARGEST * 2.0**-24 + step


def tensor_fault(form, name, ours, theirs):
    if ours == theirs:
        return ""
    (dtype, shape, *mine), (there, shape_there, *other) = ours.split(), theirs.split()
    if (dtype, shape) != (there, shape_there):
        return f"{name} is {dtype} {shape}, there {there} {shape_there}"
    if len(other) < 2:
        return f"{name} has other bytes"
    far = max(abs(x - y) for x, y in zip(floats(mine[1]), floats(other[1])))
    return f"{name} lies {far:.3g} apart, {allowed(form, dtype):.3g} allowed" if far > allowed(form, dtype) else ""


def rows_faults(form, ours, theirs):
    """Rows by their tokens: their numbers are mergekit's by chance where they are those of a union."""
    faults = []
    if sorted(ours["tokens"]) != sorted(theirs["tokens"]):
        return [f"tokens are {sorted(set(ours['tokens']) ^ set(theirs['tokens']))[:6]} apart"]
    for name, known in theirs["rows"].items():
        mine = dict(zip(ours["tokens"], ours["rows"][name]["tokens"].split()))
        other = dict(zip(theirs["tokens"], known["tokens"].split()))
        faults += [f"{name}: the rows of {[token for token in mine if mine[token] != other[token]][:6]} differ"] if mine != other else []
        behind = list(zip(floats_of_row(ours["rows"][name]["behind"]), floats_of_row(known["behind"])))
        if any(abs(x - y) > allowed(form, "F32") for x, y in behind):
            faults.append(f"{name}: rows behind those of tokens differ")
    return faults


def floats_of_row(text):
    return floats(text) if text else ()


def rearranged(form):
    """What a form that mergekit fails at gives: layers put one behind another, all else of the first folder."""
    named = {name: folders.tensors(name) for name in form.models.split()}
    first, last = form.layers[0][0], form.layers[-1][0]
    out = {name: entry[:3] for name, entry in named[first].items() if ".layers." not in name}
    out.update({name: entry[:3] for name, entry in named[last].items() if re.match(r"model\.norm|lm_head", name)})
    for number, (model, layer) in enumerate(form.layers):
        begin = f"model.layers.{layer}."
        out.update({f"model.layers.{number}." + name[len(begin):]: entry[:3] for name, entry in named[model].items() if name.startswith(begin)})
    return {"tensors": {name: extracts.of_tensor(name, *entry, False) for name, entry in sorted(out.items())},
            "files": ["config.json", "generation_config.json", "mergekit_config.yml", "README.md", "tokenizer.json", "tokenizer_config.json"]}


def faults_of(form, done, theirs):
    if done.returncode:
        return [f"exit {done.returncode}: {done.stderr.strip()[-400:]}"]
    ours = extracts.of_folder(pathlib.Path("out"), forms.first_model(form), form.units > 0)
    for side in (ours, theirs):
        side["tensors"].pop(form.skip, None)
    faults = [f"{name} is {'here' if name in ours['tensors'] else 'there'} alone" for name in sorted(set(ours["tensors"]) ^ set(theirs["tensors"]))]
    for name in ours["tensors"]:
        if name in theirs["tensors"]:
            if "rows" in theirs and name in theirs["rows"]:
                ours["tensors"][name] = " ".join(ours["tensors"][name].split()[:2])
            faults += filter(None, [tensor_fault(form, name, ours["tensors"][name], theirs["tensors"][name])])
    if "rows" in theirs:
        faults += rows_faults(form, ours, theirs) if "rows" in ours else ["tokens are the first model's"]
    if form.program != "pytorch":
        config = theirs.get("config", {}) | form.config
        first = json.loads((forms.first_model(form) / "config.json").read_text(encoding="utf-8"))
        config = {key: value for key, value in config.items() if value != first.get(key)}
        faults += [f"config differs from the first model's in {ours['config']}, there in {config}"] if ours["config"] != config else []
        missing = [name for name in theirs["files"] if name not in ours["files"] and not WEIGHTS.fullmatch(name)]
        faults += [f"{missing} are not written"] if missing else []
    return faults


def compare(ckmerge, form, known):
    """Faults of one form, in an empty working folder."""
    forms.lay_out(form)
    done = subprocess.run([ckmerge, "mergekit", "config.yml", "out", *form.flags, *form.own_flags], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return faults_of(form, done, rearranged(form) if form.layers else known[form.name])


def main():
    ckmerge, only, failed = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    known = json.loads((folders.HERE / "recorded" / "forms.json").read_text(encoding="utf-8"))
    for form in forms.FORMS:
        if only and form.name not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="ckmerge-mergekit-") as scratch:
            os.chdir(scratch)
            faults = compare(ckmerge, form, known)
            os.chdir("/")
        for fault in faults[:4]:
            print(f"FAILED: {form.name}: {fault}")
        failed += bool(faults)
    print(f"{len(only or forms.FORMS)} forms, {failed} differ")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
