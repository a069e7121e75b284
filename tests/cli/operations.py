#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: operations.py CKMERGE
convert, bake, compose, average and their options, against their rules written down here once more, over checkpoints made
here; and every way in which they can be asked for what cannot be."""
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
failures = []


def expect(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def call(*words):
    environment = dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache"))
    return subprocess.run([ckmerge, *words], capture_output=True, text=True, env=environment)


def refused(status, told, *words):
    done = call(*words)
    expect(done.returncode == status and told in done.stderr, f"{' '.join(words)}: {done.returncode} {done.stderr}")


def make(path, tensors, metadata=None):
    """{name: (dtype, shape, numbers)}"""
    make_inputs.write(path, metadata or {"format": "pt"}, [
        make_inputs.parse(f"{name} {dtype} {','.join(map(str, shape)) or '-'} {' '.join(map(repr, values))}")
        for name, (dtype, shape, values) in tensors.items()], True)


def read(path):
    """{name: (dtype, shape, bytes)}"""
    raw = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], raw[8 + length:][slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def metadata_of(path):
    raw = pathlib.Path(path).read_bytes()
    return json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])["__metadata__"]


def as_dtype(entry, dtype):
    """The tensor rounded to another dtype, as struct rounds."""
    code = {"F16": "e", "F32": "f", "F64": "d"}
    if dtype == entry[0]:
        return entry
    count = len(entry[2]) // struct.calcsize(code[entry[0]])
    values = struct.unpack(f"<{count}{code[entry[0]]}", entry[2])
    return dtype, entry[1], struct.pack(f"<{count}{code[dtype]}", *values)


def produces(expected, *words, output="out.safetensors"):
    """The command writes exactly these tensors, and `run` writes the same file again from what it records."""
    done = call(*words, "-f")
    expect(done.returncode == 0, f"{' '.join(words)}: {done.returncode} {done.stderr}")
    if done.returncode:
        return done
    found = read(output)
    for name in sorted(set(found) | set(expected)):
        expect(found.get(name) == expected.get(name), f"{' '.join(words)}: {name}")
    inputs = json.loads(metadata_of(output)["ckmerge.recipe"])["inputs"]
    paths = [word for word in words[1:] if word.endswith(".safetensors") and word != output]
    bound = [f"{chr(65 + k)}={next(path for path in paths if os.path.basename(path) == entry['name'])}"
             for k, entry in enumerate(inputs) if k < 26]
    if len(inputs) <= 26:
        again = call("run", output, *bound, "-o", "again.safetensors", "-f")
        same = again.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path(output).read_bytes()
        expect(same, f"{' '.join(words)}: again: {again.stderr}")
    return done


def some(seed, *shape):
    rng = random.Random(seed)
    return [rng.randrange(-1000, 1000) / 64 for _ in range(math.prod(shape))]


UNET, CLIP, VAE = "model.diffusion_model.", "cond_stage_model.transformer.text_model.", "first_stage_model."


def model(seed):
    return {UNET + "out.2.weight": ("F32", [2, 3], some(seed, 6)), UNET + "out.2.bias": ("F16", [3], some(seed + 1, 3)),
            CLIP + "final.weight": ("F32", [4], some(seed + 2, 4)), VAE + "decoder.weight": ("F32", [2, 2], some(seed + 3, 4)),
            VAE + "decoder.bias": ("F32", [2], some(seed + 4, 2)), "model_ema.diffusion_modelout2weight": ("F32", [2, 3], some(seed + 5, 6)),
            "model_ema.num_updates": ("I32", [], [7]), "loss.logvar": ("F32", [1], [0.5]), "betas": ("F64", [2], [0.5, 0.25]),
            "epoch": ("I64", [], [3]), CLIP + "embeddings.position_ids": ("I64", [1, 3], [0, 1, 2])}


# ---- convert

PARTS = {"unet": (UNET,), "te": ("cond_stage_model.", "conditioner.", "text_encoders."), "vae": (VAE, "vae.")}


def part_of(name):
    return next((part for part, prefixes in PARTS.items() if name.startswith(prefixes)), None)


def is_real(entry):
    return entry[0] in ("F16", "F32", "F64")


def converted(tensors, dtype=None, dtypes={}, half=False):
    def wanted(name, entry):
        if not is_real(entry):
            return entry[0]
        said = dtypes.get(part_of(name))
        if said:
            return entry[0] if said == "keep" else said
        return dtype or ("F16" if half and entry[0] == "F32" else entry[0])
    return {name: as_dtype(entry, wanted(name, entry)) for name, entry in tensors.items()}


def test_convert():
    make("m.safetensors", model(1))
    all_of = read("m.safetensors")
    convert = ["convert", "m.safetensors", "out.safetensors"]
    produces(all_of, *convert)
    produces(converted(all_of, "F16", {"vae": "F32", "te": "keep"}), *convert, "--dtype", "f16", "--dtype", "vae=f32", "--dtype", "te=keep")
    produces(converted(all_of, None, {"unet": "F16"}), *convert, "--dtype", "unet=float16")
    produces(converted(all_of, half=True), *convert, "--half")
    produces(converted(all_of, None, {"vae": "F64"}, half=True), *convert, "--half", "--dtype", "vae=f64")
    produces({name: entry for name, entry in all_of.items() if part_of(name) in ("unet", "te")}, *convert, "--part", "unet,te")
    produces({name: entry for name, entry in all_of.items() if not re.search("bias|loss", name)}, *convert, "--discard", "bias|loss")
    leftovers = {"model_ema.num_updates", "loss.logvar", "epoch"}
    produces({name: entry for name, entry in all_of.items() if name not in leftovers}, *convert, "--prune")
    produces({name: entry for name, entry in all_of.items() if not name.startswith("model_ema.")}, *convert, "--ema", "drop")
    used = {name: entry for name, entry in all_of.items() if not name.startswith("model_ema.")}
    used[UNET + "out.2.weight"] = all_of["model_ema.diffusion_modelout2weight"]
    done = produces(used, *convert, "--ema", "use")
    expect("no average of them is there\n    " + UNET + "out.2.bias" in done.stdout, f"what has no average: {done.stdout}")
    only = {UNET + "out.2.weight": as_dtype(used[UNET + "out.2.weight"], "F16"), UNET + "out.2.bias": used[UNET + "out.2.bias"]}
    produces(only, *convert, "--ema", "use", "--part", "unet", "--half")
    recorded = json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])
    expect((recorded["half"], recorded["ema"], recorded["parts"]) == (True, "use", ["unet"]), f"recorded: {recorded}")
    expect(json.loads(metadata_of("out.safetensors")["sd_merge_recipe"])["save_as_half"] is True, "save_as_half")

    refused(2, "there is no part 'lora'", *convert, "--part", "lora", "-f")
    refused(2, "given twice for vae", *convert, "--dtype", "vae=f16", "--dtype", "vae=f32", "-f")
    refused(2, "--dtype is given twice", *convert, "--dtype", "f16", "--dtype", "f32", "-f")
    refused(2, "give one", *convert, "--dtype", "f16", "--half", "-f")
    refused(2, "'sometimes' is not one of", *convert, "--ema", "sometimes", "-f")
    refused(2, "no checkpoint is given", "convert")
    refused(2, "one checkpoint and one output", "convert", "m.safetensors", "a", "b")
    refused(2, "no output", "convert", "m.safetensors")
    make("bare.safetensors", {UNET + "a": ("F32", [1], [1])})
    refused(4, "holds no average", "convert", "bare.safetensors", "x.safetensors", "--ema", "use")
    refused(2, "no tensor of the part vae", "convert", "bare.safetensors", "x.safetensors", "--part", "vae")
    make("misfit.safetensors", {"model.a": ("F32", [1], [1]), "model_ema.a": ("F32", [2], [1, 2])})
    refused(4, "1 tensor cannot be merged", "convert", "misfit.safetensors", "x.safetensors", "--ema", "use")


# ---- bake

def test_bake():
    make("a.safetensors", model(1))
    make("b.safetensors", model(2))
    vae = {"decoder.weight": ("F16", [2, 2], some(9, 4)), "loss.x": ("F32", [1], [1]), "decoder.new": ("F32", [1], [1]),
           "model_ema.decay": ("F32", [], [1])}
    make("vae.safetensors", vae, {"vae_title": "not the model's"})
    a, baked = read("a.safetensors"), read("vae.safetensors")
    expected = dict(a) | {VAE + "decoder.weight": baked["decoder.weight"]}
    done = produces(expected, "bake", "a.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
    expect("1  left over" in done.stdout and "decoder.new" in done.stdout, f"left over: {done.stdout}")
    expect("2 tensors are left out" in done.stdout, f"left out: {done.stdout}")
    fields = metadata_of("out.safetensors")
    expect("vae_title" not in fields, "the VAE's metadata is copied")
    expect(json.loads(fields["sd_merge_recipe"])["bake_in_vae"] == "vae.safetensors", "bake_in_vae")
    halved = converted(expected, half=True)
    produces(halved, "bake", "a.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors", "--half")

    # A whole checkpoint as the VAE's file; and a merge that bakes.
    merged = call("merge", "a.safetensors", "b.safetensors", "--alpha", "0.25", "-o", "merged.safetensors", "-f")
    expect(merged.returncode == 0, merged.stderr)
    make("c.safetensors", model(3))
    expected = read("merged.safetensors") | {name: entry for name, entry in read("c.safetensors").items() if name.startswith(VAE)}
    produces(expected, "merge", "a.safetensors", "b.safetensors", "--alpha", "0.25", "--vae", "c.safetensors", "-o", "out.safetensors")
    call("merge", "a.safetensors", "b.safetensors", "--vae", "c.safetensors", "--hash", "-o", "out.safetensors", "-f")
    expect(len(json.loads(metadata_of("out.safetensors")["sd_merge_models"])) == 2, "sd_merge_models counts the VAE")
    os.mkdir("named")
    call("merge", "a.safetensors", "b.safetensors", "--vae", "c.safetensors", "-o", "named/")
    expect(os.listdir("named") == ["0.5(a) + 0.5(b).safetensors"], f"name: {os.listdir('named')}")

    # Flux keeps its VAE under another name.
    make("flux.safetensors", {"vae.decoder.weight": ("F32", [2, 2], some(4, 4)), UNET + "x": ("F32", [1], [1])})
    expected = read("flux.safetensors") | {"vae.decoder.weight": baked["decoder.weight"]}
    produces(expected, "bake", "flux.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")

    refused(2, "no VAE is given", "bake", "a.safetensors", "-o", "x.safetensors")
    refused(2, "takes one checkpoint", "bake", "a.safetensors", "b.safetensors", "--vae", "vae.safetensors", "-o", "x.safetensors")
    make("large.safetensors", {"decoder.weight": ("F32", [4, 2], some(9, 8))})
    refused(4, "[2, 2] in a.safetensors, [4, 2] in large.safetensors", "bake", "a.safetensors", "--vae", "large.safetensors", "-o", "x.safetensors")
    make("other.safetensors", {"encoder.x": ("F32", [1], [1])})
    refused(4, "no tensor of this VAE", "bake", "a.safetensors", "--vae", "other.safetensors", "-o", "x.safetensors")
    make("diffusers.safetensors", {"decoder.up_blocks.0.x": ("F32", [1], [1])})
    refused(4, "diffusers' naming", "bake", "a.safetensors", "--vae", "diffusers.safetensors", "-o", "x.safetensors")


# ---- compose

def floats(*shape):
    return "F32", list(shape), some(sum(shape), *shape)


def clip(width, **more):
    return {"text_model.embeddings.token_embedding.weight": floats(2, width),
            "text_model.encoder.layers.0.layer_norm1.weight": floats(2), **more}


def open_clip(width):
    return {"token_embedding.weight": floats(2, width), "transformer.resblocks.0.ln_1.weight": floats(2),
            "text_projection": floats(1, 2), "logit_scale": floats()}


def unet(width):
    return {"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": floats(1, width), "out.2.bias": floats(4)}


T5 = {"encoder.block.0.layer.0.SelfAttention.q.weight": floats(2, 2), "shared.weight": floats(2, 3)}
FLUX = {"double_blocks.0.img_attn.proj.weight": floats(2, 2)}
SD3 = {"joint_blocks.0.context_block.attn.qkv.weight": floats(2, 2)}
AUTOENCODER = {"decoder.conv_in.weight": floats(2, 2), "quant_conv.bias": floats(1), "loss.x": floats(1)}
PROJECTED = {"text_projection.weight": floats(1, 2), "logit_scale": floats()}


def prefixed(prefix, tensors, without=()):
    return {prefix + name: tensors[name] for name in tensors if name not in without}


def test_compose():
    files = {"sd1": unet(768), "sd2": unet(1024), "sdxl": unet(2048), "flux": FLUX, "sd3": SD3, "vae": AUTOENCODER, "t5": T5,
             "clip_l": clip(768, **PROJECTED), "clip_g": clip(1280, **PROJECTED), "clip_g_open": open_clip(1280), "clip_h_open": open_clip(1024),
             "clip_h": clip(1024)}
    for name, tensors in files.items():
        make(f"{name}.safetensors", tensors)
    dropped = ("text_projection.weight", "logit_scale")

    def is_composed(layout, encoders, expected):
        words = ["compose", "--unet", f"{layout}.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors"]
        for option, encoder in zip(("--te", "--te2", "--te3"), encoders):
            words += [option, f"{encoder}.safetensors"]
        vae_prefix = "vae." if layout == "flux" else VAE
        everything = prefixed(UNET, files[layout]) | prefixed(vae_prefix, AUTOENCODER, ("loss.x",)) | expected
        make("expected.safetensors", everything)
        produces(read("expected.safetensors"), *words)

    def transformer(prefix, name):  # SD3's and Flux's encoders keep their scale outside
        tensors = prefixed(prefix + "transformer.", files[name], ("logit_scale",))
        return tensors | ({prefix + "logit_scale": PROJECTED["logit_scale"]} if "logit_scale" in files[name] else {})

    sd1_clip = prefixed("cond_stage_model.transformer.", files["clip_l"], dropped)
    is_composed("sd1", ["clip_l"], sd1_clip)
    is_composed("sd2", ["clip_h_open"], prefixed("cond_stage_model.model.", files["clip_h_open"]))
    is_composed("sdxl", ["clip_g_open", "clip_l"], prefixed("conditioner.embedders.0.transformer.", files["clip_l"], dropped) |
                prefixed("conditioner.embedders.1.model.", files["clip_g_open"]))
    is_composed("flux", ["clip_l", "t5"], transformer("text_encoders.clip_l.", "clip_l") | transformer("text_encoders.t5xxl.", "t5"))
    is_composed("sd3", ["t5", "clip_g", "clip_l"], transformer("text_encoders.clip_l.", "clip_l") |
                transformer("text_encoders.clip_g.", "clip_g") | transformer("text_encoders.t5xxl.", "t5"))

    # Names that are right already are left alone, whole checkpoints give the part that they are given for.
    whole = prefixed(UNET, unet(768)) | sd1_clip | prefixed(VAE, AUTOENCODER, ("loss.x",)) | {"betas": floats(1)}
    make("whole.safetensors", whole)
    make("expected.safetensors", {name: whole[name] for name in whole if part_of(name)})
    everything = read("expected.safetensors")
    produces(everything, "compose", "--unet", "whole.safetensors", "--te", "whole.safetensors", "--vae", "whole.safetensors", "-o", "out.safetensors")
    make("bare.safetensors", prefixed("diffusion_model.", unet(768)))
    produces(everything, "compose", "--unet", "bare.safetensors", "--te", "clip_l.safetensors", "--vae", "vae.safetensors", "-o", "out.safetensors")
    produces({name: everything[name] for name in everything if part_of(name) == "vae"}, "compose", "--vae", "vae.safetensors", "--layout", "sd1",
             "-o", "out.safetensors")

    out = ["-o", "x.safetensors"]
    refused(2, "by name", "compose", "sd1.safetensors", *out)
    refused(2, "no file is given", "compose", *out)
    refused(2, "--layout must be given", "compose", "--vae", "vae.safetensors", *out)
    refused(2, "is not one of", "compose", "--vae", "vae.safetensors", "--layout", "sd9", *out)
    refused(4, "2 tensors cannot be merged", "compose", "--unet", "sd1.safetensors", "--te", "clip_l.safetensors", "--te2", "clip_l.safetensors", *out)
    refused(4, "is no text encoder", "compose", "--unet", "sd1.safetensors", "--te", "vae.safetensors", *out)
    make("only_te.safetensors", sd1_clip)
    refused(4, "has no tensor of a unet", "compose", "--unet", "only_te.safetensors", "--layout", "sd1", *out)
    refused(4, "which sd1 does not have", "compose", "--unet", "sd1.safetensors", "--te", "t5.safetensors", *out)
    refused(4, "open_clip's", "compose", "--unet", "sdxl.safetensors", "--te", "clip_g.safetensors", *out)
    refused(4, "open_clip's", "compose", "--unet", "sd2.safetensors", "--te", "clip_h.safetensors", *out)
    refused(4, "no unet of SD 1", "compose", "--unet", "vae.safetensors", *out)
    make("diffusers.safetensors", {"down_blocks.0.resnets.0.conv1.weight": floats(1)})
    refused(4, "diffusers' naming", "compose", "--unet", "diffusers.safetensors", *out)


# ---- average

def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def log_of(x):
    m, exponent = math.frexp(x)
    if m < 0.70710678118654752:
        m, exponent = m * 2, exponent - 1
    s = (m - 1) / (m + 1)
    total = 0.0
    for k in range(23, 0, -2):
        total = total * (s * s) + 1.0 / k
    return exponent * math.log(2) + 2 * s * total


def exp_of(y):
    n = round(y / math.log(2))
    r = y - n * math.log(2)
    total = 1.0
    for k in range(16, 0, -1):
        total = 1 + total * r / k
    return math.ldexp(total, n)


def power_weights(n, gamma):
    until = [exp_of((gamma + 1) * log_of((k + 1) / n)) for k in range(n)]
    for k, value in enumerate(until):
        expect(math.isclose(value, ((k + 1) / n) ** (gamma + 1), rel_tol=1e-12), f"power {k} {n} {gamma}")
    return [value - before for value, before in zip(until, [0.0] + until)]


def ema_weights(n, beta):
    weights, kept = [], 1.0
    for _ in range(n - 1):
        weights.insert(0, (1 - beta) * kept)
        kept *= beta
    return [kept] + weights


def averaged(files, weights):
    """In f32, term by term, rounded after every operation; then to the first file's dtype."""
    inputs = [read(file) for file in files]
    out = {}
    for name, (dtype, shape, data) in inputs[0].items():
        if dtype == "I64":
            out[name] = dtype, shape, data
            continue
        code = {"F16": "e", "F32": "f"}[dtype]
        columns = [struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", tensors[name][2]) for tensors in inputs]
        values = []
        for row in zip(*columns):
            total = None
            for weight, value in zip(map(f32, weights), row):
                if weight == 0:
                    continue
                term = f32(weight * value)
                total = term if total is None else f32(total + term)
            values.append(total)
        out[name] = dtype, shape, struct.pack(f"<{len(values)}{code}", *values)
    return out


def test_average():
    for count in (1, 2, 5, 9, 40):
        files = [f"s{k}.safetensors" for k in range(count)]
        for k, file in enumerate(files):
            make(file, {"w": ("F32", [7, 3], some(k, 21)), "h": ("F16", [5], some(k + 100, 5)), "n": ("I64", [1], [k])})
        average = ["average", *files, "-o", "out.safetensors"]
        produces(averaged(files, [1.0 / count] * count), *average)
        produces(averaged(files, ema_weights(count, 0.75)), *average, "--beta", "0.75")
        produces(averaged(files, power_weights(count, 6.94)), *average, "--gamma", "6.94")
        produces(averaged(files, ema_weights(count, 0)), *average, "--beta", "0")
    many = [f"s{k % 40}.safetensors" for k in range(200)]
    done = call("average", *many, "-o", "out.safetensors", "-f")
    expect(done.returncode == 0, f"200 inputs: {done.stderr}")
    expect(read("out.safetensors") == averaged(many, [1 / 200] * 200), "200 inputs")
    refused(2, "below 1", "average", "s0.safetensors", "s1.safetensors", "--beta", "1", "-o", "x.safetensors")
    refused(2, "between 0 and 1000", "average", "s0.safetensors", "--gamma", "-1", "-o", "x.safetensors")
    refused(2, "give one", "average", "s0.safetensors", "--gamma", "1", "--beta", "0", "-o", "x.safetensors")
    refused(2, "no checkpoint is given", "average", "-o", "x.safetensors")


# ---- --config

def test_config():
    for name in "abcd":
        make(f"{name}.safetensors", model(ord(name)))
    pathlib.Path("b.yaml").write_text("model: b\n")
    pathlib.Path("c.yaml").write_text("model: c\n")
    pathlib.Path("v1-inference.yaml").write_text("default\n")
    pathlib.Path("v1-inference.safetensors").write_bytes(pathlib.Path("a.safetensors").read_bytes())

    def copied(choice, *inputs):
        for path in ("o.yaml", "o.safetensors"):
            pathlib.Path(path).unlink(missing_ok=True)
        done = call("merge", *(f"{name}.safetensors" for name in inputs), "-m", "linear", "-o", "o.safetensors", "--config", choice)
        expect(done.returncode == 0, f"--config {choice}: {done.stderr}")
        return pathlib.Path("o.yaml").read_text() if os.path.exists("o.yaml") else None

    for choice, inputs, expected in (("auto", "abc", "model: b\n"), ("auto", "acb", "model: c\n"), ("auto", "a", None), ("none", "abc", None),
                                     ("B", "abc", "model: b\n"), ("C", "abc", "model: c\n"), ("A", "cab", "model: c\n"),
                                     ("auto", ["a", "a", "a", "b"], None), ("auto", ["v1-inference", "c"], "model: c\n")):
        found = copied(choice, *inputs)
        expect(found == expected, f"--config {choice} of {inputs}: {found}")
    copied("none", "a")
    expect(not os.path.exists("o.yaml"), "o.yaml unasked")
    refused(2, "there is no a.yaml", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "A")
    refused(2, "there is no checkpoint C", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "C")
    refused(2, "is not one of", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "D")
    pathlib.Path("x.yaml").write_text("mine\n")
    refused(2, "x.yaml: exists", "merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "B")
    expect(pathlib.Path("x.yaml").read_text() == "mine\n" and not os.path.exists("x.safetensors"), "x was touched")
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "x.safetensors", "--config", "B", "-f")
    expect(done.returncode == 0 and pathlib.Path("x.yaml").read_text() == "model: b\n", f"-f: {done.stderr}")


for test in (test_convert, test_bake, test_compose, test_average, test_config):
    with tempfile.TemporaryDirectory(prefix="ckmerge-operations-") as folder:
        os.chdir(folder)
        test()
        os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
