# SPDX-License-Identifier: Apache-2.0
"""usage: same_as_program.py CKMERGE LIBRARY
What a request is answered with is the document that the program prints for the same words, of every command and of
every class of failure; and the outputs are the same bytes."""
import json
import os
import pathlib
import shutil
import struct
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1])]
import checks  # noqa: E402
from library import library  # noqa: E402

# What differs from run to run.
VOLATILE = {"seconds", "peak_memory", "tiles_in_flight", "how", "bytes_read", "threads", "rate", "scanned", "free"}


def write(path, **tensors):
    header, data = {}, b""
    for name, values in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def steady(value):
    if isinstance(value, dict):
        return {key: steady(item) for key, item in value.items() if key not in VOLATILE}
    return [steady(item) for item in value] if isinstance(value, list) else value


def words_of(options):
    for name, value in options.items():
        name = "--" + name.replace("_", "-")
        for one in value if isinstance(value, list) else [value]:
            yield from [name] if one is True else [name, str(one)]


def bytes_of(path):
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    return path.read_bytes() if path.is_file() else None


def same(lib, command, *inputs, **options):
    """Both ways, each without what the other made."""
    out = options.get("output")
    registry = options.get("registry") if command == "scan" else None
    documents, files = [], []
    for act in ("program", "library"):
        for made in out, registry:
            if made and os.path.isdir(made):
                shutil.rmtree(made)
            elif made and os.path.exists(made):
                os.remove(made)
        if act == "program":
            done = checks.call(command, *inputs, *words_of(options), "--json")
            documents.append((done.returncode, json.loads(done.stdout)))
        else:
            documents.append(lib.call(command, inputs, **options))
        files.append(bytes_of(pathlib.Path(out)) if out else None)
    said = f"{command} {inputs} {options}"
    checks.expect(documents[0][0] == documents[1][0], f"{said}: code {documents[0][0]} and {documents[1][0]}")
    first, second = (steady(document) for _, document in documents)
    checks.expect(first == second, f"{said}:\n  program {first}\n  library {second}")
    checks.expect(files[0] == files[1], f"{said}: other bytes")
    return documents[1]


def test_every_command():
    registry = os.path.abspath("registry.db")
    lib = library({"registry": registry, "hash_cache": os.path.abspath("cache/ckmerge/hashes")})
    model = {"model.diffusion_model.input_blocks.1.0.w": [1, 2], "cond_stage_model.w": [3, 4]}
    write("a.safetensors", **model, **{"first_stage_model.decoder.w": [5, 6]})
    write("b.safetensors", **{name: [value + 4 for value in values] for name, values in model.items()},
          **{"first_stage_model.decoder.w": [7, 9]})
    write("vae.safetensors", **{"decoder.w": [8, 8]})
    pathlib.Path("r.yaml").write_text("ckmerge: 1\ncheckpoints: {A: a.safetensors, B: b.safetensors}\n"
                                      "merge: A + 0.5*(B - A)\n")
    pair = ("a.safetensors", "b.safetensors")
    seen = set()

    def every(command, *inputs, **options):
        seen.add(command)
        # The program's registry is given by an option, the library's by the session or the same option.
        return same(lib, command, *inputs, **options)

    code, scanned = every("scan", os.getcwd(), registry=registry, hash=True)
    checks.expect(code == 0 and scanned["found"] == 3, f"scan: {scanned}")
    every("merge", *pair, output="out.safetensors", alpha=0.25, registry=registry, hash=True, no_fsync=True)
    every("merge", *pair, output="out.safetensors", method="linear", weights="1,3", no_register=True)
    every("merge", *pair, output="out.safetensors", weight=["IN01=0.2", "BASE=1"], dtype=["bf16", "vae=f32"],
          no_register=True)
    every("merge", *pair, formula="A + 0.5*(B - A)", output="out.safetensors", no_register=True)
    every("plan", *pair, alpha=0.25)
    every("plan", "r.yaml")
    every("run", "r.yaml", output="out.safetensors", no_register=True)
    pathlib.Path("c.yml").write_text("merge_method: linear\nmodels:\n"
                                     "  - {model: a.safetensors, parameters: {weight: 1}}\n"
                                     "  - {model: b.safetensors, parameters: {weight: 3}}\n")
    every("mergekit", "c.yml", output="merged", no_register=True)
    every("convert", "a.safetensors", output="a.ckpt", dtype="f16", no_register=True)
    every("bake", "a.safetensors", vae="vae.safetensors", output="out.safetensors", no_register=True)
    every("average", *pair, output="out.safetensors", beta=0.5, no_register=True)
    every("run", "out.safetensors", "A=a.safetensors", "B=b.safetensors", output="again.safetensors", no_register=True)
    every("compose", vae="vae.safetensors", output="out.safetensors", no_register=True)
    every("inspect", *pair, "vae.safetensors", blocks=True)
    every("lora", "extract", *pair, output="out.safetensors", rank=2)
    every("hash", *pair, registry=registry)
    every("list", registry=registry)
    every("list", "vae", registry=registry)
    every("show", "vae", registry=registry)
    every("methods")
    every("methods", "slerp")
    code, doctor = lib.call("doctor", [os.getcwd()])
    seen.add("doctor")  # the program's says where its registry is
    checks.expect(code == 0 and doctor["version"] == lib.describe()["version"], f"doctor: {doctor}")
    checks.expect(seen == {command["name"] for command in lib.describe()["commands"]}, f"not tried: {seen}")


def test_failures():
    lib = library()
    write("a.safetensors", w=[1, 2])
    write("b.safetensors", v=[1, 2])
    pathlib.Path("broken.safetensors").write_text("broken")
    pathlib.Path("SUMS").write_text("0" * 64 + "  a.safetensors\n")
    for code, command, inputs, options in (
            (1, "inspect", ["gone.safetensors"], {}),
            (1, "inspect", ["gone.safetensors", "lost.safetensors"], {}),
            (2, "merge", ["a.safetensors", "b.safetensors"], {"output": "o.safetensors", "alpha": "x", "missing": "y"}),
            (2, "merge", [], {"output": "o.safetensors"}),
            (2, "plan", ["a.safetensors"], {"method": "slepr"}),
            (2, "show", ["nothing"], {"registry": "none.db"}),
            (3, "inspect", ["broken.safetensors"], {}),
            (4, "plan", ["a.safetensors", "b.safetensors"], {}),
            (5, "merge", ["a.safetensors", "a.safetensors"], {"output": "o.safetensors", "memory": 1}),
            (6, "hash", [], {"check": "SUMS"})):
        found, document = same(lib, command, *inputs, **options)
        checks.expect(found == code, f"{command} {inputs} {options}: {found} {document}")


checks.run_in_folders(test_every_command, test_failures)
