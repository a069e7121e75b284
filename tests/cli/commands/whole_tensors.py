#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: whole_tensors.py CKMERGE
Methods that make whole tensors: what the plan says of their memory, how little is refused, the same bytes for any tiles and
threads, what they take and what not, and what is repeated of them."""
import json
import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, refused, run_in_folders, safetensors
from judged_files import write

ROWS, COLUMNS = 24, 40
METHODS = ("truncate_rank", "iso_c", "iso_cts", "tsv_m", "rotate", "knots", "rebasin")


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def values(path, name):
    raw = safetensors(path)[1][name][2]
    return struct.unpack(f"<{len(raw) // 4}f", raw)


def wave(count, seed):
    return [((seed * 37 + k * k * 11 + k * 5) % 101 - 50) / 64 for k in range(count)]


def outer(u, v):
    return [x * y for x in u for y in v]


# Of whole numbers over powers of two, so that sums and differences are exact.
def make():
    base = wave(ROWS * COLUMNS, 1)
    first, second = outer(wave(ROWS, 2), wave(COLUMNS, 3)), [x / 1024 for x in outer(wave(ROWS, 4), wave(COLUMNS, 5))]
    for letter, parts in {"a": (), "b": (first, second), "c": (second,), "d": (first,)}.items():
        weight = [sum(all) for all in zip(base, *parts)]
        bias = [x * (1 + ord(letter) % 7) for x in wave(ROWS, 6)]
        write(f"{letter}.safetensors", {"w": ("F32", [ROWS, COLUMNS], floats(weight)), "w.bias": ("F32", [ROWS], floats(bias)),
                                        "n": ("I64", [2], bytes(16)), "empty": ("F16", [0, 3], b"")})


def merged(*words):
    done = call("merge", *words, "-o", "out.safetensors", "-f")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.returncode} {done.stderr}")
    return pathlib.Path("out.safetensors").read_bytes()


def near(got, wanted, bound, what):
    worst = max(abs(x - y) for x, y in zip(got, wanted))
    expect(len(got) == len(wanted) and worst <= bound, f"{what}: {worst}")


def test_known_ranks():
    make()
    merged("a.safetensors", "b.safetensors", "-m", "truncate_rank", "--rank", "2")
    near(values("out.safetensors", "w"), values("b.safetensors", "w"), 1e-6, "a difference of rank 2 is kept by rank 2")
    expect(values("out.safetensors", "w.bias") == values("b.safetensors", "w.bias"), "a vector keeps all of it")
    merged("a.safetensors", "b.safetensors", "-m", "truncate_rank", "--rank", "1")
    near(values("out.safetensors", "w"), values("d.safetensors", "w"), 3e-4, "the larger part alone is kept by rank 1")
    one = values("out.safetensors", "w")
    formula = ["--formula", "A + 0.5*truncate_rank(B - A, rank=1)"]
    merged("a.safetensors", "b.safetensors", *formula)
    half = [(x + y) / 2 for x, y in zip(values("a.safetensors", "w"), one)]
    near(values("out.safetensors", "w"), half, 1e-6, "in a formula")


def test_equal_inputs():
    make()
    for method in METHODS:
        for inputs in (("a", "a"), ("b", "b")):
            merged(*[f"{k}.safetensors" for k in inputs], "-m", method)
            expect(safetensors("out.safetensors")[1] == safetensors(f"{inputs[0]}.safetensors")[1], f"{method} of {inputs}")


def test_bytes():
    make()
    for method in METHODS:
        inputs = "abc" if method in ("iso_c", "iso_cts", "tsv_m", "knots") else "ab"
        words = [*[f"{k}.safetensors" for k in inputs], "-m", method]
        first = merged(*words)
        for more in (["--threads", "1"], ["--threads", "7"], ["--memory", "4MiB"], ["--verify"]):
            expect(merged(*words, *more) == first, f"{method} {more}")
        tensors = safetensors("out.safetensors")[1]
        merged(*words, "--hash")
        recorded = json.loads(safetensors("out.safetensors")[0]["ckmerge.recipe"])
        expect(safetensors("out.safetensors")[1] == tensors and len(json.dumps(recorded).split("sha256")) >= len(inputs), f"{method}: {recorded}")
        again = call("run", "out.safetensors", *[f"{k.upper()}={k}.safetensors" for k in inputs], "-o", "again.safetensors", "-f")
        expect(again.returncode == 0 and safetensors("again.safetensors")[1] == safetensors("out.safetensors")[1], f"{method}: {again.stderr}")


def test_memory():
    size = 700
    numbers = floats(wave(size * size, 1))
    write("a.safetensors", {"w": ("F32", [size, size], numbers)})
    write("b.safetensors", {"w": ("F32", [size, size], numbers[4:] + numbers[:4])})
    words = ["a.safetensors", "b.safetensors", "-m", "truncate_rank", "--rank", "4", "-o", "out.safetensors"]
    told = call("plan", *words)
    expect(told.returncode == 0 and "of it whole tensors" in told.stdout, f"{told.stdout}{told.stderr}")
    held = json.loads(call("plan", *words, "--json").stdout)["whole_tensor_memory"]
    expect(8 * 3 * size * size < held < 120e6, f"{held}")
    done = call("merge", *words, "--memory", "32MiB")
    number = re.search(r"whole tensors hold [0-9]+ of them; give at least ([0-9]+) bytes", done.stderr)
    expect(done.returncode == 5 and number, f"{done.returncode} {done.stderr}")
    expect(not pathlib.Path("out.safetensors").exists(), "nothing is written")
    done = call("merge", *words, "--memory", number[1])
    expect(done.returncode == 0, f"what it names does: {done.stderr}")


def test_sweep():
    make()
    done = call("merge", "a.safetensors", "b.safetensors", "-m", "truncate_rank", "--sweep", "rank=1,2", "-o", "swept/")
    expect(done.returncode == 0, f"{done.stderr}")
    for rank in (1, 2):
        merged("a.safetensors", "b.safetensors", "-m", "truncate_rank", "--rank", str(rank))
        files = [path for path in pathlib.Path("swept").iterdir() if path.stem.endswith(str(rank))]
        expect(len(files) == 1 and safetensors(files[0])[1] == safetensors("out.safetensors")[1], f"rank {rank}: {files}")


def test_weights_by_name():
    make()
    merged("a.safetensors", "b.safetensors", "-m", "truncate_rank", "--rank", "2", "--weight", "rank:/w/=1")
    near(values("out.safetensors", "w"), values("d.safetensors", "w"), 3e-4, "the rank of a name")


def test_refused():
    make()
    three = ["a.safetensors", "b.safetensors", "c.safetensors"]
    for formula in ("truncate_rank(A, 0.5*B + 0.5*C)", "A + truncate_rank(0.5*(B - A) + 0.5*(C - A))", "rotate(truncate_rank(A, B), C)"):
        refused(2, "is made of whole tensors, and takes checkpoints", "merge", *three, "--formula", formula, "-o", "out.safetensors")
    refused(2, "takes 1 delta, but 2 were given", "merge", *three, "--formula", "A + truncate_rank(B - A, C - A)", "-o", "out.safetensors")
    refused(2, "rank must be a whole number", "merge", *three[:2], "-m", "truncate_rank", "--rank", "1.5", "-o", "out.safetensors")
    refused(2, "alignment must lie between -1000 and 1000", "merge", *three[:2], "-m", "rotate", "--alignment", "1001", "-o", "out.safetensors")
    refused(2, "takes checkpoints as they are given; differences have no channels", "merge", *three, "--formula", "A + rebasin(B - A, C - A)",
            "-o", "out.safetensors")
    refused(2, "head_channels must be a whole number", "merge", *three[:2], "-m", "rebasin", "--head-channels", "1.5", "-o", "out.safetensors")
    refused(2, "density must lie between 0 and 1", "merge", *three, "-m", "knots", "--density", "1.5", "-o", "out.safetensors")
    write("wide.safetensors", {"input.weight": ("F32", [4, 9, 3, 3])})
    write("narrow.safetensors", {"input.weight": ("F32", [4, 4, 3, 3])})
    refused(4, "all inputs must have it in floats and in one shape", "merge", "wide.safetensors", "narrow.safetensors", "-m", "truncate_rank",
            "-o", "out.safetensors")


def test_places():
    """Hidden channels in another order come back; what matching takes is told, and refused where it is more."""
    hidden, inner = 600, 5
    up, down = wave(hidden * inner, 1), wave(hidden * inner, 2)
    order = [(k * 7 + 3) % hidden for k in range(hidden)]
    moved_up = [up[order[i] * inner + j] for i in range(hidden) for j in range(inner)]
    moved_down = [down[j * hidden + order[i]] for j in range(inner) for i in range(hidden)]
    for path, first, second in (("a", up, down), ("b", moved_up, moved_down)):
        write(f"{path}.safetensors", {"layers.0.mlp.fc1.weight": ("F32", [hidden, inner], floats(first)),
                                      "layers.0.mlp.fc2.weight": ("F32", [inner, hidden], floats(second))})
    merged("a.safetensors", "b.safetensors", "-m", "rebasin", "--alpha", "1")
    expect(safetensors("out.safetensors")[1] == safetensors("a.safetensors")[1], "all channels are in their places")
    merged("a.safetensors", "b.safetensors", "-m", "rebasin", "--alpha", "1", "--exclude", "fc2")
    expect(values("out.safetensors", "layers.0.mlp.fc1.weight") == tuple(up), "one of them alone, too")
    held = json.loads(call("plan", "a.safetensors", "b.safetensors", "-m", "rebasin", "--threads", "1", "-o", "no.safetensors", "--json").stdout)["whole_tensor_memory"]
    expect(4 * hidden * hidden < held < 10 * hidden * hidden, f"{held}")
    done = call("merge", "a.safetensors", "b.safetensors", "-m", "rebasin", "--memory", "1MiB", "-o", "no.safetensors")
    expect(done.returncode == 5 and "whole tensors hold" in done.stderr, f"{done.returncode} {done.stderr}")


def test_not_a_number():
    make()
    base, other = list(values("a.safetensors", "w")), list(values("b.safetensors", "w"))
    other[5] = float("nan")
    write("a.safetensors", {"w": ("F32", [ROWS, COLUMNS], floats(base))})
    write("n.safetensors", {"w": ("F32", [ROWS, COLUMNS], floats(other))})
    done = call("merge", "a.safetensors", "n.safetensors", "-m", "truncate_rank", "--rank", "1", "--nan", "keep", "-o", "out.safetensors")
    if done.returncode == 2:
        done = call("merge", "a.safetensors", "n.safetensors", "-m", "truncate_rank", "--rank", "1", "-o", "out.safetensors")
    expect(done.returncode == 0 and "NaN" in done.stdout + done.stderr, f"{done}")
    got = values("out.safetensors", "w")
    expect(got[5] != got[5], "NaN stays where it was")
    near(got[6:], other[6:], 1e-6, "the others are the whole difference")


run_in_folders(test_known_ranks, test_equal_inputs, test_bytes, test_memory, test_sweep, test_weights_by_name, test_refused, test_places, test_not_a_number)
