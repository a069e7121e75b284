# SPDX-License-Identifier: Apache-2.0
"""usage: comfyui.py FOLDER PEERS_FOLDER CKMERGE LIBRARY [CASE...]
Starts the real ComfyUI with this repository's nodes on a free port of 127.0.0.1, posts workflows, follows them, and compares files with the
command line and with ComfyUI's own nodes. FOLDER is for what it needs, PEERS_FOLDER has (or gets) the environment of tests/peers. scripts/test.sh comfyui runs it."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import cases_browser
import cases_faults
import cases_files
import cases_layouts
import cases_models
import cases_pages
import installed
import models
from bench import Bench, Fault
from server import Server

CASES = [*cases_pages.CASES, *cases_files.CASES, *cases_faults.CASES, *cases_models.CASES, *cases_layouts.CASES, *cases_browser.CASES]


def make_models(folder):
    """Pairs with and without a text encoder; models that fit no other."""
    for letter in "ABC":
        models.write(folder / f"bare-{letter}.safetensors", f"bare {letter}", encoder=False)
    for letter in "AB":
        models.write(folder / f"full-{letter}.safetensors", f"full {letter}")
    models.write(folder / "inpainting.safetensors", "inpainting", channels=9, encoder=False)
    names = models.unet(4)
    shallow = [name for name in names if ".output_blocks.1.1." in name]
    models.write(folder / "shallow.safetensors", "shallow", encoder=False, without=shallow)
    models.write_names(folder / "with-vae.safetensors", "with-vae", models.unet(4) | models.decoder_ends())
    alone = {name[len(models.VAE):]: shape for name, shape in models.decoder_ends().items()}
    models.write_names(folder.parent / "vae/alone.safetensors", "alone", alone)
    linear, conv = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", "lora_unet_input_blocks_1_0_in_layers_2"
    models.write_names(folder.parent / "loras/lora.safetensors", "lora", {f"{linear}.lora_up.weight": [320, 4], f"{linear}.lora_down.weight": [4, 320],
                                                                          f"{conv}.lora_up.weight": [320, 8, 1, 1], f"{conv}.lora_down.weight": [8, 320, 3, 3],
                                                                          f"{conv}.alpha": []})
    models.write(folder / "shapes.safetensors", "shapes", channels=5, encoder=False)


def small_disk(home):
    """A file system of a megabyte at output/checkpoints/full; whether it could be mounted."""
    folder = home / "output/checkpoints/full"
    folder.mkdir(parents=True)
    return folder if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(folder)], capture_output=True).returncode == 0 else None


def run_cases(bench, wanted):
    failed = ran = 0
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        began, ran = time.monotonic(), ran + 1
        try:
            case(bench)
            print(f"{case.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        except Fault as fault:
            failed += 1
            print(f"FAILED: {case.__name__}: {fault}", flush=True)
    return failed, ran


def main():
    folder, peers, ckmerge, library = (pathlib.Path(word).resolve() for word in sys.argv[1:5])
    python, source = installed.prepare(folder, peers)
    home = installed.base(folder)
    make_models(home / "models/checkpoints")
    mounted = small_disk(home)
    with tempfile.TemporaryDirectory(prefix="ckmerge-comfyui-") as scratch:
        variables = {"CKMERGE_LIBRARY": str(library), "PYTHONPATH": str(installed.ROOT / "python"), "XDG_CACHE_HOME": f"{scratch}/cache",
                     "XDG_DATA_HOME": f"{scratch}/data"}
        try:
            server = Server(python, source, home, variables)
            try:
                bench = Bench(server, home, ckmerge, scratch)
                bench.small_disk, bench.python, bench.source = mounted, python, source
                failed, ran = run_cases(bench, sys.argv[5:])
                if failed:
                    print(server.log()[-3000:])
            finally:
                server.stop()
        finally:
            if mounted:
                subprocess.run(["umount", str(mounted)], check=False)
    if not os.environ.get("CKMERGE_KEEP"):
        shutil.rmtree(home)
    print(f"{ran} cases, {failed} failed")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    main()
