#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: judged.py CKMERGE
Files of codes are refused by name, whole and in every place; files of numbers that look like them are merged; what
--copy-codes copies; what has no arithmetic."""
import json
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from checks import call, expect, metadata_of, refused, run_in_folders, safetensors
from judged_files import below, write
from quantized_forms import METADATA, PLAIN, QUANTIZED, forms

LAYER = "model.layers.0.mlp.up_proj."
NORM = {"model.norm.weight": ("BF16", [64])}


# ---- codes

def test_every_form_is_refused_by_name():
    write("plain.safetensors", {LAYER + "weight": ("BF16", [64, 64]), **NORM})
    for name, called, layer in forms(QUANTIZED):
        write("q.safetensors", {**NORM, **below(LAYER, layer)}, metadata=METADATA.get(name))
        done = call("merge", "q.safetensors", "plain.safetensors", "-o", "out.safetensors")
        expect(done.returncode == 4 and "q.safetensors: is quantized, " in done.stderr, f"{name}: {done}")
        expect(called in done.stderr.split(" (")[0] + done.stderr.split(" (")[1], f"{name}: not named {called}: {done.stderr}")
        expect("--exclude" not in done.stderr and "original" in done.stderr, f"{name}: {done.stderr}")
        os.rename("q.safetensors", name + ".safetensors")
    expect(not os.path.exists("out.safetensors"), "nothing is written")
    names = [name + ".safetensors" for name, *_ in forms(QUANTIZED)]
    expect(len(names) == 89 and call("inspect", *names).stdout.count("  quantized: ") == 89, "inspect says so of each")


def test_plain_files_are_merged():
    for name, _, layer in forms(PLAIN):
        write("a.safetensors", {**layer, **below(LAYER, layer)})
        write("b.safetensors", {**layer, **below(LAYER, layer)}, fill=0x39)
        done = call("merge", "a.safetensors", "b.safetensors", "-o", name + ".safetensors")
        # that buffers differ is said of every file
        told = [line for line in done.stdout.splitlines() if line.startswith("warning") and
                "differs between" not in line and "is not 0, 1, 2" not in line]
        expect(done.returncode == 0 and not told, f"plain {name}: {done}")
    names = [name + ".safetensors" for name, *_ in forms(PLAIN)]
    expect(len(names) == 21 and "quantized" not in call("inspect", *names).stdout, "inspect finds no codes")


def gptq(prefix, zeros=None):
    return below(prefix, {"qweight": ("I32", [8, 128]), "qzeros": ("I32", [2, 16]), "scales": ("F16", [2, 128]), "g_idx": ("I32", [64])})


def test_refused_whole_in_every_place():
    write("q.safetensors", {**gptq(LAYER), **NORM})
    write("p.safetensors", {**NORM})
    write("vae.safetensors", below("decoder.", gptq("x.")))
    write("model.safetensors", {"first_stage_model.decoder.x.weight": ("F16", [2]), "model.diffusion_model.out.2.bias": ("F32", [4])})
    for words in (("merge", "q.safetensors", "q.safetensors", "--only", "norm"),
                  ("merge", "p.safetensors", "p.safetensors", "q.safetensors", "-m", "add_difference"),
                  ("average", "p.safetensors", "q.safetensors"),
                  ("convert", "q.safetensors", "--half"), ("convert", "q.safetensors", "--dtype", "f16"),
                  ("bake", "model.safetensors", "--vae", "vae.safetensors"),
                  ("compose", "--unet", "q.safetensors", "--vae", "vae.safetensors", "--layout", "sd1", "--half"),
                  ("merge", "q.safetensors", "p.safetensors", "--exclude", "scales")):
        done = call(*words, "-o", "out.safetensors")
        expect(done.returncode == 4 and "is quantized, GPTQ (" in done.stderr, f"{words}: {done}")
    expect(not os.path.exists("out.safetensors"), "nothing is written")
    done = call("merge", "q.safetensors", "q.safetensors", "-o", "out.safetensors", "--json")
    error = json.loads(done.stdout)["error"]
    expect(error["exit"] == 4 and len(error["details"]) == 2, f"{error}")
    for words in (("convert", "q.safetensors", "copy.safetensors"), ("merge", "q.safetensors", "-m", "copy", "-o", "copy.safetensors", "-f")):
        expect(call(*words).returncode == 0 and safetensors("copy.safetensors")[1] == safetensors("q.safetensors")[1], f"{words}: copied whole")


def test_copy_codes():
    shared = {"model.embed.weight": ("F32", [2], struct.pack("<2f", 1, 2)), "model.layers.1.weight": ("F32", [2], struct.pack("<2f", 1, 2))}
    other = {"model.embed.weight": ("F32", [2], struct.pack("<2f", 3, 4)), "model.layers.1.weight": ("F32", [2], struct.pack("<2f", 3, 4))}
    nf4 = {"weight": ("U8", [64, 1]), "weight.absmax": ("F32", [2]), "weight.quant_map": ("F32", [16]), "bias": ("F32", [4])}
    a = {**gptq("model.layers.0.q."), **below("model.layers.0.k.", {**nf4, "weight.quant_state.bitsandbytes__nf4": ("U8", [79])}), **shared}
    b = {**gptq("model.layers.0.q."), **below("model.layers.0.k.", {**nf4, "weight.quant_state.bitsandbytes__nf4": ("U8", [80])}), **other}
    write("a.safetensors", a)
    write("b.safetensors", b, fill=0x39)
    done = call("merge", "a.safetensors", "b.safetensors", "--alpha", "0.5", "--copy-codes", "--dtype", "f16", "-o", "out.safetensors")
    expect(done.returncode == 0 and "9  copied, codes and what lies beside them (--copy-codes)" in done.stdout, f"{done}")
    was, now = safetensors("a.safetensors")[1], safetensors("out.safetensors")[1]
    for name in was:
        if ".layers.0." in name:
            expect(now[name] == was[name], f"{name} is A's")
    expect(now["model.embed.weight"] == ("F16", [2], struct.pack("<2e", 2, 3)), "what is no code is merged")
    expect(json.loads(metadata_of("out.safetensors")["ckmerge.recipe"])["copy_codes"] is True, "recorded")
    done = call("run", "out.safetensors", "A=a.safetensors", "B=b.safetensors", "-o", "again.safetensors")
    expect(done.returncode == 0 and pathlib.Path("again.safetensors").read_bytes() == pathlib.Path("out.safetensors").read_bytes(), f"{done}")
    told = json.loads(call("plan", "a.safetensors", "b.safetensors", "--copy-codes", "--json").stdout)
    expect(told["copy_codes"] is True and told["counts"]["copy_codes"] == 9, f"{told['counts']}")
    write("plain.safetensors", shared)
    done = call("plan", "plain.safetensors", "plain.safetensors", "--copy-codes")
    expect("--copy-codes changes nothing: no input is quantized" in done.stdout, f"{done}")
    done = call("plan", "plain.safetensors", "a.safetensors", "--copy-codes", "--json")
    expect(json.loads(done.stdout)["counts"]["copy_codes"] == 0, f"names that A lacks are dropped: {done}")


# ---- copied codes, and what describes them

def scaled(prefix):
    return below(prefix, {"weight": ("F8_E4M3", [40, 40]), "scale_weight": ("F32", []), "bias": ("F16", [40])})


def test_renamed_codes():
    unet = scaled("model.diffusion_model.b.0.")
    write("a.safetensors", {**unet, "scaled_fp8": ("F8_E4M3", [2])})
    write("b.safetensors", {**unet, "scaled_fp8": ("F8_E4M3", [2])}, fill=0x39)
    for words in (("--rename", "scale_weight=foo"), ("--strip-prefix", "model."), ("--add-prefix", "x.")):
        refused(2, "is quantized, and with --copy-codes its layers are known by the names", "merge", "a.safetensors", "b.safetensors", *words,
                "--copy-codes", "-o", "out.safetensors")
    expect(call("convert", "a.safetensors", "renamed.safetensors", "--strip-prefix", "model.").returncode == 0, "convert renames")
    write("hidden.safetensors", {"w.weight": ("F16", [2])}, metadata={"_quantization_metadata": "{}"})
    refused(4, "no tensor's name tells which are its codes", "merge", *["hidden.safetensors"] * 2, "--copy-codes", "-o", "out.safetensors")
    done = call("merge", "a.safetensors", "b.safetensors", "--copy-codes", "-o", "out.safetensors")
    expect(done.returncode == 0 and "1 tensor of codes differs between the inputs" in done.stdout and "b.0.weight" in done.stdout, f"{done}")
    done = call("merge", "a.safetensors", "a.safetensors", "--copy-codes", "-o", "out.safetensors", "-f", "--json")
    expect(json.loads(done.stdout)["differing"] == [] and "of codes differ" not in done.stdout, f"equal codes: {done}")


def test_codes_of_another():
    write("q.safetensors", {**scaled("model.diffusion_model.b.0."), "scaled_fp8": ("F8_E4M3", [2])}, metadata={"_quantization_metadata": "{}"})
    write("p.safetensors", {"model.diffusion_model.b.0.weight": ("F16", [40, 40])})
    refused(4, "scaled_fp8: is in a quantized layer of q.safetensors, but not in p.safetensors", "merge", "p.safetensors", "q.safetensors",
            "--copy-codes", "--extra", "add", "-o", "out.safetensors")
    for policy in ("keep", "last"):
        done = call("merge", "p.safetensors", "q.safetensors", "--copy-codes", "--metadata", policy, "-o", "out.safetensors", "-f")
        expect(done.returncode == 0 and "_quantization_metadata" not in metadata_of("out.safetensors"), f"{policy}: {done}")
    expect(call("merge", *["out.safetensors"] * 2, "-o", "again.safetensors").returncode == 0, "its own result is no file of codes")


def test_descriptions_of_codes():
    torchao = {"l._weight_qdata": ("I8", [64, 32]), "l._weight_scale": ("BF16", [64, 1])}
    for tensors, key, others in ((scaled("l."), "_quantization_metadata", {}), (torchao, "l.weight", {"tensor_names": '["l.weight"]'})):
        for name in "ab":
            write(name + ".safetensors", tensors, metadata={**others, key: f'{{"of": "{name}"}}'})
        for policy in ("keep", "last", "none"):
            done = call("merge", "a.safetensors", "b.safetensors", "--copy-codes", "--metadata", policy, "-o", "out.safetensors", "-f")
            expect(done.returncode == 0 and f"metadata: {key}, which describes codes, is not the same" in done.stdout, f"{policy}: {done}")
            expect(metadata_of("out.safetensors")[key] == '{"of": "a"}', f"{policy}: A's codes, A's description")
        for words in (("--add-prefix", "model."), ("--rename", "^l=m"), ("--strip-prefix", "l.")):
            refused(2, f"its metadata lists its tensors by name ({next(iter(others), key)})", "convert", "a.safetensors", "new.safetensors", *words)
        write("v.safetensors", {"decoder.x.weight": ("F16", [2])})
        refused(4, "its metadata lists its tensors by name", "compose", "--unet", "a.safetensors", "--vae", "v.safetensors", "--layout", "sd1",
                "-o", "new.safetensors")
    done = call("merge", "a.safetensors", "a.safetensors", "--copy-codes", "-o", "out.safetensors", "-f")
    expect("which describes codes" not in done.stdout, "the same description")


def test_marks_beside_parts():
    vae = {"first_stage_model.decoder.x.weight": ("F16", [2]), "first_stage_model.decoder.conv_in.weight": ("F16", [2])}
    whole = {**scaled("model.diffusion_model.input_blocks.1."), **vae, "scaled_fp8": ("F8_E4M3", [2])}
    write("whole.safetensors", whole)
    expect(call("convert", "whole.safetensors", "unet.safetensors", "--part", "unet").returncode == 0, "convert")
    expect("scaled_fp8" in safetensors("unet.safetensors")[1], "the mark goes with the unet")
    expect(call("convert", "whole.safetensors", "vae.safetensors", "--part", "vae").returncode == 0, "convert to VAE")
    expect("scaled_fp8" not in safetensors("vae.safetensors")[1], "and not with the VAE")
    write("te.safetensors", {**whole, **scaled("cond_stage_model.transformer.text_model.x.")})
    refused(4, "is said by a mark beside all parts (scaled_fp8), which goes with the unet", "convert", "te.safetensors", "no.safetensors", "--part", "te")
    expect(call("convert", "te.safetensors", "te_vae.safetensors", "--part", "vae").returncode == 0, "a part without codes")
    for more in ((), ("--copy-codes",)):
        done = call("compose", "--unet", "whole.safetensors", "--vae", "whole.safetensors", "--layout", "sd1", *more, "-o", "out.safetensors", "-f")
        expect(done.returncode == 0 and safetensors("out.safetensors")[1] == safetensors("whole.safetensors")[1], f"compose: {done}")
    write("coded.safetensors", {**scaled("first_stage_model.decoder.x."), **scaled("model.diffusion_model.y."), "scaled_fp8": ("F8_E4M3", [2])})
    refused(4, "its VAE is quantized, which a mark beside all of its parts says", "compose", "--unet", "whole.safetensors", "--vae", "coded.safetensors",
            "--layout", "sd1", "--copy-codes", "-o", "no.safetensors")


# ---- codes that nothing computes with

def test_untouched_codes():
    vae = {"first_stage_model.decoder.x.weight": ("F32", [2]), "first_stage_model.decoder.conv_in.weight": ("F32", [2])}
    write("whole.safetensors", {**scaled("model.diffusion_model.input_blocks.1."), **vae, "scaled_fp8": ("F8_E4M3", [2])})
    write("vae.safetensors", {name.replace("first_stage_model.", ""): table for name, table in vae.items()}, fill=0x39)
    was = safetensors("whole.safetensors")[1]
    for words in (("convert", "whole.safetensors", "--dtype", "vae=f16"), ("bake", "whole.safetensors", "--vae", "vae.safetensors")):
        done = call(*words, "-o", "out.safetensors", "-f")
        now = safetensors("out.safetensors")[1] if done.returncode == 0 else {}
        expect(all(now.get(name) == was[name] for name in was if "first" not in name), f"{words}: {done}")
        expect(now and all(now[name] != was[name] for name in vae), f"{words}: the VAE is changed")
    for words in (("convert", "whole.safetensors", "--dtype", "unet=f16"), ("convert", "whole.safetensors", "--dtype", "f16"),
                  ("bake", "whole.safetensors", "--vae", "vae.safetensors", "--half"),
                  ("compose", "--unet", "whole.safetensors", "--vae", "vae.safetensors", "--layout", "sd1", "--half")):
        refused(4, "is quantized", *words, "-o", "no.safetensors")
    write("coded.safetensors", {**vae, **scaled("first_stage_model.decoder.conv_in."), **scaled("model.diffusion_model.input_blocks.1.")})
    for more in ((), ("--copy-codes",)):
        refused(4, "coded.safetensors: its VAE is quantized", "bake", "coded.safetensors", "--vae", "vae.safetensors", *more, "-o", "no.safetensors")
        refused(4, "coded.safetensors: its VAE is quantized", "bake", "whole.safetensors", "--vae", "coded.safetensors", *more, "-o", "no.safetensors")


# ---- integers, and what has no arithmetic

def test_integers():
    ids = {"vocabulary.table": ("I64", [300, 6]), "gate.weight": ("F32", [4]), "steps": ("I64", [10])}
    write("a.safetensors", ids)
    write("b.safetensors", ids, fill=0x39)
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors")
    expect("warning: 1 tensor of more than 1000 integers differs between the inputs and is A's: vocabulary.table (I64)" in done.stdout, f"{done}")
    told = json.loads(call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f", "--json").stdout)
    expect(any("vocabulary.table" in warning for warning in told["warnings"]) and "steps" not in str(told["warnings"]), f"{told['warnings']}")
    expect("warning: 1 tensor of" not in call("merge", "a.safetensors", "a.safetensors", "-o", "out.safetensors", "-f").stdout, "equal")

    write("a.safetensors", {"te.spiece_model": ("U8", [900]), "w": ("F32", [2]), "x._extra_state": ("U8", [0])})
    write("b.safetensors", {"te.spiece_model": ("U8", [1000]), "w": ("F32", [2]), "x._extra_state": ("U8", [4])}, fill=0x39)
    done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
    expect(done.returncode == 0 and "2 integer tensors have another shape in another input and are A's: te.spiece_model [900], [1000] in b.safetensors" in done.stdout, f"{done}")
    expect(safetensors("out.safetensors")[1]["te.spiece_model"][2] == b"\x38" * 900, "A's")


def test_without_arithmetic():
    for dtype in ("C64", "F8_E4M3FNUZ", "F8_E5M2FNUZ"):
        tables = {"freqs": (dtype, [4]), "w": ("F32", [2])}
        write("a.safetensors", tables)
        write("b.safetensors", {**tables, "w": ("F32", [2], b"\x39" * 8)})
        done = call("merge", "a.safetensors", "b.safetensors", "-o", "out.safetensors", "-f")
        expect(done.returncode == 0 and "1  copied from A, of dtypes without arithmetic, equal in all" in done.stdout, f"{dtype}: {done}")
        expect(safetensors("out.safetensors")[1]["freqs"] == safetensors("a.safetensors")[1]["freqs"], dtype)
        done = call("average", *["a.safetensors"] * 5, *["b.safetensors"] * 5, "-o", "out.safetensors", "-f")
        expect(done.returncode == 0, f"accumulated: {done}")
        write("b.safetensors", tables, fill=0x39)
        for words in (("merge", "a.safetensors", "b.safetensors"), ("average", *["a.safetensors"] * 9, "b.safetensors")):
            done = call(*words, "-o", "other.safetensors")
            expect(done.returncode == 4 and f"freqs: is {dtype} and not the same in all inputs" in done.stderr, f"{dtype}: {done}")
            expect(not os.path.exists("other.safetensors"), "nothing is written")
        for words in (("--exclude", "freqs"), ("--discard", "freqs"), ("--alpha", "0")):
            done = call("merge", "a.safetensors", "b.safetensors", *words, "-o", "out.safetensors", "-f")
            expect(done.returncode == 0, f"{words}: {done}")
        write("b.safetensors", {"freqs": ("F32", [4]), "w": ("F32", [2])})
        refused(4, f"is {dtype} in a.safetensors, which has no arithmetic", "merge", "a.safetensors", "b.safetensors", "-o", "other.safetensors")


# ---- files that people met

def test_reported():
    reported = pathlib.Path(__file__).resolve().parents[4] / "shared/reported"
    if not reported.is_dir():
        return print("NOT RUN: no ../shared/reported")
    pairs = [sorted((reported / "silentcodes").glob(name + "-*")) for name in
             ("fp8-experts", "higgs", "mlx-mxfp4", "modelopt-compress-nvfp4", "quanto-qint4", "torchao-int8wo")]
    pairs += [sorted((reported / "blockscaled").glob(name + "-*")) for name in ("f4", "fnuz", "int8")]
    pairs += [[reported / "blockscaled/mx-a.safetensors", reported / "blockscaled/plain-b.safetensors"],
              sorted((reported / "codes").glob("*")), sorted((reported / "packedparams").glob("*")), sorted((reported / "hostile").glob("mlx-*"))]
    for a, b in pairs:
        for words in (("merge", a, b), ("average", b, a)):
            done = call(*map(str, words), "-o", "out.safetensors")
            expect(done.returncode == 4 and "is quantized" in done.stderr and "--exclude" not in done.stderr, f"{words}: {done}")
    packed = str(reported / "packedparams/one.pth")
    refused(4, "is quantized, torch's quantized modules (0._packed_params._packed_params", "convert", packed, "out.safetensors")
    expect("quantized: torch's quantized modules" in call("inspect", packed).stdout, "inspect of packed weights")
    expect(not os.path.exists("out.safetensors"), "nothing is written")
    for a in sorted((reported / "plainrefused").glob("*-a.*")):
        done = call("merge", str(a), str(a).replace("-a.", "-b."), "-o", "out.safetensors", "-f")
        expect(done.returncode == 0, f"{a}: {done}")
    done = call("merge", str(reported / "lengths/A.safetensors"), str(reported / "lengths/B.safetensors"), "-o", "out.safetensors", "-f")
    expect(done.returncode == 0 and "spiece_model [900]" in done.stdout, f"{done}")
    table = str(reported / "odd/complex64.safetensors")
    expect(call("merge", table, table, "-o", "out.safetensors", "-f").returncode == 0, "equal complex tables")


run_in_folders(test_every_form_is_refused_by_name, test_plain_files_are_merged, test_refused_whole_in_every_place,
               test_copy_codes, test_renamed_codes, test_codes_of_another, test_descriptions_of_codes, test_marks_beside_parts, test_untouched_codes,
               test_integers, test_without_arithmetic, test_reported)
