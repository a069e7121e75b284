# SPDX-License-Identifier: Apache-2.0
"""Rows about methods that make whole tensors: all singular values of one matrix against numpy's SVD in f64."""
from measure import NotRun, drop_page_cache, interleave, run
from rows import result

SIDE = 2048

MATRIX_SCRIPT = """
import sys, numpy
from safetensors.numpy import save_file
side, base, tuned = int(sys.argv[1]), sys.argv[2], sys.argv[3]
rng = numpy.random.default_rng(1)
weight = rng.standard_normal((side, side), dtype=numpy.float32) * 0.02
save_file({"weight": weight}, base)
save_file({"weight": weight + rng.standard_normal((side, side), dtype=numpy.float32) * 0.002}, tuned)
"""
# What iso_c does: all singular values become their average.
SVD_SCRIPT = """
import sys, numpy
from safetensors.numpy import load_file, save_file
base, tuned = (load_file(path)["weight"].astype(numpy.float64) for path in sys.argv[1:3])
u, s, v = numpy.linalg.svd(tuned - base, full_matrices=False)
save_file({"weight": (base + s.mean() * (u @ v)).astype(numpy.float32)}, sys.argv[3])
"""
DIFFERENCE_SCRIPT = """
import sys, numpy
from safetensors.numpy import load_file
ours, theirs = (load_file(path)["weight"] for path in sys.argv[1:3])
print(numpy.abs(ours - theirs).max() / numpy.abs(theirs).max())
"""


def singular_values(bench):
    python = bench.options.peers / "peers-venv/bin/python"
    if not python.exists():
        raise NotRun("no environment of numpy; scripts/test.sh peers makes one")
    base, tuned, ours, theirs = (bench.data / f"matrix-{name}.safetensors" for name in ("base", "tuned", "ours", "theirs"))
    if not tuned.exists():
        run([python, "-c", MATRIX_SCRIPT, SIDE, base, tuned])

    def own():
        drop_page_cache()
        return run([bench.options.build / "ckmerge", "merge", base, tuned, "-m", "iso_c", "--memory", "1GiB", "-o", ours, "--force", "-q"]).seconds

    def numpys():
        drop_page_cache()
        return run([python, "-c", SVD_SCRIPT, base, tuned, theirs]).seconds

    values, said = interleave(bench.options.rounds, {"numpy": numpys, "ckmerge": own}, bench.log)
    apart = float(run([python, "-c", DIFFERENCE_SCRIPT, ours, theirs]).output)
    commands = ["ckmerge merge A B -m iso_c --memory 1GiB -o C -q", "numpy.linalg.svd of the difference in f64, its vectors put together again"]
    return {"singular-values": result(values, "numpy", commands, [*said, f"results differ by at most {apart:.1e} of the largest element"])}


MEASURES = {"singular-values": singular_values}
