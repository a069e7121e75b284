# SPDX-License-Identifier: Apache-2.0
"""Files as kohya's scripts and those that follow them write: cases for record.py. The scripts are on no registry, so that what
becomes of the weights is computed by the dense reference: alpha/rank, and a scale of 1 where there is no alpha."""
import nets
import numpy
import reference
import tensors


class Case:
    """`factors` gives {what follows the module's name: shape, or a number} of a weight's shape."""

    def __init__(self, factors, prefix="lora_unet_", net="images", dtype="F32", strength=1.0, stored="F32", options=()):
        self.factors, self.prefix, self.net, self.dtype, self.strength, self.stored, self.options = factors, prefix, net, dtype, strength, stored, list(options)


def lora(alpha=2.0, rank=4, names=("lora_down.weight", "lora_up.weight")):
    def factors(shape):
        made = {names[0]: [rank, *shape[1:]], names[1]: [shape[0], rank] + [1] * len(shape[2:])}
        return made if alpha is None else made | {"alpha": alpha}
    return factors


def with_middle(shape):
    if shape[2:] in ([], [1, 1]):
        return lora()(shape)
    return {"lora_down.weight": [4, shape[1], 1, 1], "lora_mid.weight": [4, 4, *shape[2:]], "lora_up.weight": [shape[0], 4, 1, 1], "alpha": 2.0}


def as_matrices(shape):
    """Of a convolution of one point, factors without a kernel."""
    return lora()(shape[:2] if shape[2:] == [1, 1] else shape)


def decomposed(shape):
    return lora()(shape) | {"dora_scale": [shape[0]] + [1] * len(shape[1:])}


def decomposed_inputs(shape):
    return lora()(shape) | {"dora_scale": [1, shape[1]] + [1] * len(shape[2:])}


KOHYA = {
    "lora": Case(lora()),
    "lora, strength -0.5": Case(lora(), strength=-0.5),
    "lora, no alpha": Case(lora(None)),
    "lora, files of f16": Case(lora(), stored="F16"),
    "lora, files of bf16, a base of f16": Case(lora(), stored="BF16", dtype="F16"),
    "lora, a base of bf16": Case(lora(), dtype="BF16"),
    "lora, rank 1": Case(lora(1.0, 1)),
    "lora, rank above the weight's": Case(lora(3.0, 16)),
    "lora, three dimensions": Case(lora(), net="convs"),
    "lora, a middle": Case(with_middle),
    "lora, matrices for points": Case(as_matrices),
    "dora": Case(decomposed),
    "dora as ComfyUI": Case(decomposed, options=("--dora", "comfy")),
    "dora as ComfyUI, strength 0.6": Case(decomposed, strength=0.6, options=("--dora", "comfy")),
    "dora as ComfyUI, inputs, strength 0.6": Case(decomposed_inputs, strength=0.6, options=("--dora", "comfy")),
    "lora_A and lora_B with alpha": Case(lora(names=("lora_A.weight", "lora_B.weight"))),
    "differences": Case(lambda shape: {"diff": shape, "diff_b": shape[:1]}),
}


def record(case, name):
    net = nets.Net(case.net)
    base, made = nets.values(net, case.net, case.dtype), {}
    for key, (_, shape, _) in base.items():
        if not key.endswith("weight") or len(shape) < 2:
            continue
        stem = case.prefix + key.removesuffix(".weight").replace(".", "_")
        for factor, told in case.factors(shape).items():
            if factor == "diff_b" and key.removesuffix("weight") + "bias" not in base:
                continue
            dtype, place = case.stored, f"{stem}.{factor}"
            made[place] = tensors.made(name, place, dtype, told) if isinstance(told, list) else (dtype, [], tensors.packed(dtype, [told]))
    changed = reference.merged(made, None, base, case.strength, "comfy" in case.options)
    kept = {key for key in made if key.endswith("alpha")}
    return {"net": case.net, "dtype": case.dtype, "strength": case.strength, "config": None, "metadata": {"ss_network_module": "networks.lora"}, "options": case.options,
            "adapter": {key: [*entry[:2], *([tensors.text_of(entry[2])] if key in kept else [])] for key, entry in made.items()},
            "expected": {key: tensors.text_of(rounded(value, case.dtype)) for key, value in changed.items()}}


def rounded(values, dtype):
    """Bytes of the nearest numbers of that dtype."""
    if dtype == "BF16":
        import torch
        return nets.made_of(torch.from_numpy(values).to(torch.bfloat16))[2]
    return values.astype({"F32": numpy.float32, "F16": numpy.float16}[dtype]).tobytes()
