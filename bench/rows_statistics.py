# SPDX-License-Identifier: Apache-2.0
"""Rows about methods that read their inputs more than once: against linear of the same files, in a memory cgroup, and against
mergekit-pytorch over the same files, time and peak memory of the same runs."""
from bars import MIB
from measure import NotRun, drop_page_cache, interleave, memory_cgroup, run
from rows import PAIR_SIZE, result, size_text, unless_equal
from rows_formulas import against, cold

TIES_CGROUP = 512 * MIB
TWICE_CGROUP = 512 * MIB
TIES = ["--density", "0.4", "--weights", "0,0.5,0.3,0.2"]
# What mergekit-pytorch is asked for beside the weights, and ckmerge the same by the same file.
PEER_METHODS = {"ties": "density: 0.4", "dare_ties": "density: 0.4", "breadcrumbs": "density: 0.6, gamma: 0.05",
                "della": "density: 0.4, epsilon: 0.2", "sce": None}
SHARED = {"sce": "select_topk: 0.3"}


def base_and_three(bench):
    """Four checkpoints of one network: the base first."""
    arguments = ("--arch", "blocks", "--size", size_text(bench.options.size))
    return [bench.checkpoint(bench.data, *arguments, *tune) for tune in ((), ("--tune", "2"), ("--tune", "3"), ("--tune", "4"))]


def readings(done, files):
    """How often as many bytes as the inputs have came from the disk."""
    return done.read / sum(path.stat().st_size for path in files)


def ties_against_linear(bench):
    files, out, read = base_and_three(bench), bench.data / "out.safetensors", []

    def ties():
        done = cold(bench, out, "merge", *files, "-m", "ties", *TIES)
        read.append(readings(done, files))
        return done.seconds

    values, said = interleave(bench.options.rounds, {
        "linear": lambda: cold(bench, out, "merge", *files, "-m", "linear", "--weights", "0.4,0.3,0.2,0.1").seconds,
        "ckmerge": ties}, bench.log)
    out.unlink()
    commands = ["ckmerge merge BASE A B C -m ties " + " ".join(TIES) + " -o O -q",
                "ckmerge merge BASE A B C -m linear --weights 0.4,0.3,0.2,0.1 -o O -q"]
    other = unless_equal(bench.options.size, PAIR_SIZE)
    return {"ties": result(values, "linear", commands, said, other), "ties-reads": result({"ckmerge": read}, None, commands[:1], [], other)}


def ties_in_cgroup(bench):
    files = base_and_three(bench)
    free_out, out = bench.data / "out.safetensors", bench.data / "cgroup.safetensors"
    cold(bench, free_out, "merge", *files, "-m", "ties", *TIES)
    read, peaks, seconds = [], [], []
    for _ in range(min(3, bench.options.rounds)):
        out.unlink(missing_ok=True)
        drop_page_cache()
        with memory_cgroup(TIES_CGROUP) as (enter, peak):
            done = run([bench.options.build / "ckmerge", "merge", *files, "-m", "ties", *TIES, "-o", out, "-q"], enter)
            peaks.append(peak())
        read.append(readings(done, files))
        seconds.append(done.seconds)
        bench.log(f"  {done.seconds:.3g} s, {read[-1]:.3g} readings")
    bench.same_bytes(free_out, out)
    out.unlink()
    free_out.unlink()
    said = [f"{min(seconds):.1f} to {max(seconds):.1f} s; at most {max(peaks) / MIB:.0f} MiB charged, page cache included; the output has the same bytes"]
    return {"ties-cgroup": result({"ckmerge": read}, None, ["ckmerge merge BASE A B C -m ties " + " ".join(TIES) + " -o O -q"], said,
                                  unless_equal(bench.options.size, PAIR_SIZE))}


# Methods whose walks are two, and which of the four checkpoints they take.
TWICE = {"slerp": 2, "nuslerp": 2, "multislerp": 4, "karcher": 4, "model_stock": 4}


def twice_in_cgroup(bench):
    """With little memory the page cache is given back behind each walk, so that what is read comes from the disk. The
    kernel reads ahead of windows, on a disk of 8 MiB of it some 8 % of a walk, on one of 128 KiB 1 %."""
    files, out, rows = base_and_three(bench), bench.data / "out.safetensors", {}
    for method, count in TWICE.items():
        drop_page_cache()
        words = ["merge", *files[:count], "-m", method]
        with memory_cgroup(TWICE_CGROUP) as (enter, _):
            done = run([bench.options.build / "ckmerge", *words, "-o", out, "-q", "-f"], enter)
        bench.log(f"  {method}: {readings(done, files[:count]):.3g} readings")
        command = f"ckmerge merge {' '.join('ABCD'[:count])} -m {method} -o O -q"
        rows[f"twice-{method}"] = result({"ckmerge": [readings(done, files[:count])]}, None, [command], [],
                                         unless_equal(bench.options.size, PAIR_SIZE))
    out.unlink()
    return rows


def write_recipe(path, method, base, models):
    parameters = ["weight: {}", *filter(None, [PEER_METHODS[method]])]
    if method == "sce":
        parameters = []
    lines = [f"merge_method: {method}", f"base_model: {base}", "dtype: bfloat16", "models:"]
    for model, weight in zip(models, (0.5, 0.3, 0.2)):
        lines.append(f"- model: {model}")
        if parameters:
            lines.append("  parameters: {" + ", ".join(parameters).format(weight) + "}")
    if method in SHARED:
        lines.append("parameters: {" + SHARED[method] + "}")
    path.write_text("\n".join(lines) + "\n")


def against_mergekit(method):
    def row(bench):
        program = bench.options.peers / "peers-venv/bin/mergekit-pytorch"
        if not program.exists():
            raise NotRun("no environment of mergekit; scripts/test.sh peers makes one")
        base, *models = base_and_three(bench)
        recipe, ours, theirs = bench.data / f"{method}.yml", bench.data / "ours", bench.data / "theirs"
        write_recipe(recipe, method, base, models)
        # As durable as ckmerge's: to the disk before it counts as done.
        words = f"HF_HUB_OFFLINE=1 TQDM_DISABLE=1 {program} {recipe} {theirs} --quiet -j 2 && sync -f {theirs}"

        def clean():
            run(["rm", "-rf", ours, theirs])

        def their_run():
            drop_page_cache()
            done = run(["sh", "-c", words])
            return done.seconds, done.peak / MIB

        def our_run():
            drop_page_cache()
            return run([bench.options.build / "ckmerge", "mergekit", recipe, ours, "--quiet"])

        commands = [f"ckmerge mergekit {method.upper()}.yml O --quiet", f"mergekit-pytorch {method.upper()}.yml O --quiet -j 2 && sync -f O"]
        try:
            measured = against(bench, f"mergekit-{method}", "mergekit-pytorch", commands, their_run, our_run, clean)
        finally:
            clean()
            recipe.unlink()
        for one in measured.values():
            one["other_size"] = unless_equal(bench.options.size, PAIR_SIZE)
        return measured

    return row


MEASURES = {"ties": ties_against_linear, "ties-cgroup": ties_in_cgroup, "twice": twice_in_cgroup} | {
    f"mergekit-{method}": against_mergekit(method) for method in PEER_METHODS}
