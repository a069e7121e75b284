# SPDX-License-Identifier: Apache-2.0
"""usage: record_forms.py [NAME]
Runs the real mergekit over the forms of forms.py and writes recorded/forms.json: of each tensor a digest and some elements,
what of the config differs from the first model's, the tokens, the files. With a NAME it prints that one and records nothing."""
import json
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import extracts
import folders
import forms


def program(form):
    """mergekit's entry, and the words that are given to it."""
    from mergekit.scripts import merge_raw_pytorch, multimerge, run_yaml

    if form.program == "multi":
        return multimerge.main, ["config.yml", "--out-path", "out", "-I", "./mid/between", "--quiet", *form.flags]
    return {"yaml": run_yaml, "pytorch": merge_raw_pytorch}[form.program].main, ["config.yml", "out", "--quiet", *form.flags]


def forget():
    """mergekit keeps what it opened by path; paths are the same in every run here."""
    from mergekit.io.tasks import LoaderCache
    from mergekit.scripts.merge_raw_pytorch import SimpleLoaderCache

    LoaderCache.loaders.clear()
    SimpleLoaderCache._instance = None


def run(form, under):
    """What mergekit makes of it: an extract, or {"fails": a line}."""
    os.chdir(under)
    forms.lay_out(form)
    forget()
    main, words = program(form)
    try:
        main(words, standalone_mode=False)
    except Exception as error:  # whatever a library or mergekit itself raises
        return {"fails": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"}
    return extracts.of_folder(pathlib.Path("out"), forms.first_model(form), form.units > 0)


def main():
    only, recorded = sys.argv[1:], {}
    for form in forms.FORMS:
        if only and form.name not in only:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            recorded[form.name] = run(form, scratch)
            os.chdir("/")
        told = recorded[form.name].get("fails") or f"{len(recorded[form.name]['tensors'])} tensors"
        print(f"{form.name}: {told}", flush=True)
    if only:
        print(json.dumps(recorded, indent=1))
        return
    text = ",\n".join(json.dumps(name) + ": " + json.dumps(entry, sort_keys=True, separators=(",", ":")) for name, entry in recorded.items())
    (folders.HERE / "recorded" / "forms.json").write_text("{" + text + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
