# SPDX-License-Identifier: Apache-2.0
"""Where each element of a converted checkpoint came from, as lines of text.

Every element of the checkpoint that is converted is a number of its own, so that the result says by its values what
became of them. A line is one of
  NAME SHAPE                                same name, shape and order of elements in both namings
  LEFT SHAPE > RIGHT                        renamed
  LEFT SHAPE > RIGHT SHAPE                  the same elements in the same order
  LEFT SHAPE > RIGHT SHAPE FIRST+COUNT ...  runs of elements of the left, in the right's order
  LEFT SHAPE > RIGHT SHAPE t                the two last dimensions changed places
  LEFT SHAPE >                              left out on the right
where a shape is dimensions with commas between, `-` for none.
"""

ROOM = 1 << 20  # elements of a tensor that can be told apart


def traced(shapes, torch):
    """{name: shape} as tensors of F64 whose elements are all different."""
    tensors = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        count = 1
        for dimension in shape:
            count *= dimension
        if count > ROOM:
            raise ValueError("{} has {} elements, more than can be told apart".format(name, count))
        values = torch.arange(count, dtype=torch.float64) + number * ROOM
        tensors[name] = values.reshape(tuple(shape))
    return tensors


def shape_text(shape):
    return ",".join(map(str, shape)) or "-"


def runs_of(elements):
    """[(first, count)] of consecutive numbers."""
    runs = []
    for element in elements:
        if runs and runs[-1][0] + runs[-1][1] == element:
            runs[-1][1] += 1
        else:
            runs.append([element, 1])
    return runs


def transposed(shape):
    rows, columns = shape
    return [row * columns + column for column in range(columns) for row in range(rows)]


def described(shapes, right):
    """The lines that say of what of `shapes` the tensors of `right` are made."""
    names = sorted(shapes)
    lines, used = [], set()
    for name in sorted(right):
        tensor = right[name]
        elements = [int(value) for value in tensor.reshape(-1).tolist()]
        sources = {element // ROOM for element in elements}
        if len(sources) != 1:
            raise ValueError("{} is made of several tensors".format(name))
        source = names[sources.pop()]
        used.add(source)
        elements = [element % ROOM for element in elements]
        shape, own = list(shapes[source]), list(tensor.shape)
        line = "{} {}".format(source, shape_text(shape))
        count = 1
        for dimension in shape:
            count *= dimension
        runs = runs_of(elements)
        whole = runs == [[0, count]]
        if not (whole and source == name and shape == own):
            line += " > " + name
            if not (whole and shape == own):
                line += " " + shape_text(own)
                if whole:
                    pass
                elif len(shape) == 2 and len(runs) > 4 and elements == transposed(shape):
                    line += " t"
                else:
                    line += "".join(" {}+{}".format(*run) for run in runs)
        lines.append(line)
    lines += ["{} {} >".format(name, shape_text(shapes[name])) for name in names if name not in used]
    return sorted(lines)
