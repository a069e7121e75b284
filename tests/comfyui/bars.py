# SPDX-License-Identifier: Apache-2.0
"""usage: bars.py FOLDER PEERS_FOLDER CKMERGE LIBRARY [NUMBER ...]
Seconds and memory of the nodes beside ComfyUI's own, on checkpoints of SD 1.5's full size; a server of its own for each, of which the peak is told
above what it held before. NUMBERs choose among them, from 1 on. Takes 9 GB of disk, 8 GB of memory and some minutes. No test: figures are read by people."""
import pathlib
import sys
import tempfile

import installed
import models
from bench import Bench, Workflow
from server import Server


def merge_by_file(bench):
    workflow = Workflow()
    workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", A="whole-A.safetensors", B="whole-B.safetensors", alpha=0.3))
    return workflow.nodes


def merge_by_models(bench):
    workflow, link = Workflow(), Workflow.link
    a, b = (workflow.add("CheckpointLoaderSimple", ckpt_name=f"whole-{letter}.safetensors") for letter in "AB")
    merged = workflow.add("ModelMergeSimple", model1=link(a), model2=link(b), ratio=0.7)
    workflow.add("CheckpointSave", model=link(merged), clip=link(a, 1), vae=link(a, 2), filename_prefix="checkpoints/theirs")
    return workflow.nodes


def loaded(bench):
    workflow, link = Workflow(), Workflow.link
    a, b = (workflow.add("CheckpointLoaderSimple", ckpt_name=f"whole-{letter}.safetensors") for letter in "AB")
    merged = workflow.add("ModelMergeSimple", model1=link(a), model2=link(b), ratio=0.7)
    workflow.add("PreviewAny", source=link(merged))
    return workflow


def save_with_lora(kind, **more):
    """A LoRA on the largest convolutions, whose products are whole weights."""
    def prompt(bench):
        places = [f"lora_unet_output_blocks_{block}_0_in_layers_2" for block in range(3)]
        shapes = {"lora_up": [1280, 16, 1, 1], "lora_down": [16, 2560, 3, 3]}
        models.write_names(bench.home / "models/loras/large.safetensors", "large", {f"{place}.{name}.weight": shape for place in places
                                                                                   for name, shape in shapes.items()})
        workflow, link = Workflow(), Workflow.link
        a = workflow.add("CheckpointLoaderSimple", ckpt_name="whole-A.safetensors")
        lora = workflow.add("LoraLoaderModelOnly", model=link(a), lora_name="large.safetensors", strength_model=0.8)
        workflow.add("PreviewAny", source=link(lora))
        bench.run(workflow.nodes)
        workflow.add(kind, model=link(lora), clip=link(a, 1), vae=link(a, 2), filename_prefix="checkpoints/saved", **more)
        return workflow.nodes
    return prompt


def save(kind, **more):
    def prompt(bench):
        workflow, link = loaded(bench), Workflow.link
        bench.run(workflow.nodes)
        workflow.add(kind, model=link("3"), clip=link("1", 1), vae=link("1", 2), filename_prefix="checkpoints/saved", **more)
        return workflow.nodes
    return prompt


FIGURES = {"a file merge node": merge_by_file, "two loaders, ModelMergeSimple, CheckpointSave": merge_by_models,
           "Checkpoint Save (ckmerge) of a merge": save("ckmerge_CheckpointSave", dtype="keep"), "CheckpointSave of a merge": save("CheckpointSave"),
           "Checkpoint Save (ckmerge) with a LoRA": save_with_lora("ckmerge_CheckpointSave", dtype="keep"),
           "CheckpointSave with a LoRA": save_with_lora("CheckpointSave")}


def main():
    folder, peers, ckmerge, library = (pathlib.Path(word).resolve() for word in sys.argv[1:5])
    python, source = installed.prepare(folder, peers)
    kept = folder / "whole"
    kept.mkdir(exist_ok=True)
    for letter in "AB":
        path = kept / f"whole-{letter}.safetensors"
        if not path.exists():
            models.write(path, f"whole {letter}", whole=True)
    chosen = [int(word) for word in sys.argv[5:]] or range(1, len(FIGURES) + 1)
    for told, prompt in (list(FIGURES.items())[number - 1] for number in chosen):
        home = installed.base(folder)
        for path in kept.iterdir():
            (home / "models/checkpoints" / path.name).symlink_to(path)
            path.read_bytes()  # warm for all alike
        with tempfile.TemporaryDirectory(prefix="ckmerge-comfyui-") as scratch:
            variables = {"CKMERGE_LIBRARY": str(library), "PYTHONPATH": str(installed.ROOT / "python"), "XDG_CACHE_HOME": f"{scratch}/cache",
                         "XDG_DATA_HOME": f"{scratch}/data"}
            server = Server(python, source, home, variables)
            try:
                bench = Bench(server, home, ckmerge, scratch)
                nodes = prompt(bench)
                before = server.memory()
                server.reset_peak()
                outcome = bench.run(nodes)
                print(f"{told}: {outcome.seconds:.1f} s, {(server.peak_memory() - before) / 2**20:,.0f} MiB more than {before / 2**20:,.0f}", flush=True)
            finally:
                server.stop()


main()
