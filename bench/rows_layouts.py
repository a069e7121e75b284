# SPDX-License-Identifier: Apache-2.0
"""Rows about layouts: merges of two namings, conversions both ways against the disk and against diffusers' own."""
import json
import os
import shutil
import struct

from bars import MIB
from measure import NotRun, drop_page_cache, interleave, run
from rows import floor_of, result, size_text, unless_equal
from rows_formulas import cold

FLUX_SIZE = 23_802_816_640  # Flux.1 dev, bf16


def flux(bench, *tune):
    return bench.checkpoint(bench.data, "--arch", "flux-cut", "--size", size_text(bench.options.size), *tune)


def in_diffusers_names(bench, path):
    """The same file in diffusers' names, made once."""
    out = path.with_name(path.stem + "-diffusers.safetensors")
    if not out.exists():
        convert(bench, path, out, "diffusers")
    return out


def convert(bench, path, out, layout):
    return cold(bench, out, "convert", path, "--layout", layout)


def header_size(path):
    with path.open("rb") as file:
        return 8 + struct.unpack("<Q", file.read(8))[0]


def same_tensors(x, y):
    """Names are in order, so that files of the same tensors differ in nothing but the recipe in their headers."""
    run(["cmp", "-i", f"{header_size(x)}:{header_size(y)}", x, y])


def other_size(bench):
    return unless_equal(bench.options.size, FLUX_SIZE)


def merge(bench):
    a, b = flux(bench), flux(bench, "--tune", "2")
    other, out = in_diffusers_names(bench, b), bench.data / "out.safetensors"

    def merged(second):
        return cold(bench, out, "merge", a, second, "--alpha", "0.3").seconds

    values, said = interleave(bench.options.rounds, {"one naming": lambda: merged(b), "ckmerge": lambda: merged(other)}, bench.log)
    merged(b)
    same = out.rename(bench.data / "same.safetensors")
    merged(other)
    same_tensors(same, out)
    same.unlink()
    commands = ["ckmerge merge A B-diffusers --alpha 0.3 -o O -q", "ckmerge merge A B --alpha 0.3 -o O -q"]
    return {"layout-merge": result(values, "one naming", commands, said, other_size(bench))}


def conversions(bench):
    a = flux(bench)
    there, back, floor_out = in_diffusers_names(bench, a), bench.data / "out.safetensors", bench.data / "floor.bin"
    measured, peaks = {}, []
    for key, source, layout in ("layout-to-diffusers", a, "diffusers"), ("layout-from-diffusers", there, "comfy"):
        def ours(source=source, layout=layout):
            done = convert(bench, source, back, layout)
            peaks.append(done.peak / MIB)
            return done.seconds

        values, said = interleave(bench.options.rounds, {"fio": lambda source=source: floor_of([source], floor_out), "ckmerge": ours}, bench.log)
        commands = [f"ckmerge convert IN --layout {layout} -o O -q",
                    "fio --direct=1 --bs=4M --ioengine=psync --thread, two jobs at once: --rw=read IN, --rw=write --end_fsync=1 O"]
        measured[key] = result(values, "fio", commands, said, other_size(bench))
    same_tensors(a, back)
    floor_out.unlink(missing_ok=True)
    measured["layout-rss"] = result({"ckmerge": peaks}, None, commands[:1], [], other_size(bench))
    return measured


def blocks_of(path):
    with path.open("rb") as file:
        names = json.loads(file.read(header_size(path))[8:])
    return len({name.split(".")[1] for name in names if name.startswith("double_blocks.")})


def against_diffusers(bench):
    if not bench.options.torch.exists():
        raise NotRun(f"{bench.options.torch} is missing (--torch)")
    a, folder, out = flux(bench), bench.data / "converted", bench.data / "out.safetensors"
    peaks = {"ckmerge": [], "diffusers": []}

    def theirs():
        shutil.rmtree(folder, ignore_errors=True)
        drop_page_cache()
        done = run([bench.options.torch, os.path.join(os.path.dirname(__file__), "diffusers_convert.py"), a, folder, blocks_of(a)])
        peaks["diffusers"].append(done.peak / MIB)
        return float(done.output.split()[-1])

    def ours():
        done = convert(bench, a, out, "diffusers")
        peaks["ckmerge"].append(done.peak / MIB)
        return done.seconds

    values, said = interleave(bench.options.rounds, {"diffusers": theirs, "ckmerge": ours}, bench.log)
    shutil.rmtree(folder)
    commands = ["ckmerge convert IN --layout diffusers -o O -q", "FluxTransformer2DModel.from_single_file(IN).save_pretrained(FOLDER), and fsync"]
    return {"layout-diffusers": result(values, "diffusers", commands, said, other_size(bench)),
            "layout-diffusers-rss": result(peaks, "diffusers", commands, said, other_size(bench))}


MEASURES = {"layout-merge": merge, "layout-convert": conversions, "layout-diffusers": against_diffusers}
