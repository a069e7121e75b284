# SPDX-License-Identifier: Apache-2.0
"""usage: digests.py CKMERGE [--write]
Adapters of several kinds baked into a model of several tiles: the tensors' digests are those of recorded/digests.json, whatever the
ISA, the threads and the memory. --write records them."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import recorded
import tensors

GOLDEN = recorded.HERE / "recorded" / "digests.json"
# Larger than a tile of the least memory, with rows that no power of two divides.
BASE = {"blocks.0.attn.q.weight": ("F16", [300, 210]), "blocks.0.attn.k.weight": ("BF16", [300, 210]), "blocks.0.conv.weight": ("F16", [65, 31, 3, 3]),
        "blocks.0.mlp.weight": ("F32", [420, 300]), "norm.weight": ("F16", [300])}
RUNS = [{"threads": threads, "memory": memory, "isa": isa} for threads, memory, isa in (
    ("1", "128MiB", ""), ("3", "4MiB", ""), ("7", "32MiB", "baseline"), ("2", "8MiB", "avx2"), ("2", "16MiB", "avx512"), ("1", "1GiB", "neon"))]


def lora(rank, alpha=2.0):
    def factors(shape):
        down, up = [rank, *shape[1:]], [shape[0], rank] + [1] * len(shape[2:])
        return {"lora_down.weight": down, "lora_up.weight": up, "alpha": alpha}
    return factors


def dora(shape):
    return lora(8)(shape) | {"dora_scale": [shape[0]] + [1] * len(shape[1:])}


def hadamard(shape):
    columns = [4, shape[1] * (9 if len(shape) > 2 else 1)]
    return {"hada_w1_a": [shape[0], 4], "hada_w1_b": columns, "hada_w2_a": [shape[0], 4], "hada_w2_b": columns, "alpha": 3.0}


def kronecker(shape):
    return {"lokr_w1": [5, 3 if shape[1] % 3 == 0 else 1], "lokr_w2": [shape[0] // 5, shape[1] // (3 if shape[1] % 3 == 0 else 1), *shape[2:]], "alpha": 1.0}


def rotation(shape):
    return {"oft_blocks": [shape[0] // 5, 5, 5], "alpha": 0.0}


def difference(shape):
    return {"diff": shape}


# Adapters of each bake, with their strengths.
CASES = {
    "lora": [(lora(4), 1.0)], "lora of rank 33": [(lora(33), 0.75)], "two": [(lora(8), 0.6), (hadamard, -0.3)], "dora": [(dora, 1.0)], "dora, in part": [(dora, 0.6)],
    "loha": [(hadamard, 1.0)], "lokr": [(kronecker, 0.8)], "diag-oft": [(rotation, 1.0)], "full": [(difference, 0.5)],
}


def adapter(seed, factors):
    out = {}
    for name, (_, shape) in BASE.items():
        if len(shape) < 2:
            continue
        for factor, told in factors(shape).items():
            key = "lora_unet_" + name.removesuffix(".weight").replace(".", "_") + "." + factor
            out[key] = tensors.made(seed, key, "F16", told) if isinstance(told, list) else ("F32", [], tensors.packed("F32", [told]))
    return out


def digest(path):
    named, told = tensors.read(path), hashlib.sha256()
    for name in sorted(named):
        told.update(name.encode() + named[name][2])
    return told.hexdigest()[:16]


def bake(ckmerge, words, run):
    surroundings = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"))
    if run["isa"]:
        surroundings["CKMERGE_ISA"] = run["isa"]
    done = subprocess.run([ckmerge, "bake", "base.safetensors", *words, "-o", "out.safetensors", "-f", "-q", "--threads", run["threads"], "--memory", run["memory"]],
                          capture_output=True, text=True, env=surroundings)
    return digest("out.safetensors") if done.returncode == 0 else f"exit {done.returncode}: {done.stderr.strip()[-300:]}"


def isas(ckmerge):
    told = json.loads(subprocess.run([ckmerge, "doctor", "--json"], capture_output=True, text=True).stdout)
    return [*told["kernels"], ""]


def main():
    ckmerge, failed, golden = os.path.abspath(sys.argv[1]), 0, {}
    known = {} if "--write" in sys.argv else json.loads(GOLDEN.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="ckmerge-digests-") as scratch:
        os.chdir(scratch)
        can_run = isas(ckmerge)
        tensors.write("base.safetensors", {name: tensors.made("digests", name, *told) for name, told in BASE.items()})
        for case, parts in CASES.items():
            words = []
            for number, (factors, strength) in enumerate(parts):
                tensors.write(f"{number}.safetensors", adapter(f"{case} {number}", factors))
                words += ["--lora", f"{number}.safetensors:{strength}"]
            for run in RUNS:
                if run["isa"] not in can_run:
                    continue
                made = bake(ckmerge, words, run)
                golden.setdefault(case, made)
                if made != known.get(case, golden[case]):
                    print(f"FAILED: {case}: {run}: {made}, not {known.get(case, golden[case])}")
                    failed += 1
        os.chdir("/")
    if "--write" in sys.argv and not failed:
        pathlib.Path(GOLDEN).write_text(json.dumps(golden, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(CASES)} bakes on {', '.join(filter(None, can_run))}, {failed} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
