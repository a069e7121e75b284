# SPDX-License-Identifier: Apache-2.0
"""usage: deltas.py CKMERGE [BUILD_FOLDER [--record]]
mergekit's methods over 150 tensors of many shapes, with other parameters for each tenth of them: `ckmerge mergekit` is given
mergekit-pytorch's own configuration. Where methods are element by element once it is known what stays of a tensor it must give
mergekit's bits, else results within 16 units (cases.py) of the tensor's largest element. With a build folder mergekit itself is asked
(scripts/test.sh peers); else sums of what it gave once, and some elements, are compared (recorded/deltas.json), with --record they are
written."""
import base64
import hashlib
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import comparison
import inputs
from environment import environment

RECORDED = pathlib.Path(__file__).resolve().parent / "recorded" / "deltas.json"
COUNT, LETTERS, DTYPES = 150, "ABCD", ("F32", "BF16")
# Of a group of tensors: weight, density and gamma of B, C and D.
GROUPS = [[(1, 0.5, 0.01)] * 3, [(0.7, 0.2, 0.1), (0.4, 0.9, 0.05), (-0.3, 0.6, 0)], [(0.5, 0.29, 0.3), (0.5, 1, 0.3), (1, 0.31, 0.69)],
          [(0.25, 0.999, 0.01), (0.3, 0.5, 0.5), (0.35, 0.35, 0.1)], [(-1, 0.4, 0.2), (1.5, 0.4, 0.2), (0.1, 0.4, 0.2)],
          [(0.6, 1, 0.1), (0.4, 1, 0.1), (0.2, 1, 0.1)], [(0, 0.5, 0.1), (0.9, 0.5, 0.1), (0.8, 0.25, 0.25)],
          [(0.1, 0.75, 0.2), (0.2, 0.7, 0.9), (0.7, 0.65, 0.02)], [(1, 0.21, 0), (-1, 0.22, 0), (1, 0.23, 0)],
          [(0.33, 0.66, 0.33), (0.44, 0.55, 0.22), (0.11, 0.88, 0.11)]]
T = [0.001, 0.01, 0.1, 0.3, 0.02, 0.05, 1, 0.2, 0.003, 0]


def shape_of(k):
    return [[8 + k], [3, 5 + k % 40], [5 + k % 7, 4, 3, 3], [2, 3, 11 + k % 9], [], [1], [9 + k % 20, 1]][k % 7]


def group_of(k):
    return k // 7 % len(GROUPS)


NAMES = {f"group{group_of(k)}.tensor{k:03}.weight": shape_of(k) for k in range(COUNT)}


def values_of(k, letter, dtype):
    """Near A's. No two differences from A are of one magnitude, since mergekit chooses among equal ones in another order: in F32 by
    chance, which main() checks, in BF16 because they are so many different multiples of 1/256."""
    count, own, base = math.prod(shape_of(k)), random.Random(f"{letter} {k}"), random.Random(f"A {k}")
    if dtype == "F32":
        values = [base.random() - 0.5 for _ in range(count)]
        return values if letter == "A" else [value + 0.1 * (own.random() - 0.5) for value in values]
    values = [(base.randrange(65) - 32) / 256 for _ in range(count)]
    steps = list(range(1, 193))
    own.shuffle(steps)
    if letter == "A":
        return values
    return [value + step / 256 * (-1 if value > 0 else 1) for value, step in zip(values, steps)] + values[len(steps):]


def write(folder, dtype):
    paths = {letter: pathlib.Path(folder, f"{dtype}-{letter}.safetensors") for letter in LETTERS}
    for letter, path in paths.items():
        tensors = [(name, dtype, shape, inputs.packed(values_of(k, letter, dtype), dtype)) for k, (name, shape) in enumerate(NAMES.items())]
        inputs.make_inputs.write(path, {"format": "pt"}, tensors, True)
    return paths


def equal_magnitudes(paths, dtype):
    """Tensors in which two differences from A are as large as each other, but for those that are 0."""
    tables, found = {letter: comparison.read(path) for letter, path in paths.items()}, set()
    for name in NAMES:
        base = inputs.numbers(dtype, tables["A"][name][2])
        for letter in LETTERS[1:]:
            deltas = [abs(f32(x - b)) for x, b in zip(inputs.numbers(dtype, tables[letter][name][2]), base)]
            if len(set(deltas)) < len(deltas):
                found.add(name)
    return found


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def by_group(values):
    return [{"filter": f"group{group}.", "value": value} for group, value in enumerate(values)]


def recipes():
    """{name: configuration}"""
    made = {}
    for method, flags in (("task_arithmetic", [False, True]), ("ties", [True, False]), ("breadcrumbs", [False, True]),
                          ("breadcrumbs_ties", [False, True])):
        for normalize in flags:
            models = [{"model": letter, "parameters": {name: by_group([group[k][at] for group in GROUPS]) for at, name in enumerate(
                ("weight", "density", "gamma")) if name == "weight" or method != "task_arithmetic" and (name == "density" or "bread" in method)}}
                for k, letter in enumerate(LETTERS[1:])]
            made[f"{method}{', normalized' if normalize else ''}"] = {
                "merge_method": method, "base_model": "A", "models": models,
                "parameters": {"normalize": normalize, "lambda": by_group([1, 0.9, 0.5, 1.3, 1, 0.7, 1, 1, 0.25, -1])}}
    made["nearswap"] = {"merge_method": "nearswap", "base_model": "A", "models": [{"model": "B"}], "parameters": {"t": by_group(T)}}
    made["passthrough"] = {"merge_method": "passthrough", "models": [{"model": "B", "parameters": {"scale": by_group([g[1][0] for g in GROUPS])}}]}
    return made


def near_recipes():
    """The same of methods with sums over tensors, whose roundings differ."""
    weights = [[abs(group[k][0]) + 0.1 for group in GROUPS] for k in range(3)]
    one_each = [{"model": letter, "parameters": {"weight": by_group(weight)}} for letter, weight in zip("BCD", weights)]
    plain = [{"model": letter} for letter in "BCD"]
    share = by_group([1, 0.5, 0.29, 0.999, 0.1, 0.75, 0.33, 0.9, 0.6, 0.01])
    return {"linear": {"merge_method": "linear", "models": one_each},
            "slerp": {"merge_method": "slerp", "base_model": "A", "models": plain[:1], "parameters": {"t": by_group(T)}},
            "nuslerp": {"merge_method": "nuslerp", "models": one_each[:2]},
            "multislerp": {"merge_method": "multislerp", "models": one_each},
            "karcher": {"merge_method": "karcher", "models": plain},
            "model_stock": {"merge_method": "model_stock", "base_model": "A", "models": plain},
            "sce": {"merge_method": "sce", "base_model": "A", "models": plain, "parameters": {"select_topk": share}},
            "ram": {"merge_method": "ram", "base_model": "A", "models": plain, "parameters": {"epsilon": 0.01}},
            "ramplus_tl": {"merge_method": "ramplus_tl", "base_model": "A", "models": plain, "parameters": {"epsilon": 0.01, "alpha": 2}},
            "ties, rescaled": {"merge_method": "ties", "base_model": "A", "parameters": {"rescale": True}, "models": [
                dict(model, parameters=dict(model["parameters"], density=share)) for model in one_each]}}


UNITS = 16


def some(raw):
    """The first, middle and last element."""
    count = len(raw) // 4
    return b"".join(raw[4 * k:4 * k + 4] for k in (0, count // 2, count - 1))


def far(name, mine, theirs, paths):
    """How far apart in units of the tensor's largest element."""
    values = [struct.unpack(f"<{len(raw) // 4}f", raw) for raw in (mine, theirs)]
    largest = max(abs(x) for path in paths.values() for x in inputs.numbers("F32", comparison.read(path)[name][2]))
    return max(abs(x - y) for x, y in zip(*values)) / (largest * 2.0**-24)


def check_near(ckmerge, python, paths, known, record):
    """Faults, and how many tensors were compared."""
    configs = {}
    for case, recipe in near_recipes().items():
        config = f"near-{case}.yml".replace(", ", "-")
        pathlib.Path(config).write_text(text_of(recipe, paths, "F32"), encoding="utf-8")
        configs[config] = case
    theirs, failed, compared = asked(python, list(configs)) if python else {}, 0, 0
    if record:
        known["some"] = {config: base64.b64encode(b"".join(some(theirs[config][name][2]) for name in NAMES)).decode() for config in configs}
    for config, case in configs.items():
        table, raw, worst = ours(ckmerge, config, config + ".ours"), base64.b64decode(known["some"][config]), 0
        for k, name in enumerate(NAMES):
            # Of a tensor of one element, what has a direction has one of two.
            if math.prod(NAMES[name]) == 1 and case in ("nuslerp", "multislerp", "karcher", "model_stock"):
                continue
            mine, compared = table[name][2], compared + 1
            apart = max(far(name, some(mine), raw[12 * k:12 * k + 12], paths), far(name, mine, theirs[config][name][2], paths) if python else 0)
            worst = max(worst, apart)
            if not apart <= UNITS:
                print(f"FAILED: {config}: {name} {NAMES[name]} lies {apart:.1f} units apart")
                failed += 1
        print(f"{case}: at most {worst:.1f} units")
    return failed, compared


def left_out(case, equal):
    """Tensors that are meant to differ: of which breadcrumbs there leaves nothing and here one element, and those whose weights add up
    to 0, which is refused here; chance among equal magnitudes."""
    names = set(equal) if case.startswith(("ties", "bread")) else set()
    for k, name in enumerate(NAMES):
        if "bread" in case and any(int(density * math.prod(shape_of(k))) == 0 for _, density, _ in GROUPS[group_of(k)]):
            names.add(name)
    return names


def text_of(recipe, paths, dtype):
    def named(value):
        if isinstance(value, list):
            return [named(item) for item in value]
        if isinstance(value, dict):
            return {key: str(paths[item]) if key in ("model", "base_model") else named(item) for key, item in value.items()}
        return value
    return json.dumps(dict(named(recipe), dtype="float32", out_dtype={"F32": "float32", "BF16": "bfloat16"}[dtype]))  # which is YAML


def ours(ckmerge, config, out):
    done = subprocess.run([ckmerge, "mergekit", config, out, "-f", "-q"], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    if done.returncode:
        print(f"FAILED: {config}: {done.returncode} {done.stderr}")
        return {}
    return comparison.read(pathlib.Path(out, "model.safetensors"))


def asked(python, configs):
    """What mergekit makes of each configuration."""
    script = ("import json, sys\nfrom mergekit.scripts.merge_raw_pytorch import main\n"
              "for config in json.loads(sys.argv[1]):\n    main([config, config + '.theirs', '--quiet'], standalone_mode=False)\n")
    done = subprocess.run([python, "-c", script, json.dumps(configs)], capture_output=True, text=True,
                          env=dict(os.environ, TQDM_DISABLE="1", HF_HUB_OFFLINE="1"))
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:])
        sys.exit("FAILED: mergekit ended with " + str(done.returncode))
    return {config: comparison.read(pathlib.Path(config + ".theirs", "model.safetensors")) for config in configs}


def sum_of(raw):
    return hashlib.sha256(raw).hexdigest()[:8]


def main():
    ckmerge, build, record = os.path.abspath(sys.argv[1]), sys.argv[2:3], "--record" in sys.argv
    python = environment(pathlib.Path(build[0]).resolve())[0] if build else None
    known = {} if record else json.loads(RECORDED.read_text(encoding="utf-8"))
    failed = compared = 0
    with tempfile.TemporaryDirectory(prefix="ckmerge-deltas-") as scratch:
        os.chdir(scratch)
        made = {dtype: write(scratch, dtype) for dtype in DTYPES}
        digest = hashlib.sha256(b"".join(path.read_bytes() for paths in made.values() for path in paths.values())).hexdigest()
        equal = {dtype: equal_magnitudes(paths, dtype) for dtype, paths in made.items()}
        print("tensors with equal magnitudes, left out:", {dtype: len(names) for dtype, names in equal.items()})
        cases = {}
        for case, recipe in recipes().items():
            for dtype in DTYPES:
                config = f"{case}-{dtype}.yml".replace(", ", "-")
                pathlib.Path(config).write_text(text_of(recipe, made[dtype], dtype), encoding="utf-8")
                cases[config] = case, dtype
        theirs = asked(python, list(cases)) if build else {}
        near = {} if record else known
        near_failed, near_compared = check_near(ckmerge, python, made["F32"], near, record)
        failed, compared = failed + near_failed, compared + near_compared
        if record:
            told = {"source": "mergekit 0.1.5 from PyPI (LGPL-3.0); made by tests/peers/deltas.py --record", "inputs": digest,
                    "sums": {config: "".join(sum_of(table[name][2]) for name in NAMES) for config, table in theirs.items()}, "some": near["some"]}
            RECORDED.write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")
            known = told
        if known["inputs"] != digest:
            print("FAILED: the inputs of the recording are not those that are made here")
            failed += 1
        for config, (case, dtype) in cases.items():
            table, skipped = ours(ckmerge, config, config + ".ours"), left_out(case, equal[dtype])
            for k, name in enumerate(NAMES):
                if name in skipped or name not in table:
                    failed += name not in table
                    continue
                compared += 1
                right = known["sums"][config][8 * k:8 * k + 8]
                if build and sum_of(theirs[config][name][2]) != right:
                    print(f"FAILED: {config}: {name} is not as it was recorded")
                    failed += 1
                if sum_of(table[name][2]) != right:
                    failed += 1
                    apart = sum(x != y for x, y in zip(*(inputs.numbers(dtype, t[name][2]) for t in (table, theirs[config])))) if build else "some"
                    print(f"FAILED: {config}: {name} {NAMES[name]}: {apart} elements are not mergekit's")
    print(f"{compared} tensors, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
