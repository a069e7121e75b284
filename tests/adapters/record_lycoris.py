# SPDX-License-Identifier: Apache-2.0
"""What LyCORIS makes of the small models of nets.py with each of its algorithms: cases for record.py.

A network is made on a net, its floats are replaced by values that names give, it is loaded, and the weight that it has is what its
forward computes of unit vectors: merge_to applies alpha/rank twice for LoHa and LoKr, and drops DoRA where it is precise."""
import nets
import tensors
import torch

IMAGES = ("down.0", "down.1", "proj", "norm")


class Case:
    """`given` are the words of create_lycoris, `by` is "forward" or "merge_to"."""

    def __init__(self, algo, net="images", strength=1.0, by="forward", dtype="F32", alpha=2.0, rank=4, drop=(), numbers=None, sizes=None, **given):
        self.algo, self.net, self.strength, self.by, self.dtype = algo, net, strength, by, dtype
        self.alpha, self.rank, self.drop, self.numbers, self.sizes, self.given = alpha, rank, drop, numbers or {}, sizes or {}, given


LYCORIS = {
    "lora": Case("lora"),
    "lora, strength 0.6": Case("lora", strength=0.6),
    "lora, a base of f16": Case("lora", dtype="F16", by="precise"),
    "lora, three dimensions": Case("lora", "convs"),
    "locon, tucker": Case("locon", use_tucker=True),
    "lora, rslora": Case("lora", rs_lora=True),
    "lora, alpha 0": Case("lora", numbers={"alpha": 0.0}),
    "dora": Case("lora", dora_wd=True),
    "dora, strength 0.6": Case("lora", dora_wd=True, strength=0.6),
    "dora, inputs": Case("lora", dora_wd=True, wd_on_output=False),
    "dora, inputs, strength 0.6": Case("lora", dora_wd=True, wd_on_output=False, strength=0.6),
    "dora, tucker": Case("locon", dora_wd=True, use_tucker=True),
    "loha": Case("loha"),
    "loha, strength 0.6": Case("loha", strength=0.6),
    "loha, tucker": Case("loha", use_tucker=True),
    "loha, dora": Case("loha", dora_wd=True),
    "lokr": Case("lokr", rank=1, decompose_both=True),
    "lokr, one whole factor": Case("lokr", rank=1, factor=2),
    "lokr, whole factors": Case("lokr", rank=16, full_matrix=True),
    "lokr, whole factors, strength 0.6": Case("lokr", rank=16, full_matrix=True, strength=0.6),
    "lokr, tucker": Case("lokr", rank=1, use_tucker=True, factor=2),
    "lokr, dora": Case("lokr", rank=1, dora_wd=True, factor=2),
    "lokr, unbalanced": Case("lokr", rank=1, unbalanced_factorization=True, factor=2),
    "dylora": Case("dylora", by="lora", block_size=1),
    "glora": Case("glora"),
    "glora, strength 0.6": Case("glora", strength=0.6),
    "full": Case("full", by="merge_to"),
    "full, strength 0.6": Case("full", by="merge_to", strength=0.6),
    "full, norms": Case("full", by="merge_to", train_norm=True),
    "ia3": Case("ia3"),
    "ia3, strength 0.6": Case("ia3", strength=0.6),
    "diag-oft": Case("diag-oft", rank=4),
    "diag-oft, strength 0.6": Case("diag-oft", rank=4, strength=0.6),
    "diag-oft, constrained": Case("diag-oft", rank=4, constraint=0.05),
    "diag-oft, rescaled": Case("diag-oft", rank=4, rescaled=True),
    "diag-oft, rescaled, strength 0.6": Case("diag-oft", rank=4, rescaled=True, strength=0.6),
    "boft": Case("boft", rank=4),
    "boft, strength 0.6": Case("boft", rank=4, strength=0.6),
    "boft, rescaled": Case("boft", rank=2, rescaled=True),
    "tlora": Case("tlora", "linear"),
    "tlora, strength 0.6": Case("tlora", "linear", strength=0.6),
}


def network(case, model):
    from lycoris.config import PRESET
    from lycoris.wrapper import LycorisNetwork, create_lycoris
    LycorisNetwork.apply_preset(PRESET["full"] | {"target_module": ["Linear", "Conv1d", "Conv2d", "Conv3d", "LayerNorm", "GroupNorm"]})
    net = create_lycoris(model, case.strength, linear_dim=case.rank, linear_alpha=case.alpha, algo=case.algo, **case.given)
    return net


def module_names(model):
    """{LyCORIS's name: (dotted name, module)}"""
    return {"lycoris_" + name.replace(".", "_"): (name, module) for name, module in model.named_modules() if name and not list(module.children())}


def units(module):
    """Inputs of which the outputs are a module's weight, column for column."""
    if isinstance(module, torch.nn.Linear):
        return torch.eye(module.in_features)
    extents = (module.in_channels // module.groups, *module.kernel_size)
    count = torch.Size(extents).numel()
    return torch.eye(count).reshape(count, *extents)


@torch.no_grad()
def by_forward(module):
    """(weight, bias) that the module's forward has."""
    inputs = units(module)
    bias = module(torch.zeros_like(inputs[:1])).reshape(-1)
    columns = module(inputs).reshape(len(inputs), -1) - bias
    return columns.T.reshape(module.weight.shape), bias


def weights_of(case, name, model, net, made):
    """{tensor: its new value} where they differ."""
    out, saved = {}, set(key.split(".")[0] for key in made)
    for stem, (dotted, module) in module_names(model).items():
        if stem not in saved:
            continue
        weight, bias = by_forward(module)
        out[dotted + ".weight"] = weight
        if module.bias is not None:
            out[dotted + ".bias"] = bias
    return out


def record(case, name):
    torch.manual_seed(0)
    model = nets.Net(case.net)
    before = {key: nets.made_of(value) for key, value in nets.Net(case.net, case.dtype).state_dict().items()}
    net = network(case, model)
    made = {}
    net.apply_to()
    for key, value in net.state_dict().items():
        entry = nets.made_of(value)
        if key.endswith("alpha"):
            number = case.numbers.get("alpha", value.item())
            entry = nets.made_of(torch.tensor(number, dtype=value.dtype))
            made[key] = entry
        elif entry[0] != "F32" or "on_input" in key:
            made[key] = entry
        else:
            made[key] = tensors.made(name, key, *entry[:2])
    kept = {key for key in made if key.endswith("alpha") or "on_input" in key}
    if case.algo == "dylora":  # a file of LoRA, as it is read
        merged = None
    state = {key: nets.tensor_of(entry) for key, entry in made.items()}
    told = net.load_state_dict(state, strict=False)
    assert not told.unexpected_keys, told
    net.eval()
    if case.by == "merge_to":
        net.restore()
        fresh = nets.Net(case.net)
        net = network(case, fresh)
        net.load_state_dict_of = None
        for lora in net.loras:
            part = {key[len(lora.lora_name) + 1:]: value for key, value in state.items() if key.startswith(lora.lora_name + ".")}
            lora.load_state_dict(part, strict=False)
        net.merge_to(case.strength)
        after = {key: value for key, value in fresh.state_dict().items()}
    else:
        after = weights_of(case, name, model, net, made)
    dtype = nets.TORCH[case.dtype]
    changed = {key: nets.made_of(value.to(dtype)) for key, value in after.items()}
    changed = {key: value for key, value in changed.items() if value[2] != before[key][2]}
    return {"net": case.net, "dtype": case.dtype, "strength": case.strength, "config": None, "metadata": {},
            "adapter": {key: [*entry[:2], *([tensors.text_of(entry[2])] if key in kept else [])] for key, entry in made.items()},
            "expected": {key: tensors.text_of(raw) for key, (_, _, raw) in changed.items()}}
