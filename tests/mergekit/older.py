# SPDX-License-Identifier: Apache-2.0
"""usage: older.py CKMERGE
Runs with transformers 4 in front of the peers' (tests/peers/folders.py): what that one says of a merged folder is what it says
of A's folder: the same names missing and unexpected, shapes that fit, finite logits, and index and shards as it wants them."""
import os
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import architectures
import compare_models
import folders
import live
import respelled
import torch
import transformers


def told(name, folder):
    """What from_pretrained says, and whether logits are finite; or its error."""
    try:
        model, report = architectures.load(name, folder, output_loading_info=True)
        return {kind: sorted(map(str, report[kind])) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")} | {
            "finite": bool(torch.isfinite(live.logits(name, model)).all())}
    except Exception as error:  # whatever the older one cannot read
        return {"fails": f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"}


def check(ckmerge, name):
    """Each spelling that A may have; what B has is brought to it."""
    pairs = [("A", "B"), ("A_sharded", "B")] + ([("A", "B_respelled"), ("A_respelled", "B")] if name in respelled.MODELS else [])
    known = {}
    for a, b in pairs:
        before = known.setdefault(a, told(name, folders.make(f"{name}_{a}")))
        for options in (), ("--shard-size", "12KB"):
            faults = compare_models.merged(ckmerge, [f"{name}_{a}", f"{name}_{b}"], *options)
            after = {} if faults else told(name, "out")
            yield f"{name} {a} and {b} {' '.join(options)}", faults or ([] if after == before else [f"{str(after)[:300]}, of A's folder {str(before)[:300]}"])
    for folder, before in known.items():
        print(f"{name}_{folder}: " + (before.get("fails") or f"{len(before['missing_keys'])} names are missing, merged or not"))


def main():
    ckmerge, failed, count = os.path.abspath(sys.argv[1]), 0, 0
    print(f"transformers {transformers.__version__}")
    for name in sys.argv[2:] or architectures.MODELS:
        with tempfile.TemporaryDirectory(prefix="ckmerge-older-") as scratch:
            os.chdir(scratch)
            for what, faults in check(ckmerge, name):
                for fault in faults:
                    print(f"FAILED: {what}: {fault}")
                count, failed = count + 1, failed + bool(faults)
            os.chdir("/")
    print(f"{count} folders, {failed} failures")
    sys.exit(1 if failed else 0)


main()
