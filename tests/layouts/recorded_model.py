# SPDX-License-Identifier: Apache-2.0
"""What record.py knows of a model, and what its parts are made of."""
import inspect

import diffusers_classes


class Model:
    """`left` and `right` give {name: shape}; `right` may be None, a shape of it as well. `convert` takes and gives tensors by name."""

    def __init__(self, name, family, left, convert, right=None, by="", namings=("original", "diffusers")):
        self.name, self.family, self.left, self.convert, self.right, self.by = name, family, left, convert, right, by
        self.from_naming, self.to_naming = namings


def shapes_of(module):
    return {name: list(tensor.shape) for name, tensor in module.state_dict().items()}


def comfy_module(make, **given):
    """{name: shape} of one of ComfyUI's modules."""
    import comfy.ops
    import torch

    return shapes_of(make(**given, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init))


def narrowed(shapes, most=4, keep=lambda name, dimension: False):
    """Dimensions above `most` cut to it, but those that `keep` names: for converters that look at no width."""
    return {
        name: [d if d <= most or keep(name, i) else most for i, d in enumerate(shape)] for name, shape in shapes.items()
    }


def converter(name, constants=None, prefix="", **given):
    """diffusers' function `name`, with the widths that it has as constants replaced, given names behind `prefix`."""
    from diffusers.loaders import single_file_utils

    function = getattr(single_file_utils, name)
    if constants:
        text = inspect.getsource(function)
        for old, new in constants.items():
            assert old in text, old
            text = text.replace(old, new)
        place = dict(vars(single_file_utils))
        exec(text, place)
        function = place[name]

    def convert(tensors):
        return function({prefix + key: value for key, value in tensors.items()}, **given)

    return convert


SCRIPTS = []  # the folder of diffusers' scripts, which no wheel has; record.py sets it


def script_place(name, constants):
    """What is in a script of diffusers, with the numbers that it has as constants replaced; imports that are not there
    are left out."""
    import ast
    import os

    with open(os.path.join(SCRIPTS[0], name), encoding="utf-8") as file:
        text = file.read()
    for old, new in constants.items():
        assert old in text, old
        text = text.replace(old, new)
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name.startswith(("convert_", "swap_"))]
    import torch

    place = {"torch": torch}
    exec("from __future__ import annotations\n" + "\n".join(ast.unparse(node) for node in functions), place)
    return place


def converter_of(name, function, **given):
    """That of a model, with the widths of the small one."""
    return converter(function, diffusers_classes.CONSTANTS.get(name), **given)
