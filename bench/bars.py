# SPDX-License-Identifier: Apache-2.0
"""The lines of the table and the bar each is held to: facts only, so that a line that was not measured is shown too."""
from dataclasses import dataclass
from statistics import median

GIB, MIB, MB = 1 << 30, 1 << 20, 10**6


@dataclass(frozen=True)
class Bar:
    key: str
    row: str  # as named by --only
    what: str
    text: str
    limit: float
    at_most: bool  # else at least
    kind: str  # "slower": ckmerge over yardstick; "faster": yardstick over ckmerge; "value": no ratio
    unit: str  # of the raw numbers


MEMORY, RATE = ("under 160 MiB", 160, True, "value", "MiB"), ("value", "GB/s")
PEAK, KERNEL = "peak RSS at the default budget, ", "weighted_sum, one thread, reads and writes, "

BARS = [
    Bar("cold", "cold", "cold, two 3 GiB bf16 checkpoints, durable output",
        "at most 1.10 x the floor", 1.10, True, "slower", "s"),
    Bar("warm", "warm", "warm on tmpfs",
        "at most 0.6 x `cp` of one input", 0.6, True, "slower", "s"),
    Bar("cgroup", "cgroup", "the cold merge in a 96 MiB memory cgroup, page cache included",
        "finishes; at most 1.2 x its time without", 1.2, True, "slower", "s"),
    Bar("rss-small", "rss", PEAK + "two of 100 MB", *MEMORY),
    Bar("rss-large", "rss", PEAK + "two of 6 GiB", *MEMORY),
    Bar("rss-one", "rss", PEAK + "two of one 4 GiB tensor", *MEMORY),
    Bar("torch-best", "torch-best", "cold, the best torch script one can write",
        "at least 1.8 x faster", 1.8, False, "faster", "s"),
    Bar("torch-naive", "torch-naive", "cold, the torch script people write (whole tensors in f32)",
        "at least 8 x faster", 8, False, "faster", "s"),
    Bar("kernel-bf16", "kernels", KERNEL + "bf16", "at least 20 GB/s", 20, False, *RATE),
    Bar("kernel-f16", "kernels", KERNEL + "f16", "at least 20 GB/s", 20, False, *RATE),
    Bar("kernel-f32", "kernels", KERNEL + "f32",
        "at least 80 % of a STREAM triad in the run", 0.8, False, "slower", "GB/s"),
    Bar("kernel-f8", "kernels", KERNEL + "f8_e4m3", "at least 4 GB/s", 4, False, *RATE),
    Bar("plan-seconds", "plan", "`plan` of two files of 10^6 tensors, names of 20 bytes",
        "under 3 s", 3, True, "value", "s"),
    Bar("plan-memory", "plan", "the same, peak RSS", "under 1 GiB", 1024, True, "value", "MiB"),
    Bar("plan-linear", "plan", "the same, against 10^5 tensors",
        "linear in the count: at most 12 x for 10 x the tensors", 12, True, "slower", "s"),
    Bar("slerp", "slerp", "slerp, two 3 GiB bf16, cold",
        "at most 2.0 x weighted_sum's time", 2.0, True, "slower", "s"),
    Bar("hash", "hash", "`--hash` on the cold merge of two 3 GiB bf16",
        "at most the larger of 1.3 x without it and SHA-256 of all bytes on one core", 1.0, True, "slower", "s"),
    Bar("hash-file", "hash-file", "`ckmerge hash` of 6 GiB, all its sums, cold",
        "at most 1.15 x the slower of the disk and SHA-256 on one core", 1.15, True, "slower", "s"),
    Bar("scan", "scan", "`scan` of 10,000 files, nothing changed", "under 1 s", 1, True, "value", "s"),
    Bar("convert-to-ckpt", "convert", "`convert` .safetensors to .ckpt, 3 GiB bf16, cold",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("convert-from-ckpt", "convert", "the same, .ckpt to .safetensors",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("merge-ckpt", "merge-ckpt", "weighted_sum of two .ckpt, 3 GiB bf16, cold",
        "at most 1.05 x that of two .safetensors of the same size", 1.05, True, "slower", "s"),
    Bar("open-zip", "open", "`inspect` of a .ckpt of 10^6 entries", "under 3 s", 3, True, "value", "s"),
    Bar("open-pickle", "open", "the same of a pickle of 100 MB", "under 3 s", 3, True, "value", "s"),
    Bar("average", "average", "`average` of 20 checkpoints of 1 GiB, cold",
        "at most 1.15 x the floor", 1.15, True, "slower", "s"),
    Bar("average-rss", "average", "the same, peak RSS", *MEMORY),
    Bar("formula-blocks", "formula-blocks", "two ratios by block over 3 checkpoints (SD 1.5, f16), cold",
        "at most 1.05 x `add_difference` of the same", 1.05, True, "slower", "s"),
    Bar("sweep", "sweep", "`--sweep` of 4 ratios (SD 1.5, f16), cold", "at most 0.65 x 4 runs", 0.65, True, "slower", "s"),
    Bar("formula-many", "formula-many", "a formula of 16 bf16 checkpoints of 1 GiB, cold",
        "at most 1.15 x the floor", 1.15, True, "slower", "s"),
    *(Bar(key + end, "peers", what + told, text, limit, False, "faster", unit)
      for key, what in (("mecha-formula", "two ratios by block over 3 checkpoints against sd-mecha 1.1.8"),
                        ("comfy-blocks", "ModelMergeBlocks of ComfyUI 0.3.75, loaded and saved"),
                        ("mecha-sweep", "4 ratios, `--sweep` against sd-mecha 1.1.8"))
      for end, told, text, limit, unit in (("", ", cold", "at least 8 x faster", 8, "s"), ("-rss", ", peak RSS", "at most 1/40", 40, "MiB"))),
    Bar("import", "import", "`import ckmerge`, in a process of its own", "under 50 ms", 50, True, "value", "ms"),
    Bar("python-merge", "python-merge", "`ckmerge.merge` from Python, cold, two 3 GiB bf16", "within 2 % of the program", 1.02, True, "slower", "s"),
    Bar("save", "save", "`ckmerge.save` of a 6.5 GB f32 state dict to f16, against `save_file` of the `.half()` dict",
        "at least 1.5 x faster", 1.5, False, "faster", "s"),
    Bar("save-extra", "save", "the same, peak memory above the dict", "under 200 MiB", 200, True, "value", "MiB"),
    Bar("layout-merge", "layout-merge", "merge of two Flux.1, one in diffusers' names, cold",
        "at most 1.10 x that of one naming", 1.10, True, "slower", "s"),
    Bar("layout-to-diffusers", "layout-convert", "`convert` of Flux.1 to diffusers' names, cold",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("layout-from-diffusers", "layout-convert", "the same, back",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("layout-rss", "layout-convert", "the same, peak RSS", *MEMORY),
    Bar("layout-diffusers", "layout-diffusers", "the same against diffusers' from_single_file and save_pretrained, cold",
        "at least 5 x faster", 5, False, "faster", "s"),
    Bar("layout-diffusers-rss", "layout-diffusers", "the same, peak RSS", "at most 1/50", 50, False, "faster", "MiB"),
    Bar("folders", "folders", "linear of two folders of 16 GiB of bf16 in four shards (Llama 3 8B's shapes), cold",
        "at most 1.10 x the floor", 1.10, True, "slower", "s"),
    Bar("folders-rss", "folders", "the same, peak RSS", *MEMORY),
    Bar("frankenmerge", "frankenmerge", "a frankenmerge of two such folders, three quarters of the layers of each, cold",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("open-folder", "open-folder", "`inspect` of a folder of 1,000 shards and 10^5 tensors", "under 0.5 s", 0.5, True, "value", "s"),
    Bar("mergekit", "mergekit", "linear of two folders against mergekit-yaml 0.1.5, lazy, 2 threads, cold",
        "at least 8 x faster", 8, False, "faster", "s"),
    Bar("mergekit-rss", "mergekit", "the same, peak RSS", "at most 1/40", 40, False, "faster", "MiB"),
    Bar("adapters", "adapters", "`bake` of a LoRA of rank 32 into SDXL (6.9 GB of f16), cold",
        "at most 1.10 x the floor of one read and one write", 1.10, True, "slower", "s"),
    Bar("adapters-rss", "adapters", "the same, peak RSS", "under 256 MiB", 256, True, "value", "MiB"),
    Bar("adapters-four", "adapters-four", "four LoRAs of rank 64 at once", "at most 1.35 x that of one", 1.35, True, "slower", "s"),
    Bar("adapters-peft", "adapters-peft", "`bake` of a PEFT adapter of rank 64 into a folder of shards (Llama 3 8B's shapes, bf16) against peft 0.21.2, cold",
        "at least 5 x faster", 5, False, "faster", "s"),
    Bar("adapters-peft-rss", "adapters-peft", "the same, peak RSS", "at most 1/40", 40, False, "faster", "MiB"),
    Bar("lora-extract", "lora-extract", "`lora extract` of rank 32 of a layer of 3072 x 12288 (f16) against numpy's full SVD",
        "at least 10 x faster", 10, False, "faster", "s"),
    Bar("lora-extract-energy", "lora-extract", "the same, energy that is lost against the best of that rank", "at most 0.1 %", 0.1, True, "value", "%"),
    Bar("ties", "ties", "`ties` of three checkpoints and a base, 3 GiB of bf16 each, cold", "at most 2.5 x `linear` of the four", 2.5, True, "slower", "s"),
    Bar("ties-reads", "ties", "the same, readings of the inputs from the disk", "at most 3", 3, True, "value", "readings"),
    Bar("ties-cgroup", "ties-cgroup", "the same in a 512 MiB memory cgroup, page cache included: readings from the disk",
        "finishes; at most 4.2", 4.2, True, "value", "readings"),
    *(Bar(f"twice-{method}", "twice", f"`{method}` of {count} checkpoints in a 512 MiB memory cgroup: readings from the disk", "2, and what the kernel reads ahead: at most 2.2", 2.2,
          True, "value", "readings")
      for method, count in (("slerp", "two"), ("nuslerp", "two"), ("multislerp", "four"), ("karcher", "four"), ("model_stock", "four"))),
    *(Bar(f"mergekit-{method}{end}", f"mergekit-{method}", f"`{method}` of the same against mergekit-pytorch 0.1.5{told}", text, limit, False, "faster", unit)
      for method, times in (("ties", 10), ("dare_ties", 8), ("breadcrumbs", 8), ("della", 8), ("sce", 8))
      for end, told, text, limit, unit in (("", ", cold", f"at least {times} x faster", times, "s"), ("-rss", ", peak RSS", "at most 1/50", 50, "MiB"))),
    Bar("singular-values", "singular-values", "all singular values of 2048 x 2048 made equal (`iso_c`), against numpy's SVD in f64", "at most 3 x its time (own)", 3, True, "slower", "s"),
    Bar("patterns", "patterns", "60 patterns over 10^6 names, added to `plan`", "under 0.5 s", 0.5, True, "value", "s"),
]
ROWS = list(dict.fromkeys(bar.row for bar in BARS))


def best(bar, numbers):
    """The best of a series: the shortest time, the highest rate; of memory and readings the worst, because a
    peak must hold."""
    return max(numbers) if bar.unit in ("GB/s", "MiB", "readings") else min(numbers)


def ratios(bar, result):
    """What the bar is held against: of best numbers and of medians."""
    ours = result["values"]["ckmerge"]
    if bar.kind == "value":
        return best(bar, ours), median(ours)
    theirs = result["values"][result["yardstick"]]
    pairs = (best(bar, ours), best(bar, theirs)), (median(ours), median(theirs))
    return tuple(o / t if bar.kind == "slower" else t / o for o, t in pairs)


def meets(bar, result):
    """Met only if the best numbers and the medians both meet it."""
    return all(r <= bar.limit if bar.at_most else r >= bar.limit for r in ratios(bar, result))
