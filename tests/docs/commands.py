#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: commands.py CKMERGE PAGE...
Runs the command lines of pages: each fenced block marked `sh run`, in an empty folder with small checkpoints as a page for
users of other tools needs them, and for some pages with all names of SD 1.5 and of SDXL. A ckmerge line in a block of shell that
is not marked is a fault: a page must not promise what nobody has run. What a comment `# writes PATH` or an -o promises must be
there afterwards."""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
import make_inputs
import pipelines

UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."


def checkpoint(path, seed, channels=4):
    """What matters of a Stable Diffusion 1 checkpoint, in a few hundred bytes."""
    def floats(name, dtype, *shape):
        count = 1
        for n in shape:
            count *= n
        values = " ".join(str((i * 7 + seed * 3) % 11 / 8 - 0.5) for i in range(count))
        return make_inputs.parse(f"{name} {dtype} {','.join(map(str, shape))} {values}")

    make_inputs.write(path, {"format": "pt"}, [
        floats(UNET + "input_blocks.0.0.weight", "F16", 2, channels, 1, 1), floats(UNET + "middle_block.1.proj_in.bias", "F16", 2), floats(UNET + "out.2.bias", "F16", 4),
        floats("model_ema.diffusion_modelout2bias", "F32", 4), floats(CLIP + "final_layer_norm.weight", "F16", 3),
        floats(VAE + "quant_conv.bias", "F32", 2),
        make_inputs.parse(CLIP + "embeddings.position_ids I64 1,3 0 1 2")], True)


# Pages whose commands must hold for all names of these.
KINDS = {"from-comfyui.md": [None, *pipelines.COUNTS]}


def place(folder, kind):
    for seed, name in enumerate("ABC"):
        path = folder / f"{name}.safetensors"
        checkpoint(path, seed) if kind is None else pipelines.write(path, kind, seed)
    checkpoint(folder / "inpainting.safetensors", 3, channels=9)
    for name in ("models", "output"):
        (folder / name).mkdir()


def blocks(page):
    """(line number, words after ```, text) of every fenced block."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(.*)\n((?:(?!```).*\n)*)```$", text, re.MULTILINE):
        yield text.count("\n", 0, match.start()) + 1, match.group(1).split(), match.group(2)


def promised(text):
    for line in text.replace("\\\n", " ").splitlines():
        if match := re.match(r"# writes ([^,]*[^,\s])", line):
            yield match.group(1)
        words = shlex.split(line, comments=True)
        if "-o" in words and not words[words.index("-o") + 1].endswith("/"):
            yield words[words.index("-o") + 1]


def run(text, ckmerge, kind):
    """What is wrong with a block, or None."""
    with tempfile.TemporaryDirectory(prefix="ckmerge-docs-") as folder:
        folder = pathlib.Path(folder)
        (folder / "bin").mkdir()
        (folder / "bin/ckmerge").symlink_to(ckmerge)
        work = folder / "work"
        work.mkdir()
        place(work, kind)
        variables = {key: value for key, value in os.environ.items() if not key.startswith("CKMERGE_")}
        variables |= {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=work, env=variables, capture_output=True, text=True)
        if done.returncode != 0 or done.stderr:
            return f"exit {done.returncode}, {done.stderr.strip()}"
        missing = [path for path in promised(text) if not (work / path).is_file()]
        return f"not written: {missing}, there are {sorted(map(str, work.rglob('*.safetensors')))}" if missing else None


ckmerge = os.path.abspath(sys.argv[1])
faults, ran = [], 0
for page in map(pathlib.Path, sys.argv[2:]):
    count = 0
    for line, words, text in blocks(page):
        if words[1:] == ["run"]:
            count += 1
            for kind in KINDS.get(page.name, [None]):
                if fault := run(text, ckmerge, kind):
                    faults.append(f"{page.name}:{line}: {kind or 'a small file'}: {fault}")
        elif words[:1] == ["sh"] and re.search(r"^ckmerge ", text, re.MULTILINE):
            faults.append(f"{page.name}:{line}: shell that nothing runs; mark it ```sh run")
    if not count:
        faults.append(f"{page.name}: nothing to run")
    ran += count
for fault in faults:
    print("FAILED:", fault)
print(f"{ran} blocks run")
sys.exit(1 if faults else 0)
