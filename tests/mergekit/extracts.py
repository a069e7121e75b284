# SPDX-License-Identifier: Apache-2.0
"""A folder in few bytes: what is recorded of mergekit's results, and taken once more of ckmerge's."""
import base64
import hashlib
import json
import random
import struct

import folders

SAMPLES = 6
NOT_TOLD = ("transformers_version", "_name_or_path", "architectures")


def numbers(dtype, raw):
    if dtype == "BF16":
        return struct.unpack(f"<{len(raw) // 2}f", b"".join(b"\0\0" + raw[at:at + 2] for at in range(0, len(raw), 2)))
    return struct.unpack(f"<{len(raw) // folders.SIZES[dtype]}{'f' if dtype == 'F32' else 'e'}", raw)


def sampled(name, dtype, raw):
    """Some elements, as F32: those that the name draws, the same in every result of that size."""
    values = numbers(dtype, raw)
    places = random.Random(name).choices(range(len(values)), k=SAMPLES)
    return base64.b64encode(struct.pack(f"<{SAMPLES}f", *(values[place] for place in places))).decode()


def without_signs_of_zero(dtype, raw):
    """-0 as 0: a product with 0 has the sign of the other factor there, and is left out here."""
    size, negative = folders.SIZES[dtype], b"\0" * (folders.SIZES[dtype] - 1) + b"\x80"
    if negative not in raw:
        return raw
    parts = (raw[at:at + size] for at in range(0, len(raw), size))
    return b"".join(b"\0" * size if part == negative else part for part in parts)


def of_tensor(name, dtype, shape, raw, with_samples):
    told = f"{dtype} {','.join(map(str, shape)) or '-'} {hashlib.sha256(without_signs_of_zero(dtype, raw)).hexdigest()[:12]}"
    return told + (" " + sampled(name, dtype, raw) if with_samples else "")


def config_changes(config, before):
    """Fields of config.json, those of nested objects by `outer.inner`, that are not the first model's."""
    def flat(value, prefix=""):
        out = {}
        for key, entry in value.items():
            out.update(flat(entry, prefix + key + ".") if isinstance(entry, dict) else {prefix + key: entry})
        return out

    now, then = flat(config), flat(before)
    return {key: now.get(key) for key in sorted({*now, *then}) if now.get(key) != then.get(key) and key.split(".")[0] not in NOT_TOLD}


def tokens(folder):
    """{token: number} of its tokenizer.json."""
    path = folder / "tokenizer.json"
    if not path.exists():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return told["model"]["vocab"] | {entry["content"]: entry["id"] for entry in told["added_tokens"]}


def rows(folder, known):
    """Of the tensors with a row per token, the rows by token, and the first of those behind them, of which no token is told."""
    out = {}
    for name, (dtype, shape, raw) in folders.read_folder(folder).items():
        if name.endswith(folders.ROWS):
            size = len(raw) // shape[0]
            lines = [raw[at:at + size] for at in range(0, len(raw), size)]
            out[name] = {"tokens": " ".join(hashlib.sha256(line).hexdigest()[:8] for line in lines[:len(known)]),
                         "behind": base64.b64encode(lines[len(known)]).decode() if len(lines) > len(known) else ""}
    return out


def of_folder(folder, first, with_samples):
    """The extract of a result whose first model is the folder `first`; elements where results may differ in roundings."""
    out = {"tensors": {name: of_tensor(name, *entry, with_samples) for name, entry in sorted(folders.read_folder(folder).items())},
           "files": sorted(path.name for path in folder.iterdir())}
    if (folder / "config.json").exists():
        config, before = (json.loads((place / "config.json").read_text(encoding="utf-8")) for place in (folder, first))
        out["config"] = config_changes(config, before)
    if tokens(folder) and tokens(folder) != tokens(first):
        out["tokens"] = sorted(tokens(folder), key=tokens(folder).get)
        # mergekit's union gives tokens their numbers in the order of a hash table, another in each run.
        out["rows"] = rows(folder, out["tokens"])
        for name in out["rows"]:
            out["tensors"][name] = " ".join(out["tensors"][name].split()[:2])
    return out
