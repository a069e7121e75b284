# SPDX-License-Identifier: Apache-2.0
"""Rows about tensors that a program has in memory: ckmerge.save against safetensors' save_file, time and peak memory of
the same runs."""
import json
from pathlib import Path

from bars import MIB
from measure import NotRun, interleave, run
from rows import PAIR_SIZE, result

HERE = Path(__file__).resolve().parent
SAVED = 6_500_000_000


def saved(bench, who, out):
    """Seconds, and MiB above the dict, of one save in a process of its own."""
    library = bench.options.build / "libckmerge.so"
    if not library.exists():
        raise NotRun(f"{library} is missing")
    if not bench.options.torch.exists():
        raise NotRun(f"{bench.options.torch} is missing (--torch)")
    out.unlink(missing_ok=True)
    done = run(["env", f"PYTHONPATH={HERE.parent / 'python'}", f"CKMERGE_LIBRARY={library}", bench.options.torch,
                HERE / "save_dict.py", who, saved_size(bench), out])
    told = json.loads(done.output)
    return told["seconds"], told["extra"] / MIB


def saved_size(bench):
    """A smaller --size makes a smaller dict, in the same ratio as to 3 GiB."""
    return SAVED * min(bench.options.size, PAIR_SIZE) // PAIR_SIZE


def save(bench):
    out, extra = bench.data / "saved.safetensors", {"ckmerge": [], "save_file": []}

    def seconds(who):
        took, more = saved(bench, who, out)
        extra[who].append(more)
        return took

    values, said = interleave(bench.options.rounds, {"save_file": lambda: seconds("save_file"),
                                                     "ckmerge": lambda: seconds("ckmerge")}, bench.log)
    out.unlink(missing_ok=True)
    other = None if saved_size(bench) == SAVED else f"{saved_size(bench) / 1e9:.1f} GB"
    commands = ["ckmerge.save(d, O, dtype='f16')", "save_file({n: t.half() for n, t in d.items()}, O), and fsync"]
    return {"save": result(values, "save_file", commands, said, other),
            "save-extra": result(extra, None, commands, said, other)}


MEASURES = {"save": save}
