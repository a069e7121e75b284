# SPDX-License-Identifier: Apache-2.0
"""Parts of comfyui/ that need no ComfyUI: which results are found again and what is read for it; weights by rows, where there is torch."""
import importlib
import os
import pathlib
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
failed = 0


def check(what, told):
    global failed
    if not what:
        failed += 1
        print(f"FAILED: {told}")


def part(name, home):
    """A module of the pack, which is not imported as a whole."""
    sys.modules["folder_paths"] = types.SimpleNamespace(get_system_user_directory=lambda pack: os.path.join(home, "user", pack))
    pack = sys.modules.setdefault("pack", types.ModuleType("pack"))
    pack.__path__ = [str(ROOT / "comfyui")]
    return importlib.import_module(f"pack.{name}")


def kept_results(home):
    results = part("results", home)
    a, b, made = (os.path.join(home, name) for name in ("a", "b", "made"))
    read = []

    def sums_of(files):
        read.append(files)
        return {name: pathlib.Path(path).read_text() for name, path in files.items()}

    def find(**files):
        read.clear()
        return results.find(asked(**files), sums_of)

    def asked(options=None, **files):
        return results.Asked("merge", options or {"alpha": 0.3}, "out/x", files)

    for path in (a, b, made):
        pathlib.Path(path).write_text(os.path.basename(path))
    ours = asked(A=a, B=b)
    check(find(A=a, B=b) is None and not read, "files were read though nothing is kept")
    results.keep(ours, ours.seen(), made, {"A": "a", "B": "b"})
    check(find(A=a, B=b) == made and not read, "the same files were read again")
    check(find(A=b, B=a) is None and read, "files the other way round are another merge")
    check(results.find(asked({"alpha": 0.4}, A=a, B=b), sums_of) is None, "another number is another merge")
    os.rename(a, a + "2")
    check(find(A=a + "2", B=b) == made and read, "a renamed file was not known by its sum")
    check(find(A=a + "2", B=b) == made and not read, "a renamed file was read twice")
    pathlib.Path(a).write_text("longer")
    check(find(A=a, B=b) is None and not read, "files of another size were read")
    os.rename(a + "2", a)
    times = os.stat(a)
    pathlib.Path(a).write_text("c")
    os.utime(a, ns=(times.st_atime_ns, times.st_mtime_ns))
    check(find(A=a, B=b) is None and read, "another content under the same name, size and time was taken for the same")
    pathlib.Path(a).write_text("a")

    results.watched.add("x", made)
    before = results.watched.times_gone("x")
    check(before == results.watched.times_gone("x") == results.watched.times_gone("y"), "a result that is there was missed")
    os.utime(made, ns=(0, 0))
    check(find(A=a, B=b) is None, "a result that was changed was found")
    check(results.watched.times_gone("x") == results.watched.times_gone("x") == before + 1, "a change is told once")
    os.remove(made)
    check(find(A=a, B=b) is None and not read, "a result that is gone was found")

    pathlib.Path(made).write_text("new")
    seen = ours.seen()
    pathlib.Path(b).write_text("changed meanwhile")
    results.keep(ours, seen, made, {"A": "a", "B": "b"})
    check(find(A=a, B=b) is None, "a result of files that changed meanwhile was kept")
    ours = asked(A=a, B=b)
    results.keep(ours, ours.seen(), made, None)  # sums could not be had
    check(find(A=a, B=b) == made and not read, "a result without sums was not found")
    for place in pathlib.Path(ours.folder()).iterdir():
        place.write_text('{"path": "x", "state": [1, 2], "new": 1}')
    check(find(A=a, B=b) is None, "a damaged record was read")
    pathlib.Path(ours.folder(), "text.json").write_text("[")
    check(find(A=a, B=b) is None, "a record that is no JSON was read")


def weights_by_rows(home):
    try:
        import torch
    except ImportError:
        print("NOT RUN: weights by rows (no torch)")
        return
    slices = part("slices", home)
    shape, same, codes = torch.Size((10, 7, 3)), (lambda: lambda a, **keywords: a)(), types.SimpleNamespace()
    weight = torch.arange(210.0).reshape(shape)
    patches = [(0.4, [(weight + 1, same), (2.0, [(weight + 2, same)], 0.5, None, None)], 0.6, None, None), (1.0, ("diff", (weight + 3,)), 1.0, None, None),
               (0.3, (weight + 4,), 1.0, None, None), (1.0, ("set", (torch.zeros(()).expand(shape),)), 1.0, None, None)]
    check(slices.by_elements(patches, shape), "merges of models are computed whole")
    rows = slices.rows_of(patches, 4, 3)
    check(torch.equal(rows[0][1][0][0], weight[4:7] + 1) and torch.equal(rows[0][1][1][1][0][0], weight[4:7] + 2), "rows of a nested model")
    check(rows[0][0] == 0.4 and rows[0][2:] == (0.6, None, None) and torch.equal(rows[1][1][1][0], weight[4:7] + 3), "rows of a difference")
    whole = {"a LoRA": (1.0, codes, 1.0, None, None), "a LoRA of old": (1.0, ("lora", (1, 2, 3)), 1.0, None, None),
             "a part": (1.0, (weight,), 1.0, (0, 0, 5), None), "a function": (1.0, (weight,), 1.0, None, same),
             "another shape": (1.0, (weight[1:],), 1.0, None, None), "codes": (1.0, [(weight, codes)], 1.0, None, None)}
    for told, patch in whole.items():
        check(not slices.by_elements([patch], shape), f"{told} is computed by rows")
    for shape in ((1,), (5, 100_000), (1280, 2560, 3, 3), (0, 4), (3, 0)):
        shape, at = torch.Size(shape), 0
        for first, count in slices.slices(shape, torch.device("cpu")):
            check(first == at and (count == 1 or count * shape.numel() <= slices.ON_CPU * shape[0]), f"{shape}: rows {first} and {count} more")
            at = first + count
        check(at == shape[0], f"{shape}: {at} rows")
    found = slices.memory(torch.Size((600, 1000)), torch.float16)
    check(found.dtype == torch.float16 and found.shape == (600, 1000) and found.is_contiguous(), "memory of another kind")


def loras_by_rows(home):
    try:
        import torch
    except ImportError:
        print("NOT RUN: LoRAs by rows (no torch)")
        return
    low_rank = part("low_rank", home)
    shape = torch.Size((70, 40, 3, 3))
    weight, other = torch.randn(shape).half(), torch.randn(shape).half()
    same = (lambda: lambda a, **keywords: a)()

    def lora(strength, *more, alpha=2.0, rank=5, name="lora"):
        weights = (torch.randn(70, rank, 1, 1).half(), torch.randn(rank, 40, 3, 3).half(), alpha, *(more or (None, None, None)))
        return (strength, types.SimpleNamespace(name=name, weights=weights), 1.0, None, None)

    def whole(weight, patches):  # as comfy.lora.calculate_weight
        values = weight.to(torch.float32, copy=True)
        for strength, value, strength_model, _, _ in patches:
            if strength_model != 1.0:
                values *= strength_model
            if isinstance(value, list):
                values += strength * value[0][0].float()
            elif isinstance(value, tuple):
                values += strength * value[1][0].float()
            else:
                up, down, alpha = value.weights[:3]
                made = torch.mm(up.float().flatten(1), down.float().flatten(1)).reshape(values.shape)
                values += ((strength * (1.0 if alpha is None else alpha / down.shape[0])) * made).type(values.dtype)
        return values

    of_model = (0.4, [(other, same)], 0.6, None, None)
    for told, patches in {"one": [lora(0.8)], "one without alpha": [lora(-0.3, alpha=None)], "several": [lora(0.8), lora(0.1, rank=9), lora(1)],
                          "beside merges": [of_model, lora(0.7), of_model, lora(0.2), of_model]}.items():
        check(low_rank.by_rows(patches, shape), f"{told}: computed whole")
        expected = whole(weight, patches)
        found = low_rank.merged(weight, patches, torch.device("cpu"), whole)
        check(torch.equal(found.view(torch.int32), expected.view(torch.int32)), f"{told}: other bits")
        stored = low_rank.rounded_in_place(found, torch.float16, lambda rows: rows.half())
        check(torch.equal(stored.view(torch.int16), expected.half().view(torch.int16)), f"{told}: other bits where rounded in place")
    no_loras = {"a merge": [of_model], "DoRA": [lora(1.0, None, torch.ones(70), None)], "a middle factor": [lora(1.0, torch.ones(5, 5, 3, 3), None, None)],
                "of no strength": [lora(0.0)], "LoHa": [lora(1.0, name="loha")], "of another shape": [(*lora(1.0)[:2], 1.0, (0, 0, 5), None)]}
    for told, patches in no_loras.items():
        check(not low_rank.by_rows(patches, shape), f"{told} is computed as a LoRA")
    check(not low_rank.by_rows([lora(1.0)], torch.Size((71, 40, 3, 3))), "a LoRA of another weight is computed")


for unit in (kept_results, weights_by_rows, loras_by_rows):
    with tempfile.TemporaryDirectory(prefix="ckmerge-units-") as scratch:
        unit(scratch)
sys.exit(1 if failed else 0)
