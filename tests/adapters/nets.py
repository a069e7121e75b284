# SPDX-License-Identifier: Apache-2.0
"""The small models of the recordings, which need torch: modules by their dotted names, with the values that names give
(tensors.py)."""
import tensors
import torch


def linear(inputs, outputs, bias=False):
    return torch.nn.Linear(inputs, outputs, bias=bias)


def conv1d_of_gpt2(inputs, outputs):
    from transformers.pytorch_utils import Conv1D
    return Conv1D(outputs, inputs)


def convolution(dimensions, inputs, outputs, size, **given):
    return getattr(torch.nn, f"Conv{dimensions}d")(inputs, outputs, size, **given)


class Experts(torch.nn.Module):
    """Four experts in one parameter each way; `turned` as gpt-oss and Llama 4 have them, (experts, in, out)."""

    def __init__(self, turned):
        super().__init__()
        self.is_transposed = turned
        inputs, inner = 4, 3
        self.gate_up_proj = torch.nn.Parameter(torch.zeros(4, *((inputs, 2 * inner) if turned else (2 * inner, inputs))))
        self.down_proj = torch.nn.Parameter(torch.zeros(4, *((inner, inputs) if turned else (inputs, inner))))

    def forward(self, x):
        return x


# What a net is made of, by its name in the recordings.
NETS = {
    "linear": lambda: {"layers.0.q_proj": linear(10, 6), "layers.0.v_proj": linear(6, 6, bias=True), "layers.0.down_proj": linear(6, 10), "norm": torch.nn.LayerNorm(6)},
    "square": lambda: {"layers.0.q_proj": linear(8, 8), "layers.0.v_proj": linear(8, 8, bias=True), "layers.0.up_proj": linear(8, 16), "layers.0.down_proj": linear(16, 8)},
    "convs": lambda: {"down.0": convolution(1, 4, 6, 3), "down.1": convolution(2, 6, 8, 3), "down.2": convolution(2, 8, 4, 1, bias=False),
                      "down.3": convolution(3, 4, 6, 2), "proj": linear(6, 8)},
    "images": lambda: {"down.0": convolution(2, 6, 8, 3), "down.1": convolution(2, 8, 4, 1), "proj": linear(4, 8), "norm": torch.nn.GroupNorm(2, 8)},
    "tokens": lambda: {"embed_tokens": torch.nn.Embedding(11, 6), "q_proj": linear(6, 8), "lm_head": linear(6, 11)},
    "experts": lambda: {"layers.0.mlp.experts": Experts(False), "layers.0.mlp.router": linear(4, 4)},
    "experts-turned": lambda: {"layers.0.mlp.experts": Experts(True), "layers.0.mlp.router": linear(4, 4)},
    "attention": lambda: {"layers.0.attn": torch.nn.MultiheadAttention(6, 2)},
    "gpt": lambda: {"h.0.attn.c_attn": conv1d_of_gpt2(6, 18), "h.0.attn.c_proj": conv1d_of_gpt2(6, 6), "h.0.mlp.c_fc": conv1d_of_gpt2(6, 10), "h.0.mlp.out": linear(6, 6)},
}


class Net(torch.nn.Module):
    def __init__(self, kind, dtype="F32"):
        super().__init__()
        for name, module in NETS[kind]().items():
            place, (*path, last) = self, name.split(".")
            for part in path:
                if not hasattr(place, part):
                    place.add_module(part, torch.nn.Module())
                place = getattr(place, part)
            place.add_module(last, module)
        self.to(TORCH[dtype])
        self.load_state_dict({name: tensor_of(made) for name, made in values(self, kind, dtype).items()})
        self.eval()

    def forward(self, x):
        return x


TORCH = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8,
         "I16": torch.int16, "I8": torch.int8, "BOOL": torch.bool}
DTYPES = {value: key for key, value in TORCH.items()}


def values(model, kind, dtype):
    """{name: (dtype, shape, bytes)} of a net's tensors."""
    return {name: tensors.made(kind, name, dtype, tuple(tensor.shape)) for name, tensor in model.state_dict().items()}


def tensor_of(made):
    dtype, shape, raw = made
    return torch.frombuffer(bytearray(raw), dtype=TORCH[dtype]).reshape(shape) if raw else torch.empty(shape, dtype=TORCH[dtype])


def made_of(tensor):
    """(dtype, shape, bytes) of a torch tensor."""
    tensor = tensor.detach().contiguous()
    return DTYPES[tensor.dtype], list(tensor.shape), tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
