# SPDX-License-Identifier: Apache-2.0
"""usage: compare.py CKMERGE [GROUP[: CASE] ...]
`ckmerge bake` of every recorded adapter (recorded/) into its model, held against what PEFT and LyCORIS made of it: tensors that they
change lie within the kind's bound, all others keep their bytes."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import recorded
import tensors

# How far results may lie apart, in units of 2^-24 of the tensor's largest element. PEFT and LyCORIS compute in F32 with sums in
# other orders, fused and not; models are so small that few roundings add up.
UNITS = 16
# Kinds whose numbers are made of inverses, series, norms or decompositions have more roundings, on both sides.
FURTHER = {r"oft|boft|hra|delora|deft|frod|fourierft|peanut|glora|tlora|dora": 64, r"osf|kasa|pissa|olora": 256}
# One whose basis has a condition of 2,029, and whose inverse is applied in F32.
FURTHER = {r"^frod": 512} | FURTHER
# PEFT rounds what it adds to an embedding of few bits before it adds it: two roundings, here one.
ROUNDED_TWICE = ("lora, an embedding of bf16",)
# What is not merged, by the words that the refusal has to have. Nothing is written then.
REFUSED = {
    "peft-adding: tinylora": "TinyLoRA", "peft-adding: waveft, coif4": "coif4, for which PEFT 0.21 has numbers that are no wavelet's", "lycoris: tlora, sig_type last": "with sig_type last", "lycoris: tlora, sig_type middle": "with sig_type middle",
    "lycoris: tlora, a random matrix": "began from a random matrix",
}


def units_of(group, name):
    return next((units for pattern, units in FURTHER.items() if re.search(pattern, name)), UNITS)


def bake(ckmerge, base, adapter, strength, out, *options):
    asked = f"{adapter}:{strength}" if strength != 1 else str(adapter)
    done = subprocess.run([ckmerge, "bake", str(base), "--lora", asked, "-o", str(out), "-f", "-q", *options], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return done.returncode, (done.stdout + done.stderr).strip()


def far(dtype, ours, theirs, units, roundings=1):
    """The fault of a tensor's elements, or an empty text."""
    mine, other = tensors.numbers(dtype, ours), tensors.numbers(dtype, theirs)
    largest = max(map(abs, other))
    worst = 0.0
    for x, y in zip(mine, other):
        rounding = tensors.step(max(abs(x), abs(y)), dtype) + (roundings - 1) * tensors.step(largest, dtype) if dtype != "F32" and x != y else 0.0
        worst = max(worst, (abs(x - y) - rounding) / (largest * 2.0**-24))
        if x != x:
            return "holds NaN"
    return f"lies {worst:.1f} units apart, {units} allowed" if worst > units else ""


def faults_of(result, base, expected, units, roundings):
    faults = [f"{name} is not there" for name in base if name not in result] + [f"{name} is new" for name in result if name not in base]
    for name in set(base) & set(result):
        dtype, shape, raw = base[name]
        if result[name][:2] != (dtype, list(shape)):
            faults.append(f"{name} is {result[name][:2]}, not {dtype} {shape}")
        elif name not in expected:
            if result[name][2] != raw:
                faults.append(f"{name} is changed")
        elif result[name][2] == raw:
            faults.append(f"{name} is not changed")
        elif told := far(dtype, result[name][2], expected[name][2], units, roundings):
            faults.append(f"{name} {told}")
    return faults


def compare(ckmerge, group, name, entry, shapes):
    place, base = recorded.write_base(shapes, entry, pathlib.Path("base"))
    out = pathlib.Path("out.safetensors")
    status, told = bake(ckmerge, place, recorded.write_adapter(name, entry, pathlib.Path("adapter")), entry["strength"], out, *entry.get("options", ()))
    refused = REFUSED.get(f"{group}: {name}")
    if refused:
        fault = f"exit {status} instead of 4, {told}" if status != 4 else f"is refused without {refused!r}: {told}" if not re.search(refused, told) else ""
        return [fault or "a file is written all the same"] if fault or out.exists() else []
    if status:
        return [f"exit {status}: {told[-600:]}"]
    return faults_of(tensors.read(out), base, recorded.expected_of(shapes, entry), units_of(group, name), 2 if name in ROUNDED_TWICE else 1)


def main():
    ckmerge, wanted, failed, count = os.path.abspath(sys.argv[1]), sys.argv[2:], 0, 0
    shapes = recorded.load("nets")
    for group in recorded.GROUPS:
        for name, entry in recorded.load(group).items():
            if wanted and group not in wanted and f"{group}: {name}" not in wanted:
                continue
            with tempfile.TemporaryDirectory(prefix="ckmerge-adapters-") as scratch:
                os.chdir(scratch)
                faults = compare(ckmerge, group, name, entry, shapes)
                os.chdir("/")
            for fault in faults[:4]:
                print(f"FAILED: {group}: {name}: {fault}")
            count, failed = count + 1, failed + bool(faults)
    print(f"{count} adapters, {failed} are wrong")
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
