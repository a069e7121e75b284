#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: presets.py CKMERGE
--like a1111 and --like artventure against these tools' rules, written down here once more from their description: loops
over names and floats that share no code with ckmerge. Results are compared byte by byte, every dtype and edge."""
import itertools
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
faults, compared = [], 0
SKIPPED = "cond_stage_model.transformer.text_model.embeddings.position_ids"
UNET = "model.diffusion_model."


# ---- numbers: a double holds every sum and product of two f32 well enough that one struct rounding gives the f32

def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def to_values(dtype, data):
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(0, len(data), 2)]
    code = {"F32": "f", "F16": "e"}[dtype]
    return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))


def to_bytes(dtype, values):
    if dtype == "BF16":
        out = b""
        for value in values:
            bits = struct.unpack("<I", struct.pack("<f", value))[0]
            out += struct.pack("<H", bits + 0x7fff + (bits >> 16 & 1) >> 16)
        return out
    return b"".join(struct.pack("<" + {"F32": "f", "F16": "e"}[dtype], value) for value in values)


def term(weight, values):
    weight = f32(weight)
    return values if weight == 1 else [f32(weight * value) for value in values]


def plus(x, y):
    return [f32(a + b) for a, b in zip(x, y)]


# ---- checkpoints: name -> (dtype, shape, bytes)

def read(path):
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (e["dtype"], e["shape"], raw[8 + length + e["data_offsets"][0]:8 + length + e["data_offsets"][1]])
            for name, e in header.items()}


def save(path, tensors):
    make_inputs.write(path, {"format": "pt"}, [(name, *entry) for name, entry in tensors.items()], True)


def tensor(dtype, shape, seed):
    count = 1
    for n in shape:
        count *= n
    draw = random.Random(seed)
    return dtype, shape, to_bytes(dtype, [f32(draw.gauss(0, 0.05)) for _ in range(count)])


def channels(entry):
    """The values as rows of channels."""
    dtype, shape, data = entry
    values, plane = to_values(dtype, data), 1
    for n in shape[2:]:
        plane *= n
    size = shape[1] * plane
    return [values[i:i + size] for i in range(0, len(values), size)], 4 * plane


# ---- the two tools

def a1111(formula, a, *others):
    """run_modelmerger: A's names; those with "model" in them that all have are merged, save one."""
    out = {}
    for name, entry in a.items():
        dtype, shape, data = entry
        if "model" not in name or name == SKIPPED or any(name not in other for other in others) or dtype == "I64":
            out[name] = entry
            continue
        if all(other[name][1] == shape for other in others):
            values = formula(to_values(dtype, data), *(to_values(o[name][0], o[name][2]) for o in others))
        else:  # [:, 0:4] is merged, the rest stays
            rows, head = channels(entry)
            values = []
            for row, *narrow in zip(rows, *(channels(o[name])[0] for o in others)):
                values += formula(row[:head], *narrow) + row[head:]
        out[name] = (dtype, shape, to_bytes(dtype, values))
    return out


def artventure(w1, w2, a, b):
    """AVCheckpointMerge, the version with two weights: only the diffusion model; what B lacks is zero."""
    out = {}
    for name, entry in a.items():
        dtype, shape, data = entry
        if not name.startswith(UNET):
            out[name] = entry
        elif name not in b:
            out[name] = (dtype, shape, bytes(len(data)))
        elif b[name][1] == shape:
            values = plus(term(w1, to_values(dtype, data)), term(w2, to_values(b[name][0], b[name][2])))
            out[name] = (dtype, shape, to_bytes(dtype, values))
        else:  # B is padded with zero channels
            rows, head = channels(entry)
            values = []
            for row, narrow in zip(rows, channels(b[name])[0]):
                scaled = term(w1, row)
                values += plus(scaled[:head], term(w2, narrow)) + scaled[head:]
            out[name] = (dtype, shape, to_bytes(dtype, values))
    return out


# ---- what they are tried on

def checkpoint(seed, width, dtype, lacks=(), adds=()):
    names = {UNET + "input_blocks.0.0.weight": (dtype, [6, width, 3, 3]), UNET + "out.2.bias": (dtype, [4]),
             UNET + "time_embed.0.weight": (dtype, [5, 7]), "model_ema.decay": ("F32", []),
             "first_stage_model.decoder.conv_in.bias": (dtype, [9]), SKIPPED: ("F32", [1, 77]),
             "cond_stage_model.transformer.text_model.final_layer_norm.weight": ("F32", [8]),
             "alphas_cumprod": ("F32", [10]), "betas": (dtype, [3]), "model.only_in_some": (dtype, [2])}
    made = {name: tensor(kind, shape, f"{seed}{name}") for name, (kind, shape) in names.items() if name not in lacks}
    made["model.num_updates"] = ("I64", [], struct.pack("<q", seed))
    for name in adds:
        made[name] = tensor(dtype, [3], f"{seed}{name}")
    return made


def run(folder, inputs, *options):
    paths = []
    for letter, tensors in zip("ABC", inputs):
        save(folder / f"{letter}.safetensors", tensors)
        paths.append(f"{letter}.safetensors")
    return subprocess.run([ckmerge, "merge", *paths, "-f", "-o", "out.safetensors", "--no-fsync", *options], cwd=folder,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)


def expect(good, sentence):
    global compared
    compared += 1
    if not good:
        faults.append(sentence)


def compare(folder, what, inputs, options, expected):
    done = run(folder, inputs, *options)
    expect(done.returncode == 0, f"{what}: exit {done.returncode}: {done.stderr}")
    if done.returncode:
        return done
    found = read(folder / "out.safetensors")
    expect(set(found) == set(expected), f"{what}: names {set(found) ^ set(expected)}")
    for name in set(found) & set(expected):
        expect(found[name] == expected[name], f"{what}: {name} differs")
    return done


def check_a1111(folder):
    for dtype, other in itertools.product(("F32", "F16", "BF16"), repeat=2):
        for width in (4, 8, 9):
            a = checkpoint(1, width, dtype, adds=["model.only_in_a", "only_in_a"])
            b = checkpoint(2, 4, other, lacks=["betas", "model.only_in_some"], adds=["model.only_in_b"])
            c = checkpoint(3, 4, other, lacks=[UNET + "out.2.bias"])
            for alpha in (None, 0.3, 0, 1, 0.55):
                given = [] if alpha is None else ["--alpha", str(alpha)]
                m = 0.3 if alpha is None else alpha

                def weighted(x, y):
                    if m in (0, 1):
                        return y if m else x
                    return plus(term(1 - m, x), term(m, y))

                def difference(x, y, z):
                    if m == 0:
                        return x
                    return plus(x, term(m, [f32(p - q) for p, q in zip(y, z)]))

                what = f"a1111 {dtype} {other} {width} channels, M {m}"
                compare(folder, what, [a, b], ["--like", "a1111", *given], a1111(weighted, a, b))
                compare(folder, what + ", difference", [a, b, c],
                        ["--like", "a1111", "-m", "add_difference", *given], a1111(difference, a, b, c))


def check_artventure(folder):
    for dtype, width in itertools.product(("F32", "F16", "BF16"), (4, 8, 9)):
        a = checkpoint(1, width, dtype, adds=[UNET + "only_in_a"])
        b = checkpoint(2, 4, "F16", lacks=[UNET + "time_embed.0.weight"], adds=[UNET + "only_in_b"])
        for weights in (None, (0.7, 0.3), (1, 0.5), (-1, 1), (0.5, -0.25)):
            given = [] if weights is None else ["--weights", f"{weights[0]},{weights[1]}"]
            compare(folder, f"artventure {dtype} {width} channels, {weights}", [a, b], ["--like", "artventure", *given],
                    artventure(*(weights or (1, 1)), a, b))
    done = compare(folder, "artventure beyond its range", [a, b], ["--like", "artventure", "--weights", "1.5,-2"],
                   artventure(1.5, -2, a, b))
    expect("weight 1.5 is outside" in done.stdout and "weight -2 is outside" in done.stdout, "no warning of the weights")


def check_refusals(folder):
    """A narrow A is an error in both tools, and so are B and C of different widths."""
    narrow, wide, pix = checkpoint(1, 4, "F32"), checkpoint(2, 9, "F32"), checkpoint(2, 8, "F32")
    for like in ("a1111", "artventure"):
        for b in (wide, pix):
            done = run(folder, [narrow, b], "--like", like)
            expect(done.returncode == 4 and "swap" in done.stderr, f"{like}: a narrow A gives {done.returncode}")
    done = run(folder, [wide, checkpoint(3, 9, "F32"), narrow], "--like", "a1111", "-m", "add_difference")
    expect(done.returncode == 4 and "B.safetensors" in done.stderr and "C.safetensors" in done.stderr,
           f"B and C of different widths: {done.returncode} {done.stderr}")
    (folder / "out.safetensors").unlink(missing_ok=True)
    plan = subprocess.run([ckmerge, "plan", "B.safetensors", "A.safetensors", "--like", "artventure"], cwd=folder,
                          capture_output=True, text=True)
    # What is given wins, under any of its names.
    for given in (["--param", "t=0.7"], ["--param", "alpha=0.7"], ["--alpha", "0.7"]):
        done = subprocess.run([ckmerge, "plan", "B.safetensors", "A.safetensors", "--like", "a1111", "-m", "slerp", *given],
                              cwd=folder, capture_output=True, text=True)
        expect("t 0.7" in done.stdout and "--alpha" not in done.stdout, f"a1111 with slerp {given}: {done.stdout}{done.stderr}")
    line = next((line for line in plan.stdout.splitlines() if line.startswith("  --like stands for ")), "")
    for words in ("--method linear", "--weights 1,1", "--no-normalize", r"--only '^model\.diffusion_model\.'",
                  "--missing zero", "--extra drop", "--expand zero"):
        expect(words in line, f"plan does not show {words}: {line}")


with tempfile.TemporaryDirectory(prefix="ckmerge-sets-") as name:
    folder = pathlib.Path(name)
    check_a1111(folder)
    check_artventure(folder)
    check_refusals(folder)
for fault in faults[:40]:
    print("FAILED:", fault)
print(f"{compared} comparisons, {len(faults)} faults")
sys.exit(1 if faults or not compared else 0)
