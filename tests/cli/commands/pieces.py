#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: pieces.py CKMERGE
Files that are pieces of a checkpoint, or laid out as another framework lays tensors out, are not merged as if they were
whole and torch's. With the files of ../shared/reported where they are there."""
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders
from operation_files import make, some

reported = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reported"


def weights(seed, *names):
    return {name: ("F32", [2, 2], some(seed, 2, 2)) for name in names}


def warned(told, *words):
    done = call("merge", *words, "-o", "out.safetensors", "-f")
    expect(done.returncode == 0 and told in done.stdout, f"{' '.join(words)}: {done.returncode} {done.stdout} {done.stderr}")


def shards():
    make("a-00001-of-00003.safetensors", weights(1, "x", "y"))
    make("a-00002-of-00003.safetensors", weights(2, "z"))
    make("b-00001-of-00002.safetensors", weights(3, "x"))
    make("c-00001-of-00003.safetensors", weights(4, "x", "y"))
    make("whole.safetensors", weights(5, "x", "y", "z"))
    first = "a-00001-of-00003.safetensors"
    for other in ("a-00002-of-00003.safetensors", "b-00001-of-00002.safetensors"):
        refused(4, "do not hold the same tensors", "merge", first, other, "-o", "no.safetensors")
    refused(4, "do not hold the same tensors", "merge", "whole.safetensors", first, "-o", "no.safetensors")
    warned("is shard 00001 of 00003 of a checkpoint", first, "c-00001-of-00003.safetensors")
    warned("is shard 00001 of 00003 of a checkpoint, and the others do not lie beside it", first, "whole.safetensors")
    done = call("convert", first, "half.safetensors", "--dtype", "f16")
    expect(done.returncode == 0 and "is shard 00001 of 00003" in done.stdout, f"convert: {done.stdout}")


def ranks():
    for place in ("one/mp_rank_00", "one/mp_rank_01", "two/mp_rank_00"):
        os.makedirs(place)
        make(place + "/model.safetensors", weights(len(place), "x"))
    rank = [place + "/model.safetensors" for place in ("one/mp_rank_00", "one/mp_rank_01", "two/mp_rank_00")]
    warned("are two ranks of one checkpoint", rank[0], rank[1])
    done = call("plan", rank[0], rank[2])
    expect(done.returncode == 0 and "warning" not in done.stdout, f"the same rank: {done.stdout}")


def offsets(row):
    return {"format": "pt", "DCP_VERSION": "1.0", "DCP_SHARDING_INFO": json.dumps({"x": {"saved_offsets": [row, 0]}})}


def distributed_shards():
    make("a.safetensors", weights(1, "x"), offsets(0))
    make("b.safetensors", weights(2, "x"), offsets(0))
    make("other.safetensors", weights(3, "x"), offsets(2))
    make("whole.safetensors", weights(4, "x"))
    warned("its DCP_SHARDING_INFO is kept", "a.safetensors", "b.safetensors")
    expect(metadata_of("out.safetensors")["DCP_SHARDING_INFO"] == offsets(0)["DCP_SHARDING_INFO"], "field kept")
    warned("its DCP_SHARDING_INFO is kept", "a.safetensors", "b.safetensors", "--metadata", "none")
    expect(set(metadata_of("out.safetensors")) == {"DCP_SHARDING_INFO", "DCP_VERSION", "format"}, "kept by none")
    for other in ("other.safetensors", "whole.safetensors"):
        refused(4, "DCP_SHARDING_INFO", "merge", "a.safetensors", other, "-o", "no.safetensors")
    refused(4, "slerp looks at whole tensors", "merge", "a.safetensors", "b.safetensors", "-m", "slerp", "-o", "no.safetensors")
    refused(2, "cannot be renamed", "merge", "a.safetensors", "b.safetensors", "--add-prefix", "m.", "-o", "no.safetensors")


def other_orders():
    image = {"conv.weight": ("F32", [2, 1, 1, 2], some(1, 4)), "norm.weight": ("F32", [2], [1.0, 2.0])}
    make("mlx.safetensors", image, {"format": "mlx"})
    make("torch.safetensors", image)
    refused(4, "of the format mlx", "merge", "torch.safetensors", "mlx.safetensors", "-o", "no.safetensors")
    refused(4, "of the format pt", "merge", "mlx.safetensors", "torch.safetensors", "-o", "no.safetensors")
    done = call("convert", "mlx.safetensors", "half.safetensors", "--dtype", "f16")
    expect(done.returncode == 0 and metadata_of("half.safetensors")["format"] == "mlx", "convert keeps mlx")
    warned("same file", "mlx.safetensors", "mlx.safetensors")
    expect(metadata_of("out.safetensors")["format"] == "mlx", "merge keeps mlx")
    done = call("convert", "mlx.safetensors", "half.ckpt")
    expect(done.returncode == 0 and "lie in another order" in done.stdout, f"ckpt: {done.stdout} {done.stderr}")


def public_reports():
    if not reported.is_dir():
        print("NOT RUN: files of public reports (no ../shared/reported)")
        return
    os.chdir(reported)
    shard = "dcp/{}/shard-0000{}-model-00001-of-00001.safetensors"
    for words in ([shard.format("A", 1), shard.format("A", 2)], [shard.format("A", 1), shard.format("B", 2)],
                  [shard.format("A", 1), shard.format("B", 1), "-m", "slerp"],
                  ["mlxformat/mlx.safetensors", "mlxformat/torch.safetensors"],
                  sorted(str(path) for path in pathlib.Path("ranks/nanotron").iterdir())):
        done = call("plan", *words)
        expect(done.returncode == 4, f"{words}: {done.returncode} {done.stdout} {done.stderr}")
    for words, told in ((["shards/model-00001-of-00003.safetensors", "shards/model-00002-of-00003.safetensors"], "same files"),
                        ([shard.format("A", 1), shard.format("B", 1)], "DCP_SHARDING_INFO is kept"),
                        (["ranks/mp_rank_00/model_optim_rng.pt", "ranks/mp_rank_01/model_optim_rng.pt"], "two ranks")):
        done = call("plan", *words)
        expect(done.returncode == 0 and told in done.stdout, f"{words}: {done.returncode} {done.stdout} {done.stderr}")


run_in_folders(shards, ranks, distributed_shards, other_orders, public_reports)
