# SPDX-License-Identifier: Apache-2.0
"""What LyCORIS makes of the small models of nets.py with each of its algorithms: cases for record.py.

A network is made on a net, its floats are replaced by values that names give, it is loaded, and the weight that it has is what its
forward computes of unit vectors: merge_to applies alpha/rank twice for LoHa and LoKr, and drops DoRA where it is precise."""
import nets
import reference
import tensors
import torch

IMAGES = ("down.0", "down.1", "proj", "norm")


class Case:
    """`given` are the words of create_lycoris. `by` is "forward", or "merge_to", "precise" (that in F64), "file" (the forward of what
    LyCORIS reads of a file), or "reference", of what LyCORIS writes and cannot read."""

    def __init__(self, algo, net="images", strength=1.0, by="forward", dtype="F32", alpha=2.0, rank=4, drop=(), numbers=None, sizes=None, **given):
        self.algo, self.net, self.strength, self.by, self.dtype = algo, net, strength, by, dtype
        self.alpha, self.rank, self.drop, self.numbers, self.sizes, self.given = alpha, rank, drop, numbers or {}, sizes or {}, given


LYCORIS = {
    "lora": Case("lora"),
    "lora, strength 0.6": Case("lora", strength=0.6),
    "lora, a base of f16": Case("lora", dtype="F16", by="precise"),
    "lora, three dimensions": Case("lora", "convs"),
    "locon, tucker": Case("locon", use_tucker=True),
    "lora, alpha 0": Case("lora", by="file", numbers={"alpha": 0.0}),
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
    "dylora": Case("dylora", "linear", by="file", block_size=1),
    "dylora, convolutions": Case("dylora", by="reference", block_size=1),
    "glora": Case("glora"),
    "glora, strength 0.6": Case("glora", strength=0.6),
    "full": Case("full", by="merge_to"),
    "full, strength 0.6": Case("full", by="merge_to", strength=0.6),
    "full, norms": Case("full", by="merge_to", train_norm=True),
    "ia3": Case("ia3"),
    "ia3, inputs": Case("ia3", by="reference", numbers={"on_input": 1}),
    "ia3, strength 0.6": Case("ia3", strength=0.6),
    "diag-oft": Case("diag-oft", rank=2),
    "diag-oft, strength 0.6": Case("diag-oft", rank=2, strength=0.6),
    "diag-oft, constrained": Case("diag-oft", rank=2, constraint=0.05),
    "diag-oft, rescaled": Case("diag-oft", rank=2, rescaled=True),
    "diag-oft, rescaled, strength 0.6": Case("diag-oft", rank=2, rescaled=True, strength=0.6),
    "boft": Case("boft", rank=4),
    "boft, strength 0.6": Case("boft", rank=4, strength=0.6),
    "boft, rescaled": Case("boft", rank=2, rescaled=True),
    "tlora": Case("tlora", "linear"),
    "tlora, strength 0.6": Case("tlora", "linear", strength=0.6),
    "tlora, sig_type last": Case("tlora", "linear", sig_type="last"),
    "tlora, sig_type middle": Case("tlora", "linear", sig_type="middle"),
    "tlora, a random matrix": Case("tlora", "linear", use_data_init=False),
}


def network(case, model):
    from lycoris.config import PRESET
    from lycoris.wrapper import LycorisNetwork, create_lycoris
    LycorisNetwork.apply_preset(PRESET["full"] | {"target_module": ["Linear", "Conv1d", "Conv2d", "Conv3d", "LayerNorm", "GroupNorm"]})
    if case.algo == "tlora":  # create_lycoris hands nothing on that chooses what it begins from
        LycorisNetwork.apply_preset(PRESET["full"])
        return LycorisNetwork(model, case.strength, lora_dim=case.rank, alpha=case.alpha, network_module="tlora", **case.given)
    return create_lycoris(model, case.strength, linear_dim=case.rank, linear_alpha=case.alpha, algo=case.algo, **case.given)


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


def began(lora):
    """What a T-LoRA began from, as {tensor: (dtype, shape, bytes)}: trained a little, since it is rounded, and without what hangs on a
    machine's LAPACK, signs and last bits."""
    q, p, signs, step = lora.q_layer.weight, lora.p_layer.weight, torch.sign(lora.q_layer.weight[:, 0]), 2.0**-4
    made = {"q_layer.weight": q * signs[:, None], "p_layer.weight": p * signs, "lambda_layer": 1.25 * lora.lambda_layer}
    return {f"{lora.lora_name}.{key}": nets.made_of(torch.round(value / step) * step) for key, value in made.items()}


def made_adapter(case, name, net):
    """({tensor: (dtype, shape, bytes)}, the names that are what they are)"""
    made, kept = {}, ("alpha", "on_input")
    if case.algo == "tlora":
        made, kept = {key: entry for lora in net.loras for key, entry in began(lora).items()}, ("alpha", "_layer", "_layer.weight")
    held = {f"{lora.lora_name}.{key}": value for lora in net.loras for key, value in lora.state_dict().items()}
    for key, value in held.items():
        if key in made:
            continue
        entry = nets.made_of(value)
        number = case.numbers.get(key.rsplit(".", 1)[1])
        if key.endswith("alpha") or number is not None:
            made[key] = nets.made_of(torch.tensor(value.item() if number is None else number, dtype=value.dtype))
        elif number is None and case.numbers.get("on_input"):
            module = dict(module_names(nets.Net(case.net)).values())[{stem: dotted for stem, (dotted, _) in module_names(nets.Net(case.net)).items()}[key.split(".")[0]]]
            shape = [module.weight.shape[1]] if module.weight.ndim == 2 else [1, module.weight.shape[1], 1, 1]
            made[key] = tensors.made(name, key, "F32", shape)
        else:
            made[key] = tensors.made(name, key, *entry[:2]) if entry[0] == "F32" else entry
    return made, {key for key in made if key.endswith(kept)}


def merged(case, made):
    """{tensor: its new value}"""
    if case.by == "reference":
        base = nets.values(nets.Net(case.net), case.net, case.dtype)
        return {key: torch.from_numpy(value).float() for key, value in reference.merged(made, None, base, case.strength).items()}
    model, state = nets.Net(case.net, case.dtype if case.by == "precise" else "F32"), {key: nets.tensor_of(entry) for key, entry in made.items()}
    if case.by == "file":  # as LyCORIS reads it
        from lycoris.wrapper import create_lycoris_from_weights
        net, _ = create_lycoris_from_weights(case.strength, "made.safetensors", model, weights_sd=state)
        net.apply_to()
    else:
        net = network(case, model)
        if case.by == "forward":
            net.apply_to()
        for lora in net.loras:
            part = {key[len(lora.lora_name) + 1:]: value for key, value in state.items() if key.startswith(lora.lora_name + ".")}
            assert not lora.load_state_dict(part, strict=False).unexpected_keys, part.keys()
    net.eval()
    if case.by in ("merge_to", "precise"):
        net.merge_to(case.strength, precise=case.by == "precise")
        return dict(model.state_dict())
    out, saved = {}, {key.split(".")[0] for key in made}
    for stem, (dotted, module) in module_names(model).items():
        if stem in saved:
            weight, bias = by_forward(module)
            out |= {dotted + ".weight": weight} | ({dotted + ".bias": bias} if module.bias is not None else {})
    return out


def record(case, name):
    """A recording: what file there is, and which tensors become what."""
    torch.manual_seed(0)
    before = {key: nets.made_of(value) for key, value in nets.Net(case.net, case.dtype).state_dict().items()}
    made, kept = made_adapter(case, name, network(case, nets.Net(case.net)))
    changed = {key: nets.made_of(value.to(nets.TORCH[case.dtype])) for key, value in merged(case, made).items()}
    changed = {key: value for key, value in changed.items() if value[2] != before[key][2]}
    return {"net": case.net, "dtype": case.dtype, "strength": case.strength, "config": None, "metadata": {},
            "adapter": {key: [*entry[:2], *([tensors.text_of(entry[2])] if key in kept else [])] for key, entry in made.items()},
            "expected": {key: tensors.text_of(raw) for key, (_, _, raw) in changed.items()}}
