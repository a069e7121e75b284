# SPDX-License-Identifier: Apache-2.0
"""usage: compare_models.py CKMERGE [MODEL ...]
Merges of folders of every architecture of recorded/models.json: whole, in shards, and under the two spellings that
transformers has. Values are such that an average has no rounding, so that results are known to the bit."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import extracts
import folders
import respelled

SIDE_FILES = ("generation_config.json", "tokenizer.json", "tokenizer_config.json")
SHARD = 12_000


def packed(dtype, values):
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)


def average(x, y):
    """{name: (dtype, shape, bytes)} of two models of the same names."""
    return {name: (dtype, shape, packed(dtype, [(a + b) / 2 for a, b in zip(extracts.numbers(dtype, raw), extracts.numbers(dtype, y[name][2]))]))
            for name, (dtype, shape, raw, *_) in x.items()}


def index_faults(out):
    """Of a folder with several weight files: what its index says against what lies there."""
    files = sorted(path.name for path in out.glob("model*.safetensors"))
    path = out / "model.safetensors.index.json"
    if files == ["model.safetensors"]:
        return ["an index lies beside a single file"] if path.exists() else []
    if not path.exists():
        return [f"{files} have no index"]
    text = path.read_text(encoding="utf-8")
    index, places, faults = json.loads(text), {}, []
    size = parameters = 0
    for file in files:
        for name, (_, shape, raw) in folders.read(out / file).items():
            places[name] = file
            size, parameters = size + len(raw), parameters + folders.count_of(shape)
        if sum(len(raw) for _, _, raw in folders.read(out / file).values()) > SHARD and len(folders.read(out / file)) > 1:
            faults.append(f"{file} is larger than a shard may be")
    expected = {"metadata": {"total_parameters": parameters, "total_size": size}, "weight_map": places}
    if index != expected:
        faults.append(f"the index differs: {index['metadata']}, {expected['metadata']}")
    if text != json.dumps(expected, indent=2, sort_keys=True) + "\n":
        faults.append("the index is not spelled as transformers does")
    if files != [f"model-{n:05}-of-{len(files):05}.safetensors" for n in range(1, len(files) + 1)]:
        faults.append(f"shards are called {files}")
    return faults


def folder_faults(out, first, expected):
    there, faults = folders.read_folder(out), index_faults(out)
    for name in sorted(set(there) | set(expected)):
        if name not in there or name not in expected:
            faults.append(f"{name} is {'there' if name in there else 'not there'}")
        elif there[name] != expected[name]:
            faults.append(f"{name} is {there[name][:2]}, not {expected[name][:2]}" if there[name][:2] != expected[name][:2] else f"{name} has other values")
    for name in SIDE_FILES:
        if (first / name).exists() and (not (out / name).exists() or (out / name).read_bytes() != (first / name).read_bytes()):
            faults.append(f"{name} is not the first model's")
    if json.loads((out / "config.json").read_text()) != json.loads((first / "config.json").read_text()):
        faults.append("config.json says other things than the first model's")
    return faults


def merged(ckmerge, names, *options):
    for name in names:
        folders.make(name)
    done = subprocess.run([ckmerge, "merge", *names, "--alpha", "0.5", "-o", "out/", "-f", "-q", *options], capture_output=True, text=True,
                          env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return [] if done.returncode == 0 else [f"exit {done.returncode}: {done.stderr.strip()[-400:]}"]


def compare(ckmerge, model):
    """(what, faults) of each merge."""
    a, b = f"{model}_A", f"{model}_B"
    expected = average(folders.tensors(a), folders.tensors(b))
    pairs = [(a, b), (a + "_sharded", b + "_sharded"), (a, b + "_sharded")]
    other = [(a, b + "_respelled"), (a + "_respelled", b), (a + "_sharded", b + "_sharded_respelled"), (a + "_respelled", b + "_respelled")]
    for pair in pairs + (other if model in respelled.MODELS else []):
        for options in ((), ("--shard-size", "12KB")):
            faults = merged(ckmerge, pair, *options)
            wanted = respelled.spell(model, {name: (*entry, 1) for name, entry in expected.items()}) if "respelled" in pair[0] else expected
            yield f"{' and '.join(pair)} {' '.join(options)}", faults or folder_faults(
                pathlib.Path("out"), pathlib.Path(pair[0]), {name: entry[:3] for name, entry in wanted.items()})


def main():
    ckmerge, failed, count = os.path.abspath(sys.argv[1]), 0, 0
    for model in sys.argv[2:] or folders.recorded():
        with tempfile.TemporaryDirectory(prefix="ckmerge-folders-") as scratch:
            os.chdir(scratch)
            for what, faults in compare(ckmerge, model):
                for fault in faults[:3]:
                    print(f"FAILED: {what}: {fault}")
                count, failed = count + 1, failed + bool(faults)
            os.chdir("/")
    print(f"{count} merges of folders, {failed} are wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
