# SPDX-License-Identifier: Apache-2.0
"""Rows about the Python module beside the program: what importing it costs, and whether a merge costs more through it."""
import os
import sys
from pathlib import Path

from measure import NotRun, drop_page_cache, interleave, run
from rows import ALPHA, MERGE_TEXT, PAIR_SIZE, result, unless_equal

MODULE = Path(__file__).resolve().parent.parent / "python"
PROCESSES = 15
IMPORT = "import time; t = time.perf_counter(); import ckmerge; print(1000 * (time.perf_counter() - t))"
MERGE = "import sys, ckmerge; ckmerge.merge(sys.argv[1:3], sys.argv[3], alpha=float(sys.argv[4]))"


def script(bench, text, *words):
    """One run of a Python that finds the module of this checkout and the library of the build."""
    library = bench.options.build / "libckmerge.so"
    if not library.exists():
        raise NotRun(f"{library} is missing")
    return run(["env", f"PYTHONPATH={MODULE}", f"CKMERGE_LIBRARY={library}", sys.executable, "-c", text, *words])


def importing(bench):
    """Milliseconds of the statement alone, in processes that import nothing else."""
    took = [float(script(bench, IMPORT).output) for _ in range(PROCESSES)]
    bench.log(f"  import ckmerge: {min(took):.2f} ms")
    return {"import": result({"ckmerge": took}, None, ["import ckmerge"])}


def merge(bench):
    """Both from the start of a process to its end, so that Python's own start counts too."""
    a, b = bench.pair(bench.options.size)
    by_program, by_module = bench.data / "out.safetensors", bench.data / "python.safetensors"

    def module():
        by_module.unlink(missing_ok=True)
        drop_page_cache()
        return script(bench, MERGE, a, b, by_module, ALPHA).seconds

    values, said = interleave(bench.options.rounds, {"the program": lambda: bench.merge(a, b, by_program, cold=True).seconds, "ckmerge": module}, bench.log)
    bench.same_bytes(by_program, by_module)
    os.unlink(by_module)
    commands = [f"python3 -c 'import ckmerge; ckmerge.merge([A, B], O, alpha={ALPHA})'", MERGE_TEXT]
    return {"python-merge": result(values, "the program", commands, said, unless_equal(bench.options.size, PAIR_SIZE))}


MEASURES = {"import": importing, "python-merge": merge}
