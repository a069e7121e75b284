# SPDX-License-Identifier: Apache-2.0
"""usage: record.py [--check] [GROUP ...]
Writes recorded/: what PEFT 0.21.2 and LyCORIS 4.1.3 make of small models with an adapter of each of their kinds (record_peft.py,
record_lycoris.py), and holds each against the dense reference of F64. --check writes nothing, and tells what is no longer as it was
recorded. Needs torch, peft, lycoris-lora, transformers and numpy."""
import logging
import os
import sys
import traceback
import warnings

import nets
import numpy
import record_kohya
import record_lycoris
import record_models
import record_peft
import recorded
import reference
import tensors

# Of the largest element: recordings are F32 throughout, sums of a few products.
BOUND = 4e-6
# Where the library computes in the base's dtype before the last rounding.
LOOSE = {"F32": 1.0, "F16": 2.0**12, "BF16": 2.0**15}
MODULES = {
    "peft-lora": (record_peft, record_peft.LORA), "peft-adding": (record_peft, record_peft.ADDING), "peft-acting": (record_peft, record_peft.ACTING),
    "lycoris": (record_lycoris, record_lycoris.LYCORIS), "kohya": (record_kohya, record_kohya.KOHYA), "peft-models": (record_models, record_models.MODELS),
}
# Names on disk are not those that adapters speak: of these only PEFT knows which belong together. What no file tells. A filter that the
# reference would have to have from a table.
NO_REFERENCE = {"peft-models", "lycoris: tlora, sig_type last", "lycoris: tlora, sig_type middle", "lycoris: tlora, a random matrix", "peft-adding: waveft, sym5",
                "peft-adding: waveft, coif4"}


def distance(name, entry, shapes):
    """How far the reference lies from what was recorded, of the largest element; names that only one of them changes."""
    base, expected = recorded.base_of(shapes, entry), recorded.expected_of(shapes, entry)
    made = reference.merged(recorded.adapter_of(name, entry), entry["config"], base, entry["strength"], "comfy" in entry.get("options", ()))
    worst, missing = 0.0, sorted(set(expected) ^ {key for key in made if not numpy.array_equal(made[key], reference.array(base[key]))})
    for key in set(expected) & set(made):
        wanted = reference.array(expected[key])
        worst = max(worst, float(numpy.abs(made[key] - wanted).max() / numpy.abs(wanted).max()))
    return worst, missing


def without_order(entry):
    """All but what was computed. PEFT's lists are sets: they are written in another order by every process."""
    config = {key: sorted(map(str, value)) if isinstance(value, list) else value for key, value in (entry["config"] or {}).items()}
    return {**entry, "expected": None, "config": config}


def same(entry, before):
    """Whether two recordings are one: all but the last bits of what was computed, which are those of a machine's BLAS."""
    if before is None or without_order(entry) != without_order(before) or set(entry["expected"]) != set(before["expected"]):
        return False
    for key, text in entry["expected"].items():
        now, then = (tensors.numbers(entry["dtype"], tensors.bytes_of(told)) for told in (text, before["expected"][key]))
        if max(abs(a - b) for a, b in zip(now, then)) > BOUND * LOOSE[entry["dtype"]] * max(map(abs, then)):
            return False
    return True


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    check, wanted = "--check" in sys.argv, [word for word in sys.argv[1:] if word != "--check"] or list(recorded.GROUPS)
    shapes = {kind: {key: list(value.shape) for key, value in nets.Net(kind).state_dict().items()} for kind in nets.NETS} | record_models.shapes()
    if not check:
        recorded.save("nets", shapes)
    failed = 0
    for group in wanted:
        module, cases = MODULES[group]
        before, made = recorded.load(group) if check else {}, {}
        for name, case in cases.items():
            try:
                made[name] = module.record(case, name)
                assert made[name]["expected"], "it changes nothing"
                far, missing = (0, []) if {group, f"{group}: {name}"} & NO_REFERENCE else distance(name, made[name], shapes)
                fault = f"the reference lies {far:.2e} away, {missing}" if missing or far > BOUND * LOOSE[made[name]["dtype"]] else ""
                if check and not fault and not same(made[name], before.get(name)):
                    fault = "is not what was recorded"
            except Exception as error:  # whatever a library raises: the case is lost, the others are not
                fault = f"{type(error).__name__}: {error}" + ("\n" + traceback.format_exc() if os.environ.get("TRACE") else "")
            if fault:
                print(f"FAILED: {group}: {name}: {fault}")
                failed += 1
        if not check:
            recorded.save(group, made)
        print(f"{group}: {len(made)} of {len(cases)} recorded")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
