# SPDX-License-Identifier: Apache-2.0
"""usage: compare_recipes.py CKMERGE [NAME ...]
Every form of forms.py as a recipe: what `ckmerge mergekit` saved, `ckmerge run` makes again, and so does what the result itself
records; to the byte, but for the files that tell of the YAML."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import forms

TOLD = ("README.md", "mergekit_config.yml")


def call(ckmerge, *words):
    done = subprocess.run([ckmerge, *words, "-q"], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return [] if done.returncode == 0 else [f"{' '.join(words[:3])}: exit {done.returncode}: {done.stderr.strip()[-300:]}"]


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file() and path.name not in TOLD}


def differing(folder):
    first, other = content("out"), content(folder)
    return [f"{folder}: {name} differs" for name in sorted(set(first) | set(other)) if first.get(name) != other.get(name)]


def inputs_of(ckmerge):
    """`A=PATH` of each model that the result was made of: by their names, which is all that it records of them."""
    told = subprocess.run([ckmerge, "run", "out", "-o", "none/"], capture_output=True, text=True).stderr
    return [f"{letter}=in/{name}" for letter, name in re.findall(r"^    (\w+) was ([\w-]+)", told, re.MULTILINE)]


def compare(ckmerge, form):
    forms.lay_out(form)
    faults = call(ckmerge, "mergekit", "config.yml", "out", "--save-recipe", "recipe.yaml", *form.flags, *form.own_flags)
    if form.program == "pytorch":
        os.makedirs("again")
        return faults or call(ckmerge, "run", "recipe.yaml", "-o", "again/model.safetensors") or differing("again")
    # Sizes of shards are no part of a merge.
    options = ["--shard-size", form.flags[1]] if "--out-shard-size" in form.flags else []
    return (faults or call(ckmerge, "run", "recipe.yaml", "-o", "again/", *options) or differing("again")
            or call(ckmerge, "run", "out", *inputs_of(ckmerge), "-o", "repeated/", *options) or differing("repeated"))


def main():
    ckmerge, only, failed = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    for form in forms.FORMS:
        if only and form.name not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="ckmerge-recipes-") as scratch:
            os.chdir(scratch)
            faults = compare(ckmerge, form)
            os.chdir("/")
        for fault in faults[:3]:
            print(f"FAILED: {form.name}: {fault}")
        failed += bool(faults)
    print(f"{len(only or forms.FORMS)} recipes, {failed} failures")
    sys.exit(1 if failed else 0)


main()
