# SPDX-License-Identifier: Apache-2.0
"""Writes a small model as a safetensors file in one of its namings.

    python3 make_models.py MODEL NAMING OUT [--seed N] [--dtype F32|F16|BF16] [--prefix TEXT]

MODEL is a file of tests/layouts/recorded without its ending, NAMING `left` or `right`, or what the model calls them:
original, diffusers, comfy, open_clip, hugging_face. Files of one model and seed have the same values, in whatever
naming they are; what one naming leaves out is in none of the other.
"""
import argparse
import array
import json
import random
import struct

import recorded_models

SIZES = {"F32": 4, "F16": 2, "BF16": 2}


def bits(count, dtype, source):
    """Elements between 1/4 and 1, as bit patterns in little endian."""
    if dtype == "F32":
        values = array.array("I", (0x3E800000 + source.randrange(1 << 24) for _ in range(count)))
    else:
        first, step = (0x3400, 1 << 11) if dtype == "F16" else (0x3E80, 1 << 8)
        values = array.array("H", (first + source.randrange(step) for _ in range(count)))
    return values


def left_values(model, dtype, seed):
    """{name: elements} of the model's left side."""
    values = {}
    for name in sorted(model.left):
        source = random.Random("{} {} {}".format(seed, model.name, name))
        values[name] = bits(recorded_models.count_of(model.left[name]), dtype, source)
    return values


def tensors(model, naming, dtype="F32", seed=0):
    """{name: (shape, elements)} of `model` in `naming`."""
    values = left_values(model, dtype, seed)
    if naming in ("left", model.left_naming):
        return {name: (shape, values[name]) for name, shape in model.left.items()}
    if naming not in ("right", model.right_naming):
        raise SystemExit("{} has the namings {} and {}".format(model.name, model.left_naming, model.right_naming))
    return {
        name: (shape, array.array(values[source].typecode, (values[source][element] for element in elements)))
        for name, (shape, source, elements) in model.right.items()
    }


def write(path, named, dtype="F32", metadata=None):
    """`named` as tensors() gives it, as a safetensors file."""
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
    for name in sorted(named):
        shape, elements = named[name]
        size = len(elements) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(named):
            file.write(named[name][1].tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=recorded_models.names(), metavar="MODEL")
    parser.add_argument("naming", metavar="NAMING")
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=sorted(SIZES), default="F32")
    parser.add_argument("--prefix", default="")
    given = parser.parse_args()
    made = tensors(recorded_models.Recorded(given.model), given.naming, given.dtype, given.seed)
    write(given.out, {given.prefix + name: tensor for name, tensor in made.items()}, given.dtype)


if __name__ == "__main__":
    main()
