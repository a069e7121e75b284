# SPDX-License-Identifier: Apache-2.0
"""Reads tests/layouts/recorded: a model in its two namings, and which elements are which (`tracing` says how)."""
import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


class Recorded:
    """`left` is {name: shape}; `right` is {name: (shape, name on the left, its elements in the right's order)}."""

    def __init__(self, name):
        self.name = name
        with open(os.path.join(FOLDER, name + ".txt"), encoding="utf-8") as file:
            title, *lines = file.read().splitlines()
        self.family, self.left_naming, self.right_naming = title.split(":")[0].split()[1:]
        self.left, self.right = {}, {}
        for line in lines:
            self._read(line)

    def _read(self, line):
        left, _, right = line.partition(" >")
        name, shape = left.split()
        shape = shape_of(shape)
        self.left[name] = shape
        words = right.split()
        if not words and line.endswith(">"):
            return
        elements = range(count_of(shape))
        own = shape_of(words[1]) if len(words) > 1 else shape
        if words[2:] == ["t"]:
            elements = [row * shape[1] + column for column in range(shape[1]) for row in range(shape[0])]
        elif words[2:]:
            runs = [tuple(map(int, word.split("+"))) for word in words[2:]]
            elements = [element for first, count in runs for element in range(first, first + count)]
        self.right[words[0] if words else name] = (own, name, elements)

    def left_out(self):
        """Names of the left that the right has not."""
        used = {source for _, source, _ in self.right.values()}
        return [name for name in self.left if name not in used]


def shape_of(text):
    return [] if text == "-" else [int(dimension) for dimension in text.split(",")]


def count_of(shape):
    count = 1
    for dimension in shape:
        count *= dimension
    return count


def names():
    return sorted(name[: -len(".txt")] for name in os.listdir(FOLDER) if name.endswith(".txt"))
