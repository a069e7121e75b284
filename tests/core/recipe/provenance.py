# SPDX-License-Identifier: Apache-2.0
"""Numbers, JSON and A1111's fields against Python: repr, round, json and dict.update are the definition.

usage: provenance.py DRIVER
"""
import json
import random
import re
import struct
import subprocess
import sys

NAMES = ["a/b/A.safetensors", "B \u00e9\U0001f600.safetensors", "C.safetensors", "d/D"]
NOT_COPIED = ["format", "ckmerge.recipe", "sd_merge_recipe", "sd_merge_models", "modelspec.hash_sha256",
              "modelspec.thumbnail"]


def floats(rng):
    """Ratios as people type them, ties and near ties, any bits at all."""
    yield from (n / 100 for n in range(-300, 301))
    yield from (1 - n / 1000 for n in range(-2000, 2001))
    yield from (n / 8 for n in range(-4000, 4001))
    yield from (n / 1000 + 0.005 for n in range(2000))
    yield from (float(f"1e{n}") for n in range(-323, 309))
    yield from (float(f"{rng.random() * 10:.17g}e{n}") for n in range(-30, 30) for _ in range(20))
    count = 0
    while count < 5000:
        number = struct.unpack("<d", rng.randbytes(8))[0]
        if number - number == 0:
            count += 1
            yield number


def value(rng, depth=0):
    """A JSON value without floats: Python would spell those anew."""
    kind = rng.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.randrange(-2**63, 2**64)
    if kind <= 4:
        return "".join(chr(rng.choice([rng.randrange(0x80), rng.randrange(0xa0, 0xd800), rng.randrange(0xe000, 0x110000)]))
                       for _ in range(rng.randrange(8)))
    if kind <= 5:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(rng.randrange(9)): value(rng, depth + 1)
            for _ in range(rng.randrange(5))}


def is_object(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def parent(rng, name, hashes):
    """A parent with fields as A1111 leaves them, or spoilt."""
    metadata = {key: key for key in rng.sample(["x", "y", "z", "sshs_legacy_hash"] + NOT_COPIED[:1] + NOT_COPIED[4:], 3)}
    if rng.random() < 0.7:
        recipe = value(rng, 3) if rng.random() < 0.3 else {"type": "webui", "deep": value(rng)}
        metadata["sd_merge_recipe"] = json.dumps(recipe, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.7:
        keys = rng.sample(hashes, rng.randrange(4)) + ["", "q\"\u20ac"][:rng.randrange(3)]
        models = {key: {"name": key, "sd_merge_recipe": value(rng)} if rng.random() < 0.8 else value(rng) for key in keys}
        metadata["sd_merge_models"] = json.dumps(models, separators=rng.choice([(",", ":"), (" , ", " : "), None]))
        if rng.random() < 0.1:
            metadata["sd_merge_models"] = metadata["sd_merge_models"][:-1]
    return [name, rng.choice(hashes), "%08x" % rng.randrange(2**32), metadata]


def recipe_text(rng, names):
    recipe = {"version": 2, "method": "weighted_sum", "parameters": {"alpha": rng.random()}, "dtype": rng.choice(["keep", "f16"]),
              "discard": rng.choice([[], ["a\\.b"], ["^x", "\u00e9$"]]), "only": [], "exclude": [], "missing": "keep",
              "extra": "drop", "expand": "copy", "nan": "error", "metadata": rng.choice(["keep", "recipe"]),
              "set_metadata": {"y": "mine"} if rng.random() < 0.5 else {}, "hash": True,
              "inputs": [{"name": name, "sha256": None} for name in names]}
    return json.dumps(recipe, separators=(",", ":"), ensure_ascii=False)


def expected_models(parents, names):
    """modules/extras.py of A1111: add_model_metadata for each parent. Only entries under a sum are taken over."""
    models = {}
    for (_, sha256, legacy, metadata), name in zip(parents, names):
        own = metadata.get("sd_merge_recipe", "")
        models[sha256] = {"name": name, "legacy_hash": legacy, "sd_merge_recipe": json.loads(own) if is_object(own) else None}
        theirs = metadata.get("sd_merge_models", "")
        if is_object(theirs):
            models.update({key: entry for key, entry in json.loads(theirs).items()
                           if isinstance(entry, dict) and re.fullmatch("[0-9a-f]{64}", key)})
    return models


def expected_metadata(text, parents):
    """What the driver must answer to a recipe and parents."""
    recipe = json.loads(text)
    names = [entry["name"] for entry in recipe["inputs"]]
    hashes = ([row[1] for row in parents] + [None] * 3)
    for entry, sha256 in zip(recipe["inputs"], hashes):
        entry["sha256"] = sha256
    web = {"type": "ckmerge", "primary_model_hash": hashes[0], "secondary_model_hash": hashes[1],
           "tertiary_model_hash": hashes[2], "interp_method": "Weighted sum", "multiplier": recipe["parameters"]["alpha"],
           "save_as_half": recipe["dtype"] == "f16", "custom_name": "", "config_source": 3, "bake_in_vae": "None",
           "discard_weights": "|".join(recipe["discard"]), "is_inpainting": False, "is_instruct_pix2pix": False}
    fields = {}
    if recipe["metadata"] == "keep":
        for row in parents:
            fields.update({k: v for k, v in row[3].items() if k not in NOT_COPIED and not k.startswith("sshs_")})
    fields.update(recipe["set_metadata"])
    fields["format"] = parents[0][3].get("format") or "pt"
    fields["sd_merge_recipe"] = json.dumps(web)
    fields["sd_merge_models"] = json.dumps(expected_models(parents, names))
    fields["ckmerge.recipe"] = recipe
    return fields


def questions(rng):
    """Pairs of a line and the check of its answer."""
    for number in floats(rng):
        yield f"float {number!r}", lambda answer, number=number: answer == f"{number!r} {round(number, 2)!r}"
    for _ in range(2000):
        text = json.dumps(value(rng), ensure_ascii=rng.random() < 0.5, separators=rng.choice([(",", ":"), (", ", " :  ")]))
        yield f"json {text}", lambda answer, text=text: answer == json.dumps(json.loads(text))
    hashes = ["%064x" % rng.randrange(2**256) for _ in range(5)]
    for _ in range(1000):
        names = rng.sample(NAMES, rng.randrange(1, 5))
        parents = [parent(rng, name, hashes) for name in names]
        text = recipe_text(rng, [name.split("/")[-1] for name in names])
        yield "merge " + json.dumps([text] + parents), lambda answer, text=text, parents=parents: \
            as_metadata(answer) == expected_metadata(text, parents)


def as_metadata(answer):
    metadata = json.loads(answer)
    metadata["ckmerge.recipe"] = json.loads(metadata["ckmerge.recipe"])
    return metadata


def main():
    asked = list(questions(random.Random(1)))
    run = subprocess.run([sys.argv[1]], input="".join(line + "\n" for line, _ in asked), capture_output=True,
                         encoding="utf-8", check=True)
    answers = run.stdout.split("\n")[:-1]
    wrong = [(line, answer) for (line, check), answer in zip(asked, answers) if not check(answer)]
    for line, answer in wrong[:5]:
        print(f"asked:    {line[:2000]}\nanswered: {answer[:2000]}")
    print(f"{len(asked)} asked, {len(wrong)} wrong")
    return 1 if wrong or len(answers) != len(asked) else 0


if __name__ == "__main__":
    sys.exit(main())
