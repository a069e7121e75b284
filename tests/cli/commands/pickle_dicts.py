#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pickle_dicts.py CKMERGE
PyTorch files with several dicts of tensors: what is taken, what is said of the rest, what is refused; and files that hold
one rank's part of the weights, or none."""
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, refused, run_in_folders, safetensors
from torch_save import SIZE, Call, Tensor, save, stand_in

REPORTED = pathlib.Path(__file__).resolve().parents[4] / "shared/reported"


def some(*shape, first=1):
    count = 1
    for n in shape:
        count *= n
    return Tensor("F32", list(shape), [first + k / 2 for k in range(count)])


def weights(first=1):
    return collections.OrderedDict([("a.weight", some(2, 2, first=first)), ("a.bias", some(2, first=first))])


def inputs_of(*words):
    done = call(*words, "--json")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)["inputs"] if done.returncode == 0 else None


def taken(path, *words):
    """The names that convert writes, and what JSON says of the input."""
    said = inputs_of("convert", path, "out.safetensors", "-f", *words)
    return (sorted(safetensors("out.safetensors")[1]), said[0]) if said else ([], {"notes": [], "dicts": [], "beside": []})


def told(said, *words):
    notes = "\n".join(said["notes"])
    for word in words:
        expect(word in notes, f"'{word}' is not in: {notes}")


ADAM = {"state": {0: {"step": Tensor("F32", [], [3]), "exp_avg": some(2, 2), "exp_avg_sq": some(2, 2)}}, "param_groups": [{"lr": 0.1}]}


def test_left_behind():
    save("gan.pt", {"model": weights(), "generator": {"0.weight": some(3)}, "epoch": 1, "opt": {"size": 8}})
    refused(3, "say which is meant (--key model), or join them (--key model,generator)", "convert", "gan.pt", "x.safetensors")
    refused(3, "generator: 1 tensor, 1 under names that are not in model", "plan", "gan.pt", "-m", "copy")
    names, said = taken("gan.pt", "--key", "model")
    expect(names == ["a.bias", "a.weight"], f"--key model: {names}")
    told(said, "left behind: generator (1 tensor)", "epoch (the integer 1)", "opt (a dict of 1)")
    expect(said["dicts"] == [{"key": "model", "tensors": 2, "role": "weights", "named": True, "taken": True},
                             {"key": "generator", "tensors": 1, "role": "weights", "named": True, "taken": False}],
           f"dicts: {said['dicts']}")
    expect(said["beside"] == ["epoch", "opt"], f"beside: {said['beside']}")
    names, said = taken("gan.pt", "--key", "model,generator")
    expect(names == ["0.weight", "a.bias", "a.weight"] and said["key"] == "model,generator", f"joined: {names}")
    again = call("run", "out.safetensors", "A=gan.pt", "-o", "again.safetensors", "-f")
    expect(again.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(),
           f"run of joined dicts: {again.stderr}")
    document = json.loads(call("inspect", "gan.pt", "--json").stdout)["files"][0]
    expect([dict["key"] for dict in document["dicts"]] == ["model", "generator"], f"inspect: {document.get('dicts')}")

    save("same.pt", {"model": weights(), "weights_b": weights(5)})
    names, said = taken("same.pt")
    told(said, "left behind: weights_b (2 tensors)")
    refused(3, "tensor 'a.weight' is in model and in weights_b", "convert", "same.pt", "x.safetensors", "--key", "model,weights_b")
    refused(2, "the key 'nothing' is not in it", "convert", "same.pt", "x.safetensors", "--key", "model,nothing")
    save("list.pt", {"models": [weights(), {"b": some(2)}], "state_dict": weights()})
    refused(3, "models.1: 1 tensor", "convert", "list.pt", "x.safetensors")
    names, said = taken("list.pt", "--key", "models.1")
    expect(names == ["b"], f"an item of a list: {names}")
    save("comma.pt", {"a,b": weights()})
    expect(taken("comma.pt", "--key", "a,b")[0] == ["a.bias", "a.weight"], "a key with a comma")


def test_usual_files():
    """No file that one program writes and another reads is refused, whatever training left in it."""
    namespace = Call(stand_in("argparse", "Namespace"), state={"lr": 1})
    files = {
        "web.ckpt": {"epoch": 3, "global_step": 9, "pytorch-lightning_version": "1.9", "state_dict": weights(),
                     "callbacks": {"ModelCheckpoint": {"best_model_score": Tensor("F32", [], [1]), "kth_value": some(2)}},
                     "optimizer_states": [ADAM], "lr_schedulers": [{"last": some(1)}], "hyper_parameters": {"mean": some(3)}},
        "timm.pth.tar": {"epoch": 3, "arch": "x", "state_dict": weights(), "optimizer": ADAM, "args": namespace,
                         "amp_scaler": {"scale": 1.0}, "metric": Tensor("F32", [], [2])},
        "mm.pth": {"meta": {"epoch": 1}, "state_dict": weights(), "message_hub": {"loss": some(2)}, "optimizer": ADAM},
        "deepspeed.pt": {"module": weights(), "buffer_names": [], "optimizer": None,
                         "param_shapes": [collections.OrderedDict([("a.weight", Call(SIZE, (2, 2))), ("a.bias", Call(SIZE, (2,)))])],
                         "ds_version": "0.19", "ds_config": {"bf16": {"enabled": True}}},
        "megatron.pt": {"model": weights(), "optimizer": ADAM, "rng_state": [{"torch_rng_state": some(8), "cuda_rng_state": some(8)}]},
        "fairseq.pt": {"args": namespace, "model": weights(), "criterion": {"w": some(2)}, "last_optimizer_state": ADAM},
        "rvc.pth": {"weight": weights(), "config": [1, 2], "info": "8epoch", "sr": "40k", "f0": 1, "version": "v2"},
        "counted.pt": {"model": weights(), "queue_state": {"pointer": Tensor("I64", [1], [3])}, "random_states": {"cpu": some(9)}},
    }
    for path, value in files.items():
        save(path, value)
        names, said = taken(path)
        expect(names == ["a.bias", "a.weight"], f"{path}: {names}")
        key = next(key for key in ("state_dict", "module", "model", "weight") if key in value)
        expect(said["key"] == key, f"{path}: at {said['key']}")
        missed = [name for name in value if name != key and not any(name in note for note in said["notes"])]
        expect(not missed, f"{path}: not told: {missed}: {said['notes']}")
    told(taken("web.ckpt")[1], "optimizer_states (3 tensors, training's)", "global_step (the integer 9)")
    told(taken("rvc.pth")[1], "config (a list), info (the text '8epoch'), sr (the text '40k'), f0 (the integer 1)")


def test_masters():
    half = {"a.weight": Tensor("BF16", [2], [1, 2])}
    save("ds.pt", {"module": half, "ds_version": "0.19"})
    told(taken("ds.pt")[1], "the F32 masters that they are roundings of are in the optim_states files")


def test_modules():
    module = Call(stand_in("ultralytics.nn.tasks", "DetectionModel"), state={"training": True})
    save("yolo.pt", {"epoch": 1, "model": None, "ema": module, "optimizer": ADAM})
    refused(3, "weights are a whole module (ema, an object of ultralytics.nn.tasks.DetectionModel)", "convert", "yolo.pt", "x.safetensors")


def zero3(buffers, shapes=True):
    empty = Tensor("BF16", [0], [])
    out = {"module": {**buffers, "emb.weight": empty, "fc.weight": empty}, "ds_version": "0.19.8"}
    if shapes:
        out["param_shapes"] = [collections.OrderedDict([("emb.weight", Call(SIZE, (5, 6)))]),
                               collections.OrderedDict([("fc.weight", Call(SIZE, (7, 6)))])]
    return out


def test_pieces():
    buffers = {"position_ids": Tensor("I64", [3], [0, 1, 2]), "table": some(4)}
    for shapes in (True, False):
        save("zero3.pt", zero3(buffers, shapes))
        for words in (["convert", "zero3.pt", "x.safetensors"], ["merge", "zero3.pt", "zero3.pt", "-o", "x.safetensors"]):
            refused(4, "ZeRO stage 3: 2 of its 4 tensors are placeholders", *words)
    save("zero3.pt", zero3(buffers))
    refused(4, "emb.weight is [0], its shape [5, 6]", "convert", "zero3.pt", "x.safetensors")
    refused(4, "zero_to_fp32.py", "convert", "zero3.pt", "x.safetensors")
    expect("placeholders" in call("inspect", "zero3.pt").stdout, "inspect notes placeholders")
    save("empty.pt", {"a": Tensor("F32", [0], []), "b": Tensor("F32", [0], [])})
    refused(4, "all of its 2 tensors are empty: placeholders", "convert", "empty.pt", "x.safetensors")

    whole = some(3, 6)
    wrapped = stand_in("torch._utils", "_rebuild_wrapper_subclass")
    from_type = stand_in("torch._tensor", "_rebuild_from_type_v2")
    for kind, module in (("DTensor", "torch.distributed.tensor"), ("ShardedTensor", "torch.distributed._shard.sharded_tensor.api")):
        part = Call(from_type, wrapped, stand_in(module, kind), ("F32", (5, 6)), {"_local_tensor": whole})
        save("part.pt", {"w": part, "b": some(2)})
        refused(4, f"tensor 'w': is a {kind}, one rank's part of a tensor", "convert", "part.pt", "x.safetensors")
        refused(4, "full_state_dict=True", "convert", "part.pt", "x.safetensors")
    save("part.pt", {"w": Call(stand_in("torch.distributed._shard.sharded_tensor.api", "ShardedTensor"), 1), "b": some(2)})
    refused(4, "is a ShardedTensor, one rank's part", "convert", "part.pt", "x.safetensors")
    save("flat.pt", {"_fsdp_wrapped_module._flat_param": some(9), "b": some(2)})
    refused(4, "flattened parameter of FSDP", "convert", "flat.pt", "x.safetensors")


def test_unwritten():
    value = {"a": some(30), "b": some(4), "c": Tensor("F32", [2], [0, 0])}
    save("some.pt", value, unwritten={0})
    told(taken("some.pt")[1], "1 of its 3 tensors is a placeholder, zeros whose sum was never written (torch.serialization.skip_data): a")
    save("all.pt", value, unwritten={0, 1, 2})
    refused(4, "all of its tensors are placeholders", "convert", "all.pt", "x.safetensors")
    expect(call("inspect", "all.pt").returncode == 0, "inspect opens placeholders")
    save("none.pt", value)
    expect(taken("none.pt")[1]["notes"] == [], "zeros that were written are zeros")


def test_reported():
    if not REPORTED.is_dir():
        return print("NOT RUN: reported files (../shared/reported is not here)")
    step = str(REPORTED / "twodicts/step1.pt")
    refused(3, "--key model,generator", "convert", step, "x.safetensors")
    expect(len(taken(step, "--key", "model,generator")[0]) == 5, "twodicts, joined")
    for path in ("zero3buffers/step1-zero_pp_rank_0_mp_rank_00_model_states.pt", "odd/zero3.pt"):
        refused(4, "zero_to_fp32.py", "convert", str(REPORTED / path), "x.safetensors")
    refused(4, "skip_data", "convert", str(REPORTED / "skipdata/skip.pt"), "x.safetensors")
    expect(taken(str(REPORTED / "skipdata/real.pt"))[1]["notes"] == [], "skipdata/real.pt")


run_in_folders(test_left_behind, test_usual_files, test_masters, test_modules, test_pieces, test_unwritten, test_reported)
