#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: ckpt_metadata.py CKMERGE
What a .ckpt of ours says about itself is used as a .safetensors' is: by inspect, run, convert, merge, scan and show. And files
that torch's own pickler makes of such a state dict, or of one with other attributes."""
import collections
import hashlib
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1] / "pickles")]
from registry_place import Place, expect, faults
from torch_files import Storage, Tensor, torch_stream, torch_zip

FIELDS = {"format": "pt", "title": "A", "\u00e9\n": "\x1b[31m \"x\"", "long": "y" * (1 << 21)}


def stored(place, path):
    """A file's metadata, as inspect tells it whole."""
    return place.json("inspect", path)["files"][0]["metadata"]


def sha256(place, path):
    return hashlib.sha256((place / path).read_bytes()).hexdigest()


def same(place, found, wanted):
    expect((place / found).read_bytes() == (place / wanted).read_bytes(), f"{found} has not the bytes of {wanted}")


RECIPES = {
    "weighted": "a b --alpha 0.3",
    "hash": "a b --hash",
    "fields": "a b --set-metadata z=1 --set-metadata y=\u00e9",
    "recipe": "a b --metadata recipe --dtype f16",
    "ckpts": "a.ckpt b.ckpt -m linear --weights 1,3 --hash",
    "mixed": "a.ckpt b -m slerp --alpha 0.4",
}


def check_run(place):
    """A merge repeated from either form gives either form's bytes."""
    for name, words in RECIPES.items():
        inputs = [word for word in words.split(" ") if (place / word).exists()]
        bindings = [f"{letter}={path}" for letter, path in zip("AB", inputs)]
        for form in ("ckpt", "safetensors"):
            place.run("merge", *words.split(" "), "-o", f"out/{name}.{form}")
        for form in ("ckpt", "safetensors"):
            place.run("run", f"out/{name}.ckpt", *bindings, "-o", f"again.{form}", "-f")
            same(place, f"again.{form}", f"out/{name}.{form}")
            expect(stored(place, f"out/{name}.ckpt") == stored(place, f"out/{name}.safetensors"), f"{name}: metadata")
    place.run("convert", "a", "silent.ckpt", "--metadata", "none")
    expect(stored(place, "silent.ckpt") is None, "no metadata is null")
    expect(b"metadata" not in place.run("inspect", "silent.ckpt").stdout, "nothing is said of a pickle without metadata")
    expect(b"holds no recipe" in place.run("run", "silent.ckpt", "A=a", "-o", "no", status=2).stderr, "no recipe")
    text = place.run("inspect", "out/weighted.ckpt").stdout.decode()
    expect("  metadata: 6 keys\n" in text and "    title: A\n" in text and "\x1b" not in text, f"inspect: {text}")


def check_convert(place):
    """There and back: a file that names its input by the same name has the same bytes."""
    for words in ([], ["--metadata", "recipe"], ["--metadata", "none"], ["--set-metadata", "k=v"]):
        place.run("convert", "a", "1/a", "--format", "safetensors", "-f", *words)
        place.run("convert", "a", "2/a", "--format", "ckpt", "-f", *words)
        place.run("convert", "2/a", "3/a", "--format", "safetensors", "-f", *words)
        place.run("convert", "3/a", "4/a", "--format", "ckpt", "-f", *words)
        same(place, "3/a", "1/a")
        same(place, "4/a", "2/a")
    expect(stored(place, "4/a").get("long") == FIELDS["long"], "a text of 2 MiB there and back")
    place.run("convert", "plain", "plain.ckpt", "--metadata", "none")
    place.run("convert", "plain.ckpt", "plain.back", "--format", "safetensors", "--metadata", "none")
    same(place, "plain.back", "plain")


def check_parents(place):
    """A parent's recipe and ancestors, whichever form it has."""
    found = []
    for form in ("ckpt", "safetensors"):
        place.run("convert", f"out/hash.{form}", f"{form}/parent", "--format", form, "--hash")
        place.run("merge", f"{form}/parent", "b", "--hash", "-o", f"{form}/child.safetensors")
        text = json.dumps(stored(place, f"{form}/child.safetensors"))
        expect(text.count(sha256(place, f"{form}/parent")) > 0, f"{form}: the parent's sum")
        for path in (f"{form}/parent", f"out/hash.{form}"):
            text = text.replace(sha256(place, path), "sum of " + path.split("/")[1].split(".")[0])
        found.append(text)
        models = json.loads(stored(place, f"{form}/child.safetensors")["sd_merge_models"])
        expect(set(models) == {sha256(place, path) for path in (f"{form}/parent", f"out/hash.{form}", "a", "b")}, f"{form}: {list(models)}")
        expect(models[sha256(place, f"{form}/parent")]["sd_merge_recipe"]["type"] == "ckmerge", f"{form}: its recipe")
    expect(found[0].replace("hash.ckpt", "hash.safetensors") == found[1], "a .ckpt is a parent as a .safetensors is")


def check_registry(place):
    os.mkdir(place / "models")
    for name in ("a", "b", "out/hash.ckpt"):
        os.link(place / name, place / "models" / (os.path.basename(name) if "." in name else name + ".safetensors"))
    place.run("scan", "models", "--hash")
    shown = place.json("show", "hash")
    expect(shown["metadata"] == {key: text for key, text in stored(place, "out/hash.ckpt").items() if len(text) <= 1 << 18}, "show: metadata")
    expect(shown["lineage"]["made_by"] == "weighted_sum, alpha 0.5", f"show: {shown['lineage']['made_by']}")
    expect([(i["sha256"], i["path"]) for i in shown["lineage"]["inputs"]] ==
           [(sha256(place, name), str(place / f"models/{name}.safetensors")) for name in "ab"], f"show: {shown['lineage']}")


class Described(collections.OrderedDict):
    """Pickles as an OrderedDict with these attributes."""

    def __reduce_ex__(self, protocol):
        plain = collections.OrderedDict(self)
        plain.__dict__.update(self.__dict__)
        return plain.__reduce_ex__(protocol)


def check_picklers(place):
    """Python's pickler writes what torch.load and torch.save would make of our file, with memo and in its own order."""
    def state(**attributes):
        state = Described(w=Tensor(Storage("Float", bytes(16)), (4,)))
        state.__dict__.update(attributes)
        return state

    own, versions = {"title": "\u00e9", "b": "", "format": "pt", "again": "\u00e9"}, collections.OrderedDict({"": {"version": 1}})
    cases = {
        "own": (state(__metadata__=own), own), "own and torch's": (state(_metadata=versions, __metadata__=own), own),
        "wrapped": ({"state_dict": state(__metadata__=own), "epoch": 1}, own), "empty": (state(__metadata__={}), {}),
        "torch's": (state(_metadata=versions), None), "none": (state(), None), "of the wrapping": (Described(state_dict=state()), None),
        "a member": ({"state_dict": state(), "__metadata__": own}, None)}
    cases["of the wrapping"][0].__dict__["__metadata__"] = own
    for name, (made, wanted) in cases.items():
        for protocol in (2, 4, 5):
            for form in (torch_zip, torch_stream):
                (place / "made.pt").write_bytes(form(made, protocol))
                file = place.json("inspect", "made.pt")["files"][0]
                beside = {"wrapped": ["epoch"], "a member": ["__metadata__"]}.get(name, [])
                expect(file["metadata"] == wanted and file["beside"] == beside and len(file["notes"]) == len(beside), f"{name}, {protocol}: {file['metadata']} {file['notes']}")
    (place / "made.pt").write_bytes(torch_zip(state(__metadata__={"epoch": 1})))
    file = place.json("inspect", "made.pt")["files"][0]
    expect(file["metadata"] is None and "__metadata__ is not a table of texts" in file["notes"][0], f"numbers: {file['notes']}")


with tempfile.TemporaryDirectory(prefix="ckmerge-ckpt-") as folder:
    place = Place(folder)
    for sub in ("out", "1", "2", "3", "4", "ckpt", "safetensors"):
        os.mkdir(place / sub)
    tensors = [[(name, "F32", [2, 2], bytes(numbers)) for name, numbers in (("w", range(16)), ("v", range(seed, seed + 16)))] for seed in (3, 9)]
    place.make("a", *tensors[0], meta=FIELDS)
    place.make("b", *tensors[1], meta={"title": "B"})
    place.make("plain", *tensors[0])
    for name in "ab":
        place.run("convert", name, f"{name}.ckpt")
    for check in (check_run, check_convert, check_parents, check_registry, check_picklers):
        check(place)
print(*faults[:20], sep="\n")
print(f"{len(faults)} failures")
sys.exit(1 if faults else 0)
