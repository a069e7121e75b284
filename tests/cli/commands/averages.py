#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: averages.py CKMERGE
Averages of weights: each trainer's place of them (io/table/average_rows.cpp), the weights beside them, and merges of files
that have them."""
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from operation_files import make, read
from torch_save import Tensor, save

REPORTED = pathlib.Path(__file__).resolve().parents[4] / "shared/reported"


def model(value, dtype="F32", prefix=""):
    """Every number tells whose it is."""
    return collections.OrderedDict([
        (prefix + "net.weight", Tensor(dtype, [2, 2], [value] * 4)), (prefix + "bn.running_mean", Tensor(dtype, [2], [value] * 2)),
        (prefix + "bn.num_batches_tracked", Tensor("I64", [], [value]))])


NAMES = ["bn.num_batches_tracked", "bn.running_mean", "net.weight"]
WEIGHTS, AVERAGE = 1, 2


def gives(path, policy, weight, buffers=None, dtype="F32", told=()):
    """convert --ema POLICY writes the three tensors, of the model that `weight` and `buffers` tell."""
    done = call("convert", path, "out.safetensors", "-f", "--ema", policy, "--json")
    expect(done.returncode == 0, f"{path} --ema {policy}: {done.returncode} {done.stderr}{done.stdout[:300]}")
    if done.returncode:
        return
    out = read("out.safetensors")
    expect(sorted(out) == NAMES, f"{path} --ema {policy}: {sorted(out)}")
    for name, value in (("net.weight", weight), ("bn.running_mean", buffers or weight), ("bn.num_batches_tracked", buffers or weight)):
        entry = Tensor("I64" if name.endswith("tracked") else dtype, out[name][1], [value] * (4 if name == "net.weight" else 2 if "mean" in name else 1))
        expect(out[name][0] == entry.dtype and out[name][2] == entry.data, f"{path} --ema {policy}: {name} is {out[name]}")
    notes = "\n".join(json.loads(done.stdout)["inputs"][0]["notes"])
    for words in told:
        expect(words in notes, f"{path} --ema {policy}: '{words}' is not in {notes}")
    again = call("run", "out.safetensors", "A=" + path, "-o", "again.safetensors", "-f")
    expect(again.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(),
           f"{path} --ema {policy}: again: {again.stderr}")


def test_dicts():
    counter = {"n_averaged": Tensor("I64", [], [3])}
    state = {"epoch": 1, "state_dict": model(AVERAGE), "current_model_state": model(WEIGHTS, "BF16"), "averaging_state": counter}
    save("lightning.ckpt", state)
    gives("lightning.ckpt", "keep", AVERAGE, told=["holds the average of the weights (Lightning's weight averaging)", "current_model_state (3 tensors)"])
    gives("lightning.ckpt", "use", AVERAGE)
    gives("lightning.ckpt", "drop", WEIGHTS, dtype="BF16")
    wrapped = {"steps": Tensor("I64", [], [8]), **model(WEIGHTS, prefix="module.")}
    save("mm.pth", {"meta": {}, "state_dict": model(AVERAGE), "message_hub": {"log_scalars": {}}, "ema_state_dict": wrapped})
    gives("mm.pth", "use", AVERAGE, told=["MMEngine's EMAHook"])
    gives("mm.pth", "drop", WEIGHTS, told=["module. was taken off 3 names, and its counter left out"])
    callbacks = {"ModelCheckpoint": {"best": 1}, "StochasticWeightAveraging": {"n_averaged": 3, "average_model_state": model(AVERAGE)}}
    save("swa.ckpt", {"state_dict": model(WEIGHTS), "callbacks": callbacks})
    gives("swa.ckpt", "keep", WEIGHTS, told=["their average is callbacks.StochasticWeightAveraging.average_model_state"])
    gives("swa.ckpt", "use", AVERAGE, buffers=WEIGHTS)
    gives("swa.ckpt", "drop", WEIGHTS)
    for weights, average in (("state_dict", "state_dict_ema"), ("params", "params_ema"), ("g", "g_ema"), ("model", "model_ema"),
                             ("model", "ema"), ("model", "model_avg"), ("state_dict", "ema_state_dict")):
        save("x.pt", {weights: model(WEIGHTS), average: model(AVERAGE), "epoch": 1})
        gives("x.pt", "use", AVERAGE, told=[average + " (3 tensors) holds the average of the weights", "--key " + weights])
        gives("x.pt", "drop", WEIGHTS)
    save("nested.pt", {"model": model(WEIGHTS), "ema": {"module": model(AVERAGE), "updates": 3}})
    gives("nested.pt", "use", AVERAGE)
    save("torchvision.pth", {"model": model(WEIGHTS), "model_ema": {**counter, **model(AVERAGE, prefix="module.")}})
    gives("torchvision.pth", "use", AVERAGE)
    save("only.pt", {"params_ema": model(AVERAGE)})
    gives("only.pt", "use", AVERAGE)
    refused(4, "leave out --ema drop", "convert", "only.pt", "x.safetensors", "--ema", "drop")
    done = call("merge", "lightning.ckpt", "swa.ckpt", "-o", "m.safetensors")
    expect("holds the average of the weights" in done.stdout and done.returncode == 0, f"merge: {done.stdout}{done.stderr}")


def test_names():
    save("wrapped.pt", {"n_averaged": Tensor("I64", [], [3]), **model(AVERAGE, prefix="module.")})
    for policy in ("keep", "use"):
        gives("wrapped.pt", policy, AVERAGE, told=["it is the average that torch's AveragedModel keeps"])
    refused(4, "nothing would be left", "convert", "wrapped.pt", "x.safetensors", "--ema", "drop")
    both = {"initted": Tensor("BOOL", [1], [1]), "step": Tensor("I64", [1], [9]), **model(WEIGHTS, prefix="online_model."),
            **model(AVERAGE, prefix="ema_model.")}
    save("lucid.pt", both)
    gives("lucid.pt", "use", AVERAGE, buffers=WEIGHTS, told=["ema-pytorch"])
    gives("lucid.pt", "drop", WEIGHTS)
    expect("--ema use" in call("plan", "lucid.pt", "-m", "copy").stdout, "ema-pytorch, kept")
    expect(call("convert", "lucid.pt", "lucid.safetensors").returncode == 0, "ema-pytorch as safetensors")
    gives("lucid.safetensors", "use", AVERAGE, buffers=WEIGHTS)
    save("alone.pt", {name: value for name, value in both.items() if "online" not in name})
    gives("alone.pt", "use", AVERAGE)
    refused(4, "nothing would be left", "convert", "alone.pt", "x.safetensors", "--ema", "drop")
    save("trainer.pt", {"step": 9, "model": model(WEIGHTS), "ema": both})
    gives("trainer.pt", "use", AVERAGE, buffers=WEIGHTS)
    gives("trainer.pt", "drop", WEIGHTS)


def test_espnet():
    save("valid.acc.ave_3best.pth", model(AVERAGE))
    gives("valid.acc.ave_3best.pth", "use", AVERAGE, told=["an average by espnet", "1 tensor is such a sum"])


def test_none():
    shadow = [Tensor("F32", [2, 2], [2] * 4), Tensor("F32", [2], [2] * 2)]
    save("shadow.pt", {"model": model(WEIGHTS), "ema": {"decay": 0.9, "shadow_params": shadow}})
    refused(4, "the average of its weights is ema.shadow_params, 2 tensors without names", "convert", "shadow.pt", "x.safetensors", "--ema", "use")
    gives("shadow.pt", "drop", WEIGHTS, told=["ema.shadow_params (2 tensors without names, an average)"])
    save("plain.pt", {"model": model(WEIGHTS)})
    save("beside.pt", {"state_dict": model(WEIGHTS), "state_dict_ema": model(AVERAGE)})
    refused(4, "in state_dict, but state_dict_ema beside it; leave out --key", "convert", "beside.pt", "x.safetensors", "--ema", "use", "--key", "state_dict")
    make("ldm.safetensors", ldm(1.0, averages=2.0))
    refused(4, "under the names that --add-prefix gave", "convert", "ldm.safetensors", "x.safetensors", "--ema", "use", "--add-prefix", "q.")
    for looked_for in ("tensors called model_ema.*", "the dict state_dict beside current_model_state, Lightning's weight averaging",
                       "the dict state_dict_ema beside state_dict, timm"):
        refused(4, looked_for, "convert", "plain.pt", "x.safetensors", "--ema", "use")


UNET = "model.diffusion_model."


def ldm(value, dtype="F32", averages=None):
    out = {UNET + "out.2.weight": (dtype, [2], [value] * 2), UNET + "in.0.bias": (dtype, [2], [value] * 2), "other": (dtype, [1], [value])}
    if averages:
        out |= {"model_ema.diffusion_modelout2weight": ("F32", [2], [averages] * 2), "model_ema.diffusion_modelin0bias": ("F32", [2], [averages] * 2),
                "model_ema.decay": ("F32", [], [0.5]), "model_ema.num_updates": ("I32", [], [7])}
    return out


def merged(*words):
    done = call("merge", *words, "-o", "m.safetensors", "-f", "--json")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.stderr}")
    return read("m.safetensors"), json.loads(done.stdout) if done.returncode == 0 else {"warnings": []}


def test_merges():
    make("full.safetensors", ldm(1.0, averages=2.0))
    make("full2.safetensors", ldm(3.0, averages=4.0))
    make("pruned.safetensors", ldm(3.0))
    for words in (["full.safetensors", "pruned.safetensors"], ["pruned.safetensors", "full.safetensors", "--extra", "add"],
                  ["full.safetensors", "pruned.safetensors", "--missing", "error"]):
        out, document = merged(*words)
        expect(not [name for name in out if "model_ema" in name], f"{words}: {sorted(out)}")
        left_out = [warning for warning in document["warnings"] if "averages of weights (model_ema.) are left out" in warning]
        expect(len(left_out) == 1 and "pruned.safetensors has none" in left_out[0], f"{words}: {document['warnings']}")
    refused(4, "holds no average", "convert", "m.safetensors", "x.safetensors", "--ema", "use")

    out, document = merged("full.safetensors", "full2.safetensors")
    expect(out["model_ema.diffusion_modelout2weight"][2] == Tensor("F32", [2], [3, 3]).data and not document["warnings"], f"both: {document['warnings']}")
    expect(metadata_of("m.safetensors").get("ckmerge.averages") == "merged", "a merge of averages says so")
    done = call("convert", "m.safetensors", "x.safetensors", "--ema", "use")
    expect(done.returncode == 0 and read("x.safetensors")[UNET + "out.2.weight"][2] == Tensor("F32", [2], [3, 3]).data, f"use merged: {done.stderr}")

    # Averages go with their weights: what stays A's keeps A's, what is merged keeps none that is not.
    out, document = merged("full.safetensors", "pruned.safetensors", "--only", "^other$")
    expect("model_ema.diffusion_modelout2weight" in out and not document["warnings"], f"--only other: {document['warnings']}")
    # All of them or none, with the reason.
    half = {name: value for name, value in ldm(3.0, averages=4.0).items() if "modelin0bias" not in name}
    make("half.safetensors", half)
    for words, reason in ((["full2.safetensors", "--exclude", r"out\.2"], "--only and --exclude do not merge the same"),
                          (["full2.safetensors", "--exclude", r"^model\."], "--only and --exclude do not merge the same"),
                          (["half.safetensors"], "half.safetensors has only some of them")):
        out, document = merged("full.safetensors", *words)
        expect(not [name for name in out if "model_ema" in name], f"{words}: {sorted(out)}")
        expect("4 tensors of averages" in " ".join(document["warnings"]) and reason in " ".join(document["warnings"]), f"{words}: {document['warnings']}")
    out, document = merged("full.safetensors", "full2.safetensors", "--only", "diffusion_model.?out")
    expect(len([name for name in out if "model_ema" in name]) == 4, f"--only both: {sorted(out)}")

    # What others merged and left an input's averages in is known by its recipe.
    make("stale.safetensors", ldm(5.0, averages=2.0), {"format": "pt", "sd_merge_recipe": json.dumps({"type": "webui", "interp_method": "Weighted sum"})})
    refused(4, "its weights were merged (sd_merge_recipe), its averages are one input's", "convert", "stale.safetensors", "x.safetensors", "--ema", "use")
    expect(call("convert", "stale.safetensors", "x2.safetensors", "--ema", "drop").returncode == 0, "stale averages are dropped")


def test_dtypes():
    make("half.safetensors", ldm(1.0, "F16", averages=2.0))
    done = call("convert", "half.safetensors", "x.safetensors", "--ema", "use")
    out = read("x.safetensors")
    expect(out[UNET + "out.2.weight"] == ("F32", [2], Tensor("F32", [2], [2, 2]).data), f"F32 averages stay F32: {out} {done.stderr}")
    expect(out["other"][0] == "F16", "what has no average stays as it is")
    call("convert", "half.safetensors", "x.safetensors", "-f", "--ema", "use", "--half")
    expect(read("x.safetensors")[UNET + "out.2.weight"][0] == "F16", "--half makes F16 of averages too")


def test_reported():
    if not REPORTED.is_dir():
        return print("NOT RUN: reported files (../shared/reported is not here)")
    for path in ("averageinstead/lightning-ema.ckpt", "averageinstead/lightning-swa.ckpt", "averageinstead/timm.pth.tar",
                 "average/ema-pytorch.pt", "narrowedaverages/lightning-bf16-true.ckpt"):
        used, dropped = [], []
        for policy, into in (("use", used), ("drop", dropped)):
            done = call("convert", str(REPORTED / path), "x.safetensors", "-f", "--ema", policy)
            expect(done.returncode == 0, f"{path}: {done.stderr}")
            into.append(read("x.safetensors"))
        expect(sorted(used[0]) == sorted(dropped[0]) and used != dropped, f"{path}: the same tensors, other values")
    done = call("convert", str(REPORTED / "narrowedaverages/half-weights.ckpt"), "x.safetensors", "-f", "--ema", "use")
    dtypes = {entry[0] for entry in read("x.safetensors").values()} if done.returncode == 0 else None
    expect(dtypes == {"F32"}, f"half-weights: {dtypes} {done.stderr}")
    done = call("merge", str(REPORTED / "average/full.safetensors"), str(REPORTED / "average/pruned.safetensors"), "-o", "y.safetensors")
    expect("are left out" in done.stdout and len(read("y.safetensors")) == 4, f"full and pruned: {done.stdout}{done.stderr}")


run_in_folders(test_dicts, test_names, test_espnet, test_none, test_merges, test_dtypes, test_reported)
