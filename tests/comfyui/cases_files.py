# SPDX-License-Identifier: Apache-2.0
"""Nodes that make files: each against the command line, byte for byte. They give --hash-inputs, so the command line is given it too."""
import json
import os

import models
from bench import Workflow, check

WEIGHTS = "IN00..IN01=0.2\n/attn2/=0"
ALL_BUT_ATTENTION = r"layers|_embed|norm|ff\.|proj|attn2|skip|input_blocks\.0|\.out\.|bias|first_stage"  # 16 matrices are left
MORE = {"weights": {"linear": "0.5,0.3", "task_arithmetic": "1,0.5"}}


def each_method(bench):
    """Every method's node, with a value of its own in its first number, does what the program does; those of whole tensors with some of them alone,
    since singular values of a whole U-Net take minutes."""
    methods = json.loads(bench.program("methods", "--json").stdout)["methods"]
    for method in methods:
        kind = f"ckmerge_{method['name']}"
        check(kind in bench.server.nodes, f"there is no node {kind}")
        names = ["A", "B", "C"][:max(method["min_inputs"], min(2, method["max_inputs"] or 2))]
        inputs, words = {letter: f"bare-{letter}.safetensors" for letter in names}, []
        for parameter in method["parameters"]:
            if parameter["kind"] == "number" and parameter["name"] in ("alpha", "t", "density", "stiffness"):
                inputs[parameter["name"]] = 0.25
                words += ["--param", f"{parameter['name']}=0.25"]
        exclude = ALL_BUT_ATTENTION if method["whole_tensors"] else ""
        words += ["--exclude", exclude] if exclude else []
        workflow = Workflow()  # with room for whole tensors
        options = workflow.add("ckmerge_options", **bench.filled("ckmerge_options", memory="1GiB", exclude=exclude))
        merge = workflow.add(kind, **bench.filled(kind, **inputs, filename_prefix=f"each/{method['name']}", save_workflow=False, options=workflow.link(options)))
        outcome = bench.run(workflow.nodes)
        check(outcome.text(merge), f"{kind} tells nothing")
        expected = bench.scratch / "expected.safetensors"
        bench.program("merge", *(bench.checkpoints / f"bare-{letter}.safetensors" for letter in names), "-m", method["name"], *words, "--hash-inputs", "--memory", "1GiB", "-f",
                      "-o", expected)
        bench.same(bench.output / f"checkpoints/each/{method['name']}_00001_.safetensors", expected)
    print(f"  {len(methods)} methods")


def widgets_of_a_merge(bench):
    """Block weights, dtypes by part, options from the node Options, and the workflow in the metadata."""
    workflow = Workflow()
    options = workflow.add("ckmerge_options", **bench.filled("ckmerge_options", exclude=r"time_embed\.", threads="2", set_metadata="a=b=c"))
    merge = workflow.add("ckmerge_weighted_sum", **bench.filled(
        "ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", alpha=0.3, block_weights=WEIGHTS, dtype="bf16", dtype_vae="f32",
        filename_prefix="widgets/x", options=workflow.link(options)))
    drawn = {"nodes": [], "version": 0.4}
    bench.run(workflow.nodes, workflow=drawn)
    path, expected = bench.output / "checkpoints/widgets/x_00001_.safetensors", bench.scratch / "expected.safetensors"
    metadata = models.read(path)[0]
    check(json.loads(metadata["workflow"]) == drawn, "the workflow is not in the file")
    check(json.loads(metadata["prompt"])[merge]["class_type"] == "ckmerge_weighted_sum", "the prompt is not in the file")
    check("is_changed" not in metadata["prompt"], "the file holds what the server noted of this run")
    bench.program("merge", bench.checkpoints / "bare-A.safetensors", bench.checkpoints / "bare-B.safetensors", "--alpha", "0.3", "--exclude", r"time_embed\.",
                  "--weight", "IN00..IN01=0.2", "--weight", "/attn2/=0", "--dtype", "bf16", "--dtype", "vae=f32", "--set-metadata", "a=b=c", "--set-metadata", f"prompt={metadata['prompt']}",
                  "--set-metadata", f"workflow={metadata['workflow']}", "--hash-inputs", "-f", "-o", expected)
    bench.same(path, expected)


def sliders(bench):
    """Block weights as sliders give supermerger's list."""
    workflow = Workflow()
    blocks = {f"{letters}{n:02}": n / 100 for letters in ("IN", "OUT") for n in range(12)} | {"BASE": 0, "M00": 1}
    weights = workflow.add("ckmerge_blocks_stable_diffusion", **blocks)
    workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", save_workflow=False,
                                                        block_weights=workflow.link(weights), filename_prefix="sliders/x"))
    bench.run(workflow.nodes)
    listed = ",".join(str(blocks[name]) for name in ("BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12))))
    expected = bench.scratch / "expected.safetensors"
    bench.program("merge", bench.checkpoints / "bare-A.safetensors", bench.checkpoints / "bare-B.safetensors", "--mbw", listed, "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/sliders/x_00001_.safetensors", expected)


def formula(bench):
    bench.run(bench.one("ckmerge_formula", A="bare-A.safetensors", B="bare-B.safetensors", C="bare-C.safetensors", formula="A + r*(B - C)", parameters="r=0.7",
                        filename_prefix="formula/x", save_workflow=False))
    expected = bench.scratch / "expected.safetensors"
    bench.program("merge", "--formula", "A + r*(B - C)", "--param", "r=0.7", *(f"{letter}={bench.checkpoints}/bare-{letter}.safetensors" for letter in "ABC"),
                  "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/formula/x_00001_.safetensors", expected)


def operations(bench):
    """convert, average, bake and compose, one into the other by their names."""
    vae = bench.home / "models/vae/alone.safetensors"
    bench.run(bench.one("ckmerge_convert", A="bare-A.safetensors", dtype="bf16", filename_prefix="ops/convert", save_workflow=False))
    expected = bench.scratch / "expected.safetensors"
    bench.program("convert", bench.checkpoints / "bare-A.safetensors", "--hash-inputs", "-f", "-o", expected, "--dtype", "bf16")
    bench.same(bench.output / "checkpoints/ops/convert_00001_.safetensors", expected)

    bench.run(bench.one("ckmerge_average", A="bare-A.safetensors", B="bare-B.safetensors", C="bare-C.safetensors", beta="0.9", filename_prefix="ops/average",
                        save_workflow=False))
    bench.program("average", *(bench.checkpoints / f"bare-{letter}.safetensors" for letter in "ABC"), "--beta", "0.9", "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/ops/average_00001_.safetensors", expected)

    bench.run(bench.one("ckmerge_bake", A="with-vae.safetensors", vae="alone.safetensors", filename_prefix="ops/bake", save_workflow=False))
    bench.program("bake", bench.checkpoints / "with-vae.safetensors", "--vae", vae, "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/ops/bake_00001_.safetensors", expected)

    workflow, link = Workflow(), Workflow.link
    unet = workflow.add("ckmerge_convert", **bench.filled("ckmerge_convert", A="full-A.safetensors", part="unet", filename_prefix="ops/unet"))
    encoder = workflow.add("ckmerge_convert", **bench.filled("ckmerge_convert", A="full-A.safetensors", part="te", filename_prefix="ops/te"))
    workflow.add("ckmerge_compose", **bench.filled("ckmerge_compose", unet=link(unet), te=link(encoder), vae="alone.safetensors", filename_prefix="ops/compose", save_workflow=False))
    bench.run(workflow.nodes)
    bench.program("compose", "--unet", bench.output / "diffusion_models/ops/unet_00001_.safetensors", "--te", bench.output / "clip/ops/te_00001_.safetensors",
                  "--vae", vae, "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/ops/compose_00001_.safetensors", expected)
    check("ops/unet_00001_.safetensors" in bench.server.get("/models/diffusion_models"), "the new diffusion model is not in the list")


def text_encoder_alone(bench):
    """What Convert takes out of a checkpoint is what Load CLIP takes."""
    workflow, link = Workflow(), Workflow.link
    encoder = workflow.add("ckmerge_convert", **bench.filled("ckmerge_convert", A="full-B.safetensors", part="te", dtype_te="f16", filename_prefix="alone/te"))
    loader = workflow.add("CLIPLoader", clip_name=link(encoder), type="stable_diffusion")
    workflow.add("CLIPSave", clip=link(loader), filename_prefix="clip/alone/loaded")
    bench.run(workflow.nodes)
    mine = models.read(bench.output / "clip/alone/te_00001_.safetensors")[1]
    theirs = models.read(next((bench.output / "clip/alone").glob("loaded*")))[1]
    check(mine and all(name.startswith("text_model.") and entry[0] == "F16" for name, entry in mine.items()), f"{list(mine)[:3]}")
    check(all(theirs.get(name) == entry for name, entry in mine.items()), "Load CLIP has other values")


def text_encoders_merged_and_loaded(bench):
    """`load` of a text encoder alone gives the CLIP that Load CLIP gives of the file."""
    workflow, link = Workflow(), Workflow.link
    encoders = {letter: workflow.add("ckmerge_convert", **bench.filled("ckmerge_convert", A=f"full-{letter}.safetensors", part="te", filename_prefix="te/x"))
                for letter in "AB"}
    merge = workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", A=link(encoders["A"]), B=link(encoders["B"]), load=True,
                                                                filename_prefix="te/merged"))
    loader = workflow.add("CLIPLoader", clip_name=link(merge), type="stable_diffusion")
    workflow.add("CLIPSave", clip=link(merge, 2), filename_prefix="clip/te/ours")
    workflow.add("CLIPSave", clip=link(loader), filename_prefix="clip/te/theirs")
    bench.run(workflow.nodes)
    merged, ours, theirs = (models.read(next((bench.output / "clip/te").glob(f"{name}*")))[1] for name in ("merged", "ours", "theirs"))
    check(ours == theirs, "`load` gives another CLIP than Load CLIP")
    check(merged and all(ours.get(name) == entry for name, entry in merged.items()), "the CLIP is not what was merged")
    check("stable_diffusion" in bench.server.nodes["ckmerge_weighted_sum"]["input"]["optional"]["clip_type"][1]["options"], "no types of text encoders")


def not_the_file_of_another_folder(bench):
    """A file of the new name in a folder that loaders look into first would be what they open."""
    (bench.checkpoints / "hidden").mkdir()
    older = models.write(bench.checkpoints / "hidden/x_00001_.safetensors", "older", encoder=False)
    workflow, link = Workflow(), Workflow.link
    merge = workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", filename_prefix="hidden/x"))
    loader = workflow.add("CheckpointLoaderSimple", ckpt_name=link(merge))
    save = workflow.add("ckmerge_CheckpointSave", model=link(loader), clip=link(loader, 1), vae=link(loader, 2), filename_prefix="checkpoints/hidden/x", dtype="keep")
    again = workflow.add("CheckpointLoaderSimple", ckpt_name=link(save))
    workflow.add("CheckpointSave", model=link(again), clip=link(again, 1), vae=link(again, 2), filename_prefix="checkpoints/hidden/again")
    bench.run(workflow.nodes)
    check(bench.written("checkpoints/hidden") == ["again_00001_.safetensors", "x_00002_.safetensors", "x_00003_.safetensors"], str(bench.written("checkpoints/hidden")))
    merged, loaded, old = (models.read(path)[1] for path in (bench.output / "checkpoints/hidden/x_00002_.safetensors",
                                                             bench.output / "checkpoints/hidden/again_00001_.safetensors", older))
    name = "model.diffusion_model.input_blocks.0.0.weight"
    check(loaded[name] == merged[name] != old[name], "a loader opened the older file")


def plan_and_inspect(bench):
    before = bench.written()
    outcome = bench.run(bench.one("ckmerge_plan", A="bare-A.safetensors", B="bare-B.safetensors", parameters="alpha=0.3", block_weights="IN00=0.1"))
    check("weighted_sum(A, B, alpha=" in outcome.text("1") and "Nothing was written." in outcome.text("1"), outcome.text("1"))
    outcome = bench.run(bench.one("ckmerge_slerp", A="bare-A.safetensors", B="bare-B.safetensors", plan_only=True, filename_prefix="plan/x"))
    check("slerp(A, B" in outcome.text("1") and "pass statistics" in outcome.text("1"), outcome.text("1"))
    outcome = bench.run(bench.one("ckmerge_inspect", file="bare-A.safetensors", blocks=True))
    check("F16: " in outcome.text("1") and "block IN00: " in outcome.text("1"), outcome.text("1"))
    check(bench.written() == before, "something was written")


def loads(bench):
    """The name goes into ComfyUI's loader and into its lists at once; `load` gives a model that its nodes take."""
    workflow, link = Workflow(), Workflow.link
    merge = workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", A="full-A.safetensors", B="full-B.safetensors",
                                                                filename_prefix="loads/x", load=True))
    loader = workflow.add("CheckpointLoaderSimple", ckpt_name=link(merge))
    for name, source in (("theirs", (loader, 0, 1, 2)), ("ours", (merge, 1, 2, 3))):
        workflow.add("CheckpointSave", model=link(source[0], source[1]), clip=link(source[0], source[2]), vae=link(source[0], source[3]),
                     filename_prefix=f"checkpoints/loads/{name}")
    bench.run(workflow.nodes)
    check("loads/x_00001_.safetensors" in bench.server.get("/models/checkpoints"), "the new file is not in the list")
    for name, (_, tensors) in zip(("x", "ours"), (models.read(bench.output / f"checkpoints/loads/{name}_00001_.safetensors") for name in ("x", "ours"))):
        if name == "x":
            merged = tensors
    theirs = models.read(bench.output / "checkpoints/loads/theirs_00001_.safetensors")[1]
    for found in (tensors, theirs):
        wrong = [name for name, entry in found.items() if name.startswith("model.") and entry != merged.get(name)]
        check(not wrong, f"what was loaded is not what was merged: {wrong[:3]}")


def kept(bench):
    """The same merge is made once: in another prompt, with its files renamed, after another one in between; not of files that were replaced."""
    asked = bench.one("ckmerge_weighted_sum", A="kept-A.safetensors", B="bare-B.safetensors", alpha=0.4, filename_prefix="kept/x", save_workflow=False)
    models.write(bench.checkpoints / "kept-A.safetensors", "kept 1", encoder=False)
    bench.run(asked)
    bench.run(bench.one("ckmerge_inspect", file="bare-C.safetensors"))
    outcome = bench.run(asked)
    check("there already" in outcome.text("1"), outcome.text("1"))
    os.rename(bench.checkpoints / "kept-A.safetensors", bench.checkpoints / "kept-other.safetensors")
    outcome = bench.run(bench.one("ckmerge_weighted_sum", A="kept-other.safetensors", B="bare-B.safetensors", alpha=0.4, filename_prefix="kept/x",
                                  save_workflow=False))
    check("there already" in outcome.text("1"), outcome.text("1"))
    models.write(bench.checkpoints / "kept-A.safetensors", "kept 2", encoder=False)
    bench.run(asked)
    check(bench.written("checkpoints/kept") == ["x_00001_.safetensors", "x_00002_.safetensors"], str(bench.written("checkpoints/kept")))
    models.write(bench.checkpoints / "kept-A.safetensors", "kept 3", encoder=False)  # the very prompt that the server's cache holds
    bench.run(asked)
    (bench.output / "checkpoints/kept/x_00003_.safetensors").unlink()
    check("1" not in bench.run(asked).cached, "the server's cache was taken for a result that is gone")
    check(bench.written("checkpoints/kept") == ["x_00001_.safetensors", "x_00002_.safetensors", "x_00003_.safetensors"], "a result that is gone is not made again")
    check("1" in bench.run(asked).cached, "what was made again is not in the server's cache")
    os.utime(bench.checkpoints / "kept-A.safetensors")  # another file to look at, of the same bytes
    check("there already" in bench.run(asked).text("1"), "a file of other times and the same bytes is merged again")


def old_schema(bench):
    """The nodes as NODE_CLASS_MAPPINGS: the same files, and a name that a loader takes."""
    workflow = Workflow()
    merge = workflow.add("v1_ckmerge_weighted_sum", **bench.filled("v1_ckmerge_weighted_sum", A="bare-A.safetensors", B="bare-B.safetensors", alpha=0.3,
                                                                   filename_prefix="v1/x", save_workflow=False))
    workflow.add("CheckpointLoaderSimple", ckpt_name=workflow.link(merge))
    outcome = bench.run(workflow.nodes)
    check(outcome.text("1"), "nothing is told")
    expected = bench.scratch / "expected.safetensors"
    bench.program("merge", bench.checkpoints / "bare-A.safetensors", bench.checkpoints / "bare-B.safetensors", "--alpha", "0.3", "--hash-inputs", "-f", "-o", expected)
    bench.same(bench.output / "checkpoints/v1/x_00001_.safetensors", expected)


CASES = [each_method, widgets_of_a_merge, sliders, formula, operations, text_encoder_alone, text_encoders_merged_and_loaded, not_the_file_of_another_folder, plan_and_inspect, loads, kept, old_schema]
