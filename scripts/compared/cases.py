# SPDX-License-Identifier: Apache-2.0
"""What compare_builds.py gives to both builds. Each case is a line of bash in a folder with one of the sets of inputs.py: those
of lines.txt, and here those that are products of several choices. It sees PRELUDE and must succeed; one of the refused must
not."""
import collections
import pathlib
import shlex

from compared.inputs import FLOATS, TESTS

# `ck` is the build under test, `other` the other one.
PRELUDE = """set -eu -o pipefail
A=a.safetensors B=b.safetensors C=c.safetensors D=d.safetensors V=vae.safetensors O=out.safetensors
ck() { "$CKMERGE" "$@"; }
other() { "$OTHER" "$@"; }
merge() { ck merge --no-fsync "$@" -o $O; }
three() { ck plan -v "$@"; merge "$@"; ck merge --no-fsync --json "$@" -o json.safetensors; }
twice() { mkdir folder; ck merge "$@"; ck merge "$@" || echo "exit $?"; }
again() { other run $O "$@" -o again.${O##*.}; cmp $O again.${O##*.}; }
each() { for file in "$1"/*; do ck "$2" "$file" "${@:3}" || echo "exit $?"; done; }
scan() { export XDG_DATA_HOME=$PWD/.data; ck scan models snapshots -q; }
"""
Case = collections.namedtuple("Case", "name inputs script refused", defaults=(False,))
TO_DTYPES = ("keep", *(dtype.lower() for dtype in FLOATS))
METHODS = {"weighted_sum": "$A $B", "add_difference": "$A $B $C", "slerp": "$A $B", "linear": "$A $B $C $D", "copy": "$A"}
# That mean the same in every language of patterns.
PATTERNS = ("weight", "^model[.]diffusion_model[.]", "bias$", r"out\.[0-9]+", "(loss|betas)", "[^.]+[.]weight",
            "^(?:epoch|model_ema.*)$", "(?i)VAE|DECODER")


def cases_of(group, inputs, scripts):
    return [Case(f"{group}: {script}", inputs, script) for script in scripts]


def written_lines():
    group, out = None, []
    for line in pathlib.Path(__file__).with_name("lines.txt").read_text().splitlines():
        if line.startswith("== "):
            group = line.split()[1:]
        elif line and not line.startswith("#"):
            out.append(Case(f"{group[0]}: {line}", group[1], line, "refused" in group[2:]))
    # The sentences of refusals, as JSON too.
    return out + [Case(f"{case.name} --json", case.inputs, f"{case.script} --json", True) for case in out if case.name.startswith("refused: ")]


def methods():
    """Every method over every pair of dtypes and to every dtype. An extrapolation leaves the range of F8: --nan warn."""
    out = cases_of("method", "dtypes", [f"three {METHODS[method]} -m {method} --alpha {alpha} --nan warn" for alpha in (
        "0", "1", "0.5", "0.3", "-0.25", "1.5", "1e-30", "-0") for method in ("weighted_sum", "add_difference", "slerp")])
    for method, files in METHODS.items():
        for inputs in ("dtypes", "special") if len(files) < 6 else ("dtypes",):
            out += cases_of(f"{inputs} to", inputs, [f"three {files} -m {method} --dtype {dtype} --nan warn" for dtype in TO_DTYPES])
    return out


def ways(isas):
    """What has no effect on the bytes, and how sums over tensors fall into blocks."""
    out = []
    for inputs, line in (("dtypes", "--alpha 0.3"), ("dtypes", "-m slerp --alpha 0.3"), ("dtypes", "-m linear --dtype bf16"),
                         ("special", "--alpha 0.3"), ("special", "-m linear --weights 0.5,0.25 --no-normalize --dtype f8_e4m3"),
                         ("blocks", "-m slerp --alpha 0.3")):
        out += cases_of(f"isa, {inputs}", inputs, [f"export CKMERGE_ISA={isa}; three $A $B {line} --nan warn" for isa in isas])
    for way in ("--memory 1M", "--memory 1M --threads 1", "--threads 1", "--threads 4", "--memory 2MiB --threads 4", "--device cpu -v",
                "--memory 1G --verify --hash --hash-cache none"):
        out += cases_of("way", "blocks", [f"merge $A $B {line} {way}" for line in (
            "--alpha 0.3", "-m slerp --alpha 0.7", "-m slerp --dtype f16 --alpha 0.7", "-m linear --weights 2,1")])
    return out + cases_of("blocks", "blocks", [f"merge {pair} -m slerp --param t={t} --dtype {dtype} --nan warn" for pair in ("$A $B", "$B $A")
                                               for t in (0, 0.25, 1, 1.5, 1000) for dtype in ("keep", "f64", "f8_e5m2")])


def names():
    """Names and channels that some lack, and names that patterns choose."""
    out = cases_of("policy", "model", [
        f"three {order} --missing {missing} --extra {extra} {method}"
        for order in ("more.safetensors lacks.safetensors", "lacks.safetensors more.safetensors")
        for missing in ("keep", "zero", "drop") for extra in ("drop", "add")
        for method in ("", "-m slerp", "-m linear --weights 1,2 --no-normalize")])
    out += cases_of("policy", "model", [
        f"three {first}.safetensors {others} --expand {expand}" for first in ("inpainting", "pix2pix") for expand in ("copy", "zero")
        for others in ("$A --alpha 0.3", "$A -m slerp", "$A $B -m add_difference", "$A $B -m linear")])
    for option in ("--discard", "--only", "--exclude"):
        for pattern in map(shlex.quote, PATTERNS):
            out += cases_of("pattern", "model", [f"three $A $B {option} {pattern}", f"ck average $A $B $C {option} {pattern} -o $O"])
    return out


def operations():
    """convert and bake."""
    words = ["--half", "--half --dtype vae=f64", "--prune", "--prune --half --part unet", "--ema keep", "--ema use", "--ema drop",
             "--ema use --part unet --half", "--prune --ema drop -v --verify", "--discard 'bias|loss'", "--metadata none",
             "--hash --hash-cache none", "--set-metadata a=b --metadata recipe", "--part unet", "--part te", "--part vae,unet", "--dtype f16",
             "--dtype bf16", "--dtype f64", "--dtype vae=f16 --dtype te=f64"]
    out = cases_of("convert", "model", [f"ck convert $A {target} {word}" for word in words for target in ("$O", "$O --json", "out.ckpt")])
    out += cases_of("convert", "dtypes", [f"ck convert $A $O --nan warn --dtype {dtype}" for dtype in TO_DTYPES])
    return out + cases_of("bake", "model", [f"ck bake $A --vae {vae} -o $O {word}" for vae in ("vae.safetensors", "$B")
                                            for word in ("", "--half", "--dtype vae=f16", "--json", "--config auto")])


def torch_files():
    forms = ("newest.pth", "1.6.pt", "2.1.ckpt", "stream.bin", "keys.pth", "notes.ckpt")
    out = cases_of("torch", "torch", [f"ck inspect {letter}.{form} --{word}" for form in (*forms, "own.ckpt") for letter in "ab"
                                      for word in ("tensors", "json")])
    out += cases_of("torch", "torch", [f"three a.{form} b.{other} --alpha 0.3 --memory 1M" for form in forms for other in forms])
    return out + cases_of("torch", "torch", [f"three a.{form} $C {line}" for form in forms for line in (
        "-m slerp", "--dtype bf16", "-m linear --weights 1,2")])


def said(commands):
    """Help, and what is told of files that are damaged in one way each."""
    corpora = sorted(path.name for path in (TESTS / "fuzz/corpus").iterdir())
    return cases_of("said", "model", [f"ck {command} {word}" for command in commands for word in ("--help", "-h")]) + \
        cases_of("said", "model", [f"ck methods {method}" for method in METHODS]) + \
        cases_of("foreign", "foreign", [f"each {corpus} {words}" for corpus in corpora
                                        for words in ("inspect", "inspect --json", "plan -m copy", "hash")])


def all_cases(isas, commands):
    lines = written_lines()
    to_ckpt = [Case(f"{case.name}, as .ckpt", case.inputs, "O=out.ckpt; " + case.script) for case in lines if case.name.startswith("recorded: ")]
    return lines + to_ckpt + methods() + ways(isas) + names() + operations() + torch_files() + said(commands)
