# SPDX-License-Identifier: Apache-2.0
"""usage: peer_calls.py JOBS
Runs in the virtual environment of the peers: does what each job of a JSON list asks of sd-mecha, mergekit or ComfyUI's
nodes, and writes a safetensors file each. A job is {peer, call, inputs: {letter: file}, dtype, output}."""
import json
import os
import pathlib
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

TORCH = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
MERGEKIT = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def sd_mecha_job(call, inputs, dtype, output):
    import sd_mecha
    if "names" in call:
        names = {config: {name: list(entry.shape) for name, entry in sd_mecha.extensions.model_configs.resolve(config).keys().items()}
                 for config in call["names"]}
        return pathlib.Path(output).write_text(json.dumps(names), encoding="utf-8")
    config = {"sd1": "sd1-ldm", "sdxl": "sdxl-sgm", None: None}[call.get("config")]
    models = {letter: sd_mecha.model(path, config=config) for letter, path in inputs.items()}
    a, b, c = (models.get(letter) for letter in "ABC")
    alpha, methods = call.get("alpha", 1.0), sd_mecha.extensions.merge_methods
    if "blocks" in call:
        blocks = sd_mecha.literal({key: torch.tensor(value) for key, value in call["blocks"].items()}, config=f"{call['config']}-supermerger_blocks")
        alpha = sd_mecha.convert(blocks, a)

    def add(weight, *operands):
        return methods.resolve("add_difference")(*operands, alpha=weight)

    def of_deltas(name):
        given = {key: value for key, value in call.items() if key in ("k", "vote_sgn", "apply_stock", "apply_median")}
        return methods.resolve(name)(sd_mecha.subtract(b, a), sd_mecha.subtract(c, a), **given)
    recipe = {"weighted_sum": lambda: sd_mecha.weighted_sum(a, b, alpha=alpha),
              "n_average": lambda: sd_mecha.n_average(a, b, c),
              "add_difference": lambda: add(alpha, a, sd_mecha.subtract(b, c)),
              "train_difference": lambda: add(sd_mecha.train_difference_mask(a, b, c, alpha=alpha), a, sd_mecha.subtract(b, c)),
              "add_opposite": lambda: add(sd_mecha.add_opposite_mask(a, b, c, alpha=alpha), a, sd_mecha.subtract(b, c)),
              "add_strict_opposite": lambda: add(sd_mecha.add_strict_opposite_mask(a, b, c, alpha=alpha), a, sd_mecha.subtract(b, c)),
              "geometric_sum": lambda: sd_mecha.geometric_sum(a, b, alpha=alpha),
              "clamp": lambda: sd_mecha.clamp(a, b, c),
              "slerp": lambda: sd_mecha.slerp(a, b, alpha=alpha),
              "perpendicular_component": lambda: methods.resolve("perpendicular_component")(a, b),
              "add_perpendicular": lambda: add(alpha, a, methods.resolve("perpendicular_component")(sd_mecha.subtract(a, c), sd_mecha.subtract(b, c))),
              "add_cosine_a": lambda: methods.resolve("add_cosine_a")(a, b, alpha=alpha),
              "add_cosine_b": lambda: methods.resolve("add_cosine_b")(a, b, alpha=alpha),
              "geometric_median": lambda: methods.resolve("geometric_median")(a, b, c),
              "ties_sum": lambda: add(alpha, a, of_deltas("ties_sum")),
              "ties_sum_extended": lambda: add(alpha, a, of_deltas("ties_sum_extended")),
              "tensor_sum": lambda: sd_mecha.tensor_sum(a, b, width=call["width"], offset=0.0),
              "truncate_rank": lambda: add(1.0, a, methods.resolve("truncate_rank")(sd_mecha.subtract(b, a), rank=call["rank"],
                                                                                    use_approximate_basis=False)),
              "rotate": lambda: methods.resolve("rotate")(a, b, alignment=call.get("alignment", 1.0), alpha=alpha, centralization=call["centralization"]),
              "top_k_tensor_sum": lambda: methods.resolve("top_k_tensor_sum")(a, b, width=call["width"], offset=call["offset"]),
              "crossover": lambda: methods.resolve("crossover")(a, b, alpha=alpha, tilt=call["tilt"]),
              "nested": lambda: sd_mecha.weighted_sum(add(0.7, a, sd_mecha.subtract(b, c)), b, alpha=0.4)}[call["method"]]()
    merge_dtype = TORCH[call.get("merge_dtype", "F32")]
    sd_mecha.merge(recipe, output=output, merge_dtype=merge_dtype, output_dtype=TORCH[dtype], threads=1, check_extra_keys=False)


def mergekit_job(call, inputs, dtype, output):
    import yaml
    from mergekit.scripts.merge_raw_pytorch import main as mergekit_pytorch
    weights = call.get("weights", {})
    models = [{"model": path, "parameters": {"weight": weights[letter]} if letter in weights else {}} for letter, path in inputs.items()
              if letter in weights or not weights]
    parameters = {key: value for key, value in call.items() if key not in ("merge_method", "weights", "base")}
    recipe = {"merge_method": call["merge_method"], "models": models, "parameters": parameters, "dtype": "float32", "out_dtype": MERGEKIT[dtype]}
    if "base" in call:
        recipe["base_model"] = inputs[call["base"]]
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "recipe.yml").write_text(yaml.safe_dump(recipe))
        mergekit_pytorch([os.path.join(folder, "recipe.yml"), os.path.join(folder, "out"), "--quiet"], standalone_mode=False)
        shutil.copyfile(os.path.join(folder, "out", "model.safetensors"), output)


def tree_of(tensors):
    """A torch module that has these tensors under their names."""
    root = torch.nn.Module()
    for name, tensor in tensors.items():
        *path, last = name.split(".")
        module = root
        for part in path:
            if not hasattr(module, part):
                module.add_module(part, torch.nn.Module())
            module = getattr(module, part)
        module.register_parameter(last, torch.nn.Parameter(tensor, requires_grad=False))
    return root


def comfy_job(call, inputs, _, output):
    import comfy.model_patcher
    from comfy_extras import nodes_model_merging as merging, nodes_model_merging_model_specific as specific
    cpu, prefix = torch.device("cpu"), "model."
    files = {letter: load_file(path) for letter, path in inputs.items()}
    models = [comfy.model_patcher.ModelPatcher(tree_of({name.removeprefix(prefix): tensor for name, tensor in tensors.items()
                                                        if name.startswith("model.diffusion_model.")}), cpu, cpu) for tensors in files.values()]
    if call["node"] == "ModelMergeSimple":
        (merged,) = merging.ModelMergeSimple().merge(*models, call["ratio"])
    elif call["node"] == "Subtract, Add":
        (delta,) = merging.ModelSubtract().merge(models[1], models[2], call["multiplier"])
        (merged,) = merging.ModelAdd().merge(models[0], delta)
    else:
        node = merging.ModelMergeBlocks() if call["node"] == "ModelMergeBlocks" else getattr(specific, call["node"])()
        (merged,) = node.merge(*models, **call["sliders"])
    merged.patch_model()
    save_file({prefix + name: tensor.contiguous() for name, tensor in merged.model.state_dict().items()}, output)


def main():
    torch.set_num_threads(1)
    jobs = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.argv = [sys.argv[0], "--cpu"]  # ComfyUI reads it when it is imported
    done = {"sd-mecha": sd_mecha_job, "mergekit": mergekit_job, "ComfyUI": comfy_job}
    if any(job["peer"] == "ComfyUI" for job in jobs):
        import comfy.options
        comfy.options.enable_args_parsing(True)
    for job in jobs:
        try:
            done[job["peer"]](job["call"], job["inputs"], job["dtype"], job["output"])
        except torch.linalg.LinAlgError as fault:  # whether torch finds singular values hangs on the CPU
            pathlib.Path(job["output"] + ".fault").write_text(str(fault), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # ComfyUI's models complain of modules that are gone by then


main()
