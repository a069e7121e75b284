#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: comfyui_help.py CKMERGE [--check]
Writes the help pages of the nodes that merge files, one for each method, from what `ckmerge methods` says of it; with --check says which are
not what it would write. Pages of other nodes are written by hand."""
import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "comfyui/web/docs"
COMMON = """- `block_weights`: other numbers for some blocks or names, a line each, the last that selects a tensor holds: `IN00..IN08=0.2`, `OUT*=[0,1]`,
  `/attn2/=0`; or a list of 26, 25, 20 or 61 numbers as supermerger has them; or linked from a node Block weights. **Inspect a file** with
  `blocks` lists a file's blocks.
- `dtype`: what float tensors are stored as, `keep` as in the first file; `dtype_unet`, `dtype_te` and `dtype_vae` are for a part.

## The result

- `filename_prefix`: the file is `PREFIX_00001_.safetensors`, with the next number that is free in all folders of the loaders' list, in
  the one below ComfyUI's output folder. The prefix may hold folders and `%year%`, `%month%`, `%day%`, `%hour%`, `%minute%`, `%second%`.
- `save_workflow` writes the workflow into the file: drag the file into ComfyUI to get it back.
- `load` gives MODEL, CLIP and VAE of the new file; of a text encoder alone the CLIP that Load CLIP gives with the type `clip_type`. `name` goes into
  any loader's list.
- `plan_only` shows what would be done and writes nothing.
- The same files and the same settings give the file that is there already, in no time.
- Interrupt ends the run within a second; nothing is left behind.
"""


def page(method):
    summary = method["summary"]
    lines = ["<!-- SPDX-License-Identifier: Apache-2.0 -->", f"# Merge files: {method['name']}", "", f"{summary[0].upper()}{summary[1:]}:", "",
             f"    {method['formula']}", ""]
    lines += [method["note"], ""] if method["note"] else []
    lines += [f"Source: {method['source']}.", ""]
    lines += [f"- `{parameter['name']}`: {parameter['meaning']} (default {parameter['default']})" for parameter in method["parameters"]]
    return "\n".join(lines) + ("\n" if method["parameters"] else "") + COMMON


def main():
    told = subprocess.run([sys.argv[1], "methods", "--json"], check=True, capture_output=True, text=True).stdout
    pages = {FOLDER / f"ckmerge_{method['name']}.md": page(method) for method in json.loads(told)["methods"]}
    if "--check" in sys.argv[2:]:
        wrong = [path.name for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
        for name in wrong:
            print(f"FAILED: comfyui/web/docs/{name} is not what scripts/comfyui_help.py writes")
        sys.exit(1 if wrong else 0)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")


main()
