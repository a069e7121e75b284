# SPDX-License-Identifier: Apache-2.0
"""Small models under the two namings that they have, by what tests/layouts recorded of real converters, and adapters of them that
can be spelled in either: modules that one naming has fused share their down factor, so that the other can say the same."""
import math
import pathlib

import tensors

LAYOUTS = pathlib.Path(__file__).resolve().parents[1] / "layouts" / "recorded"
RANK, ALPHA = 2, 1.0


def shape_of(text):
    return [] if text == "-" else [int(extent) for extent in text.split(",")]


class Line:
    """One line of a recording: a tensor of the right, which of the left's elements it has."""

    def __init__(self, words):
        self.left, self.shape = words[0], shape_of(words[1])
        self.right = words[3] if len(words) > 3 else self.left if len(words) == 2 else None
        self.right_shape = shape_of(words[4]) if len(words) > 4 else self.shape
        self.runs = words[5:]

    def elements(self):
        count = math.prod(self.shape)
        if not self.runs:
            return list(range(count))
        if self.runs == ["t"]:
            rows, columns = self.shape
            return [row * columns + column for column in range(columns) for row in range(rows)]
        pairs = [run.split("+") for run in self.runs]
        return [index for first, length in pairs for index in range(int(first), int(first) + int(length))]

    def rows(self):
        """The left's row of each of the right's rows; None where they are not rows."""
        width = math.prod(self.shape[1:])
        if math.prod(self.right_shape[1:]) != width:
            return None
        elements = self.elements()
        firsts = [elements[row * width] for row in range(self.right_shape[0])]
        whole = all(elements[row * width:(row + 1) * width] == list(range(first, first + width)) for row, first in enumerate(firsts))
        return [first // width for first in firsts] if whole and all(first % width == 0 for first in firsts) else None


def recording(name):
    lines = (LAYOUTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [Line(line.split()) for line in lines if not line.startswith("#")]


def plain(names):
    """A recording of a component with one naming: {name: shape}"""
    return [Line([name, ",".join(map(str, shape))]) for name, shape in names.items()]


def clip(layers, width):
    names = {"text_model.embeddings.token_embedding.weight": [7, width], "text_model.embeddings.position_embedding.weight": [5, width]}
    for n in range(layers):
        stem = f"text_model.encoder.layers.{n}."
        for part, shape in (("self_attn.q_proj", [width, width]), ("self_attn.k_proj", [width, width]), ("self_attn.v_proj", [width, width]),
                            ("self_attn.out_proj", [width, width]), ("mlp.fc1", [4 * width, width]), ("mlp.fc2", [width, 4 * width])):
            names[stem + part + ".weight"], names[stem + part + ".bias"] = shape, shape[:1]
        for part in ("layer_norm1", "layer_norm2"):
            names[stem + part + ".weight"] = names[stem + part + ".bias"] = [width]
    names["text_model.final_layer_norm.weight"] = names["text_model.final_layer_norm.bias"] = [width]
    return plain(names)


def values_of(seed, lines):
    """({left: entry}, {right: entry}) of a component."""
    left = {line.left: tensors.made(seed, line.left, "F32", line.shape) for line in lines}
    return left, turned(left, lines)


def turned(left, lines):
    """{right: entry} of the left's tensors."""
    out = {}
    for line in lines:
        if line.right:
            raw = left[line.left][2]
            out[line.right] = "F32", line.right_shape, b"".join(raw[4 * k:4 * k + 4] for k in line.elements())
    return out


class Pair:
    """Factors of one weight: up (rows, RANK), down (RANK, columns...), as lists of numbers."""

    def __init__(self, up, down, shape):
        self.up, self.down, self.shape = up, down, shape

    def file_tensors(self, scale=1.0):
        """(up, down) as a file has them; of a convolution with the kernel in the second."""
        rows, kernel = self.shape[0], self.shape[2:]
        up = "F32", [rows, RANK] + [1] * len(kernel), tensors.packed("F32", [scale * value for row in self.up for value in row])
        down = "F32", [RANK, *self.shape[1:]], tensors.packed("F32", [value for row in self.down for value in row])
        return up, down


def numbers(seed, name, count):
    return list(tensors.numbers("F32", tensors.made(seed, name, "F32", [count])[2]))


def adapter(seed, lines, wanted):
    """({left module: Pair}, {right module: Pair}) of the weights whose right names `wanted` accepts."""
    left, right = {}, {}
    for line in lines:
        if not line.right or not line.right.endswith("weight") or len(line.shape) < 2 or not wanted(line.right) or line.rows() is None:
            continue
        module = line.left.removesuffix(".weight").removesuffix("_weight")
        width = math.prod(line.shape[1:])
        flat = numbers(seed, line.left + " down", RANK * width)
        down = [flat[k * width:(k + 1) * width] for k in range(RANK)]
        flat = numbers(seed, line.right + " up", RANK * line.right_shape[0])
        up = [flat[k * RANK:(k + 1) * RANK] for k in range(line.right_shape[0])]
        right[line.right.removesuffix(".weight")] = Pair(up, down, line.right_shape)
        pair = left.setdefault(module, Pair([[0.0] * RANK for _ in range(line.shape[0])], down, line.shape))
        for row, values in zip(line.rows(), up):
            pair.up[row] = values
    return left, right


def merged(left, pairs, scale):
    """{name: numbers in F64} of the tensors that `pairs`, by their modules, change."""
    out = {}
    for module, pair in pairs.items():
        name = module + (".weight" if module + ".weight" in left else "_weight")
        weight, width = tensors.numbers("F32", left[name][2]), math.prod(pair.shape[1:])
        out[name] = [weight[row * width + column] + scale * sum(up[k] * pair.down[k][column] for k in range(RANK))
                     for row, up in enumerate(pair.up) for column in range(width)]
    return out
