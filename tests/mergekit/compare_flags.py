# SPDX-License-Identifier: Apache-2.0
"""usage: compare_flags.py CKMERGE
Every option of mergekit-yaml, mergekit-pytorch and mergekit-multi (recorded/flags.json) is accepted by `ckmerge mergekit`, and
those that change files do."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import folders
import forms

VALUES = {"--device": "cpu", "--lora-merge-dtype": "float32", "--lora-merge-cache": "between", "--transformers-cache": "between", "--out-path": "out",
          "--intermediate-dir": "between", "-I": "between", "--out-shard-size": "1M"}
FORMS = {"yaml": "linear", "pytorch": "files", "multi": "two documents"}
# What lies in the result, with the option and without it.
EFFECTS = [(["--no-write-model-card"], {"README.md": False, "mergekit_config.yml": False}), ([], {"README.md": True, "mergekit_config.yml": True}),
           (["--no-copy-tokenizer"], {"tokenizer.json": False, "tokenizer_config.json": False}), ([], {"tokenizer.json": True}),
           (["--out-shard-size", "4K"], {"model.safetensors": False, "model.safetensors.index.json": True}), ([], {"model.safetensors": True})]


def run(ckmerge, *flags):
    shutil.rmtree("out", ignore_errors=True)
    words = ["config.yml"] if "--out-path" in flags else ["config.yml", "out"]
    return subprocess.run([ckmerge, "mergekit", *words, *flags], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))


def main():
    ckmerge, failures, count = os.path.abspath(sys.argv[1]), [], 0
    recorded = json.loads((folders.HERE / "recorded" / "flags.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="ckmerge-flags-") as scratch:
        os.chdir(scratch)
        for program, flags in recorded.items():
            forms.lay_out(next(form for form in forms.FORMS if form.name == FORMS[program]))
            for flag, kind in flags.items():
                value = [VALUES.get(flag, "2")] if kind else []
                done, count = run(ckmerge, flag, *value), count + 1
                if done.returncode or not pathlib.Path("out/model.safetensors").exists():
                    failures.append(f"{flag} of mergekit-{program}: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        forms.lay_out(forms.FORMS[0])
        for flags, files in EFFECTS:
            done = run(ckmerge, *flags)
            failures += [f"{flags or 'no option'}: {name} is {'not ' if there else ''}written" for name, there in files.items()
                         if done.returncode or pathlib.Path("out", name).exists() != there]
        os.chdir("/")
    for failure in failures:
        print("FAILED:", failure)
    print(f"{count} options, {len(failures)} failures")
    sys.exit(1 if failures else 0)


main()
