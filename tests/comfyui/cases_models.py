# SPDX-License-Identifier: Apache-2.0
"""Nodes on loaded models, against ComfyUI's own nodes in the same prompt: Checkpoint Save against CheckpointSave to the last bit, Checkpoint Merge
and the merges of files against what ComfyUI computes."""
import struct

import models
from bench import Workflow, check, differences
from cases_faults import interrupted


def loaders(workflow, *names):
    return [workflow.add("CheckpointLoaderSimple", ckpt_name=f"{name}.safetensors") for name in names]


def both_saves(workflow, model, clip, vae, name, **more):
    workflow.add("CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix=f"checkpoints/{name}/theirs")
    workflow.add("ckmerge_CheckpointSave", model=model, clip=clip, vae=vae, filename_prefix=f"checkpoints/{name}/ours", **{"dtype": "keep", **more})


def saved(bench, name):
    return [bench.output / f"checkpoints/{name}/{who}_00001_.safetensors" for who in ("ours", "theirs")]


def equal_saves(bench, name):
    ours, theirs = saved(bench, name)
    mine, other = models.read(ours), models.read(theirs)
    check(list(mine[1]) == list(other[1]), f"{name}: other names or another order: {sorted(mine[1].keys() ^ other[1].keys())[:4]}")
    check(mine == other, f"{name}: {differences(ours, theirs)}")


def save_untouched(bench):
    workflow, link = Workflow(), Workflow.link
    loader, = loaders(workflow, "full-A")
    both_saves(workflow, link(loader), link(loader, 1), link(loader, 2), "untouched")
    bench.run(workflow.nodes, workflow={"nodes": []})
    equal_saves(bench, "untouched")


def save_merged(bench):
    """Merges nested in merges, of the diffusion model and of the text encoder; the model is the same afterwards."""
    workflow, link = Workflow(), Workflow.link
    a, b = loaders(workflow, "full-A", "full-B")
    c, = loaders(workflow, "bare-C")
    delta = workflow.add("ModelMergeSubtract", model1=link(b), model2=link(c), multiplier=0.8)
    added = workflow.add("ModelMergeAdd", model1=link(a), model2=link(delta))
    model = workflow.add("ModelMergeSimple", model1=link(added), model2=link(b), ratio=0.6)
    clip = workflow.add("CLIPMergeSimple", clip1=link(a, 1), clip2=link(b, 1), ratio=0.5)
    workflow.add("ckmerge_CheckpointSave", model=link(model), clip=link(clip), vae=link(a, 2), filename_prefix="checkpoints/merged/ours", dtype="keep")
    bench.run(workflow.nodes)
    del workflow.nodes[max(workflow.nodes, key=int)]
    both_saves(workflow, link(model), link(clip), link(a, 2), "merged/again")
    bench.run(workflow.nodes)
    equal_saves(bench, "merged/again")
    first = models.read(bench.output / "checkpoints/merged/ours_00001_.safetensors")[1]
    check(first == models.read(saved(bench, "merged/again")[0])[1], "a save changed the model")


def save_with_lora(bench):
    workflow, link = Workflow(), Workflow.link
    loader, = loaders(workflow, "full-B")
    lora = workflow.add("LoraLoader", model=link(loader), clip=link(loader, 1), lora_name="lora.safetensors", strength_model=0.8, strength_clip=0.0)
    both_saves(workflow, link(lora), link(lora, 1), link(loader, 2), "lora")
    bench.run(workflow.nodes)
    equal_saves(bench, "lora")
    for name in ("input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight", "input_blocks.1.0.in_layers.2.weight"):
        name = f"model.diffusion_model.{name}"
        check(models.read(saved(bench, "lora")[0])[1][name] != models.read(bench.checkpoints / "full-B.safetensors")[1][name], f"the LoRA changed nothing of {name}")


def save_with_several_loras(bench):
    """Before, between and behind merges of models."""
    workflow, link = Workflow(), Workflow.link
    a, b = loaders(workflow, "full-A", "full-B")

    def with_lora(model, strength):
        return workflow.add("LoraLoader", model=link(model), clip=link(a, 1), lora_name="lora.safetensors", strength_model=strength, strength_clip=0.0)

    both = with_lora(with_lora(a, 0.8), -0.35)
    merged = workflow.add("ModelMergeSimple", model1=link(both), model2=link(b), ratio=0.6)
    model = with_lora(with_lora(merged, 0.45), 1.0)
    both_saves(workflow, link(model), link(a, 1), link(a, 2), "loras")
    bench.run(workflow.nodes)
    equal_saves(bench, "loras")


def save_dtypes(bench):
    workflow, link = Workflow(), Workflow.link
    loader, = loaders(workflow, "full-A")
    for dtype in ("float16", "float32", "bfloat16", "float8_e4m3fn"):
        workflow.add("ckmerge_CheckpointSave", model=link(loader), clip=link(loader, 1), vae=link(loader, 2), filename_prefix=f"checkpoints/dtypes/{dtype}",
                     dtype=dtype)
    bench.run(workflow.nodes)
    for dtype, stored in (("float16", "F16"), ("float32", "F32"), ("bfloat16", "BF16"), ("float8_e4m3fn", "F8_E4M3")):
        tensors = models.read(bench.output / f"checkpoints/dtypes/{dtype}_00001_.safetensors")[1]
        found = {entry[0] for name, entry in tensors.items() if name.startswith("model.diffusion_model.")}
        check(found == {stored}, f"{dtype}: {found}")
        check({entry[0] for name, entry in tensors.items() if name.startswith("cond_stage_model.")} == {"F16"}, f"{dtype}: the text encoder was converted")


def save_interrupted(bench):
    workflow, link = Workflow(), Workflow.link
    a, b = loaders(workflow, "full-A", "full-B")
    model = workflow.add("ModelMergeSimple", model1=link(a), model2=link(b), ratio=0.35)
    workflow.add("PreviewAny", source=link(model))
    bench.run(workflow.nodes)  # the models are loaded
    workflow.add("ckmerge_CheckpointSave", model=link(model), clip=link(a, 1), vae=link(a, 2), filename_prefix="checkpoints/stopped/x", dtype="float32")
    interrupted(bench, workflow.nodes, "Checkpoint Save")


def save_elsewhere(bench):
    workflow, link = Workflow(), Workflow.link
    loader, = loaders(workflow, "bare-A")
    workflow.add("ckmerge_CheckpointSave", model=link(loader), clip=link(loader, 1), vae=link(loader, 2), filename_prefix="../../out")
    outcome = bench.run(workflow.nodes, "error")
    check("filename_prefix ../../out" in outcome.error and "\n" not in outcome.error, outcome.error)


def of_part(path, prefix):
    return {name: entry for name, entry in models.read(path)[1].items() if name.startswith(prefix)}


def checkpoint_merge(bench):
    """ArtVenture's rules, against `--like artventure`."""
    workflow, link = Workflow(), Workflow.link
    pairs = {"plain": ("bare-A", "bare-B"), "inpainting": ("inpainting", "bare-B"), "missing": ("bare-A", "shallow")}
    for name, (one, other) in pairs.items():
        a, b = loaders(workflow, one, other)
        merge = workflow.add("ckmerge_CheckpointMerge", model1=link(a), model2=link(b), model1_weight=0.6, model2_weight=0.4)
        workflow.add("ckmerge_CheckpointSave", model=link(merge), clip=link(a, 1), vae=link(a, 2), filename_prefix=f"checkpoints/artventure/{name}", dtype="keep")
    bench.run(workflow.nodes)
    expected = bench.scratch / "expected.safetensors"
    for name, (one, other) in pairs.items():
        bench.program("merge", bench.checkpoints / f"{one}.safetensors", bench.checkpoints / f"{other}.safetensors", "--like", "artventure", "--weights", "0.6,0.4",
                      "-f", "-o", expected)
        mine, theirs = of_part(bench.output / f"checkpoints/artventure/{name}_00001_.safetensors", "model."), of_part(expected, "model.")
        wrong = [key for key in theirs if mine.get(key) != theirs[key]]
        check(not wrong and mine.keys() == theirs.keys(), f"{name}: {len(wrong)} of {len(theirs)} differ, {wrong[:3]}")


def checkpoint_merge_refuses(bench):
    for one, other, words in (("bare-A", "inpainting", "model2 is an inpainting model"), ("bare-A", "shapes", "cannot be merged")):
        workflow, link = Workflow(), Workflow.link
        a, b = loaders(workflow, one, other)
        merge = workflow.add("ckmerge_CheckpointMerge", model1=link(a), model2=link(b), model1_weight=0.6, model2_weight=0.4)
        workflow.add("ckmerge_CheckpointSave", model=link(merge), clip=link(a, 1), vae=link(a, 2), filename_prefix="checkpoints/refused/x")
        outcome = bench.run(workflow.nodes, "error")
        check(words in outcome.error, outcome.error)


def last_bits(one, other):
    """How many halves differ, and by how many units in the last place at most."""
    def place(bits):  # in the order of all halves, both zeros in one place
        return bits if bits < 0x8000 else 0x8000 - bits

    apart, most = 0, 0
    for name, (_, _, data) in one.items():
        for mine, theirs in zip(struct.iter_unpack("<H", data), struct.iter_unpack("<H", other[name][2])) if data != other[name][2] else ():
            if distance := abs(place(mine[0]) - place(theirs[0])):
                apart, most = apart + 1, max(most, distance)
    return apart, most


def files_against_models(bench):
    """A merge of files against ModelMergeSimple, CLIPMergeSimple, Subtract and Add, and CheckpointSave. The first two equal it to the bit; Subtract and
    Add round A + ((m*B) + (-m)*C) where ckmerge rounds A + m*(B - C), which is one unit of the last place in one element of a thousand at most: these values are random, those of fine-tunes are closer to each other."""
    workflow, link = Workflow(), Workflow.link
    a, b = loaders(workflow, "full-A", "full-B")
    c, = loaders(workflow, "bare-C")
    simple = workflow.add("ModelMergeSimple", model1=link(a), model2=link(b), ratio=0.7)
    clip = workflow.add("CLIPMergeSimple", clip1=link(a, 1), clip2=link(b, 1), ratio=0.7)
    workflow.add("CheckpointSave", model=link(simple), clip=link(clip), vae=link(a, 2), filename_prefix="checkpoints/against/simple")
    delta = workflow.add("ModelMergeSubtract", model1=link(b), model2=link(c), multiplier=0.8)
    added = workflow.add("ModelMergeAdd", model1=link(a), model2=link(delta))
    workflow.add("CheckpointSave", model=link(added), clip=link(a, 1), vae=link(a, 2), filename_prefix="checkpoints/against/added")
    common = {"A": "full-A.safetensors", "B": "full-B.safetensors", "save_workflow": False}
    workflow.add("ckmerge_weighted_sum", **bench.filled("ckmerge_weighted_sum", **common, alpha=0.3, filename_prefix="against/file"))
    workflow.add("ckmerge_add_difference", **bench.filled("ckmerge_add_difference", **common, C="bare-C.safetensors", alpha=0.8, filename_prefix="against/difference"))
    bench.run(workflow.nodes)
    folder = bench.output / "checkpoints/against"
    for prefix in ("model.diffusion_model.", "cond_stage_model."):
        theirs, mine = of_part(folder / "simple_00001_.safetensors", prefix), of_part(folder / "file_00001_.safetensors", prefix)
        wrong = [name for name in theirs if theirs[name] != mine.get(name)]
        check(not wrong, f"{len(wrong)} of {len(theirs)} differ: {wrong[:3]}")
    theirs, mine = (of_part(folder / f"{name}_00001_.safetensors", "model.diffusion_model.") for name in ("added", "difference"))
    apart, most = last_bits(theirs, mine)
    count = sum(len(data) // 2 for _, _, data in theirs.values())
    print(f"  Subtract and Add: {apart} of {count} elements differ, by {most} units of the last place at most")
    check(most <= 1 and apart < count / 500, f"{apart} of {count} elements differ by up to {most}")


CASES = [save_untouched, save_merged, save_with_lora, save_with_several_loras, save_dtypes, save_interrupted, save_elsewhere, checkpoint_merge, checkpoint_merge_refuses, files_against_models]
