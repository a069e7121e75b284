# SPDX-License-Identifier: Apache-2.0
"""usage: orders.py CKMERGE [BUILD_FOLDER [--record]]
Which of many equal magnitudes and variances stay: `ckmerge mergekit --order mergekit` is given mergekit-pytorch's own configuration,
over models of bfloat16 in which few values are different ones. Element by element the same must stay, and of all but sce results are to the bit. With a build folder mergekit
itself is asked (scripts/test.sh peers); else sums of what it chose once are compared (recorded/orders.json), with --record they are
written."""
import hashlib
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import comparison
import deltas
import inputs
from environment import environment

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded" / "orders.json"
LETTERS = "ABCDE"
# Of few and of many elements, with shares below: torch sorts what it chooses up to one in 64 of all, and else parts in two.
SHAPES = [[40], [63], [64], [1, 65], [200, 7], [3, 5, 11, 2], [4001], [40, 50], [130, 127], [1], [], [2, 25, 31, 3]]
SHARES = [0.5, 0.9, 0.2, 0.29, 0.1, 0.03, 0.0157, 0.015, 0.01, 0.003]
NAMES = {f"group{group}.tensor{k:02}.weight": shape for group in range(len(SHARES)) for k, shape in enumerate(SHAPES)}


def values_of(name, letter, levels):
    """Multiples of 1/64, so that differences are exact; some of them 0."""
    own = random.Random(f"{letter} {name}")
    return [(int(own.random() * levels) - levels // 2) / 64 for _ in range(math.prod(NAMES[name]))]


def write(folder, levels):
    paths = {letter: pathlib.Path(folder, f"{levels}-{letter}.safetensors") for letter in LETTERS}
    for letter, path in paths.items():
        tensors = [(name, "BF16", shape, inputs.packed(values_of(name, letter, levels), "BF16")) for name, shape in NAMES.items()]
        inputs.make_inputs.write(path, {"format": "pt"}, tensors, True)
    return paths


def recipes():
    """{name: (configuration, levels)}"""
    made, share = {}, deltas.by_group(SHARES)
    for levels in (5, 40):
        for others in ("BC", "BCD", "BCDE"):
            made[f"sce-{others}-{levels}"] = {"merge_method": "sce", "base_model": "A", "models": [{"model": letter} for letter in others],
                                              "parameters": {"select_topk": share}}, levels
        for method in ("ties", "breadcrumbs", "breadcrumbs_ties"):
            made[f"{method}-{levels}"] = {"merge_method": method, "base_model": "A", "models": [{"model": letter} for letter in "BCD"],
                                          "parameters": {"weight": 0.5, "density": share}}, levels
    return made


def seen(config, result, base):
    """What must be the same: of sce, whose weights are of other roundings, a bit for each element that is another than A's; else all."""
    if not config.startswith("sce"):
        return result
    bits = [x != y for x, y in zip(inputs.numbers("F32", result), inputs.numbers("BF16", base))]
    return bytes(sum(bit << place for place, bit in enumerate(bits[k:k + 8])) for k in range(0, len(bits), 8))


def left_out(config, name):
    """Of which breadcrumbs leaves nothing there, and one element here."""
    return "breadcrumbs" in config and int(SHARES[int(name[5])] * math.prod(NAMES[name])) == 0


def sum_of(raw):
    return hashlib.sha256(raw).hexdigest()[:8]


def ours(ckmerge, config):
    done = subprocess.run([ckmerge, "mergekit", config, config + ".ours", "-f", "-q", "--order", "mergekit"], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        sys.exit(f"FAILED: {config}: {done.returncode} {done.stderr}")
    return comparison.read(pathlib.Path(config + ".ours", "model.safetensors"))


def main():
    ckmerge, build, record = os.path.abspath(sys.argv[1]), sys.argv[2:3], "--record" in sys.argv
    python = environment(pathlib.Path(build[0]).resolve())[0] if build else None
    known = {} if record else json.loads(RECORDED.read_text(encoding="utf-8"))
    failed = compared = elements = 0
    with tempfile.TemporaryDirectory(prefix="ckmerge-orders-") as scratch:
        os.chdir(scratch)
        cases = recipes()
        made = {levels: write(scratch, levels) for levels in (5, 40)}
        digest = hashlib.sha256(b"".join(path.read_bytes() for paths in made.values() for path in paths.values())).hexdigest()
        for config, (recipe, levels) in cases.items():
            pathlib.Path(config).write_text(deltas.text_of(recipe, made[levels], "F32"), encoding="utf-8")
        theirs = deltas.asked(python, list(cases)) if build else {}
        bases = {levels: comparison.read(paths["A"]) for levels, paths in made.items()}
        if record:
            known = {"source": "mergekit 0.1.5 from PyPI (LGPL-3.0); made by tests/peers/orders.py --record", "inputs": digest,
                     "sums": {config: "".join(sum_of(seen(config, table[name][2], bases[cases[config][1]][name][2])) for name in NAMES)
                              for config, table in theirs.items()}}
            RECORDED.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")
        if known["inputs"] != digest:
            print("FAILED: the inputs of the recording are not those that are made here")
            failed += 1
        for config, (_, levels) in cases.items():
            table = ours(ckmerge, config)
            for k, name in enumerate(NAMES):
                if left_out(config, name):
                    continue
                mine, right = seen(config, table[name][2], bases[levels][name][2]), known["sums"][config][8 * k:8 * k + 8]
                compared, elements = compared + 1, elements + math.prod(NAMES[name])
                if build and sum_of(seen(config, theirs[config][name][2], bases[levels][name][2])) != right:
                    print(f"FAILED: {config}: {name} is not as it was recorded")
                    failed += 1
                if sum_of(mine) != right:
                    failed += 1
                    print(f"FAILED: {config}: {name} {NAMES[name]}: other elements stay than mergekit's")
    print(f"{compared} tensors, {elements} elements, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
