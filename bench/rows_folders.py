# SPDX-License-Identifier: Apache-2.0
"""Rows about folders in shards: merges against the disk, the opening of many shards, and mergekit over the same folders, time
and peak memory of the same runs."""
import json
import shutil
import struct

from bars import GIB, MIB
from measure import NotRun, drop_page_cache, interleave, run
from rows import result, size_text, unless_equal
from rows_formulas import against

FOLDER_SIZE, SHARDS = 16 * GIB, 4
# Of the folder's layers, those of each operand of the frankenmerge: 24 of 32.
SHARE = 3 / 4
OPEN_SHARDS, OPEN_TENSORS = 1000, 100
FIO = ("fio", "--direct=1", "--bs=4M", "--ioengine=psync", "--thread", "--output-format=json")


def header(path):
    with path.open("rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def config(shapes):
    """What transformers and mergekit want to know of a Llama with these tensors."""
    vocabulary, hidden = shapes["model.embed_tokens.weight"]
    keys = shapes["model.layers.0.self_attn.k_proj.weight"][0]
    layers = 1 + max(int(name.split(".")[2]) for name in shapes if name.startswith("model.layers."))
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16", "vocab_size": vocabulary, "hidden_size": hidden,
            "intermediate_size": shapes["model.layers.0.mlp.up_proj.weight"][0], "num_hidden_layers": layers, "num_attention_heads": hidden // 128,
            "num_key_value_heads": keys // 128, "head_dim": 128, "max_position_embeddings": 8192, "rms_norm_eps": 1e-05, "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}, "bos_token_id": 1, "eos_token_id": 2}


def write_index(folder, files):
    """The index of shards that lie there. Returns {tensor: shape}."""
    places, shapes = {}, {}
    for path in files:
        tensors = header(path)
        tensors.pop("__metadata__", None)
        places.update({name: path.name for name in tensors})
        shapes.update({name: entry["shape"] for name, entry in tensors.items()})
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": 0}, "weight_map": places})
    return shapes


def model(bench, size, *tune):
    """A folder of SHARDS shards, made once."""
    folder = bench.data / "-".join(["folder", size_text(size), *(word.lstrip("-") for word in tune)])
    if (folder / "config.json").exists():
        return folder
    bench.log(f"  generating {folder.name}")
    folder.mkdir(exist_ok=True)
    files = [folder / f"model-{number:05}-of-{SHARDS:05}.safetensors" for number in range(1, SHARDS + 1)]
    for number, path in enumerate(files, 1):
        run([bench.options.build / "ckmerge-generate", "--arch", "blocks", "--size", size_text(size), *tune, "--part", f"{number}/{SHARDS}", path])
    shapes = write_index(folder, files)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["metadata"]["total_size"] = sum(2 * count(shape) for shape in shapes.values())
    write_json(folder / "model.safetensors.index.json", index)
    write_json(folder / "config.json", config(shapes))
    return folder


def count(shape):
    product = 1
    for extent in shape:
        product *= extent
    return product


def weights_of(folder):
    return sorted(folder.glob("*.safetensors"))


def size_of(folder):
    return sum(path.stat().st_size for path in weights_of(folder))


def floor(bench, reads, written):
    """Seconds that the disk needs: to read each list of files of `reads`, up to so many bytes, and to write `written` bytes, all
    at once, in 4 MiB blocks."""
    if not shutil.which("fio"):
        raise NotRun("fio is missing (apt-get install fio)")
    out = bench.data / "floor.bin"
    out.unlink(missing_ok=True)
    drop_page_cache()
    jobs = []
    for number, (files, size) in enumerate(reads):
        jobs += [f"--name=read{number}", "--filename=" + ":".join(map(str, files)), "--file_service_type=sequential", "--rw=read",
                 f"--io_size={size & -(4 * MIB)}"]
    jobs += ["--name=write", f"--filename={out}", f"--size={written & -(4 * MIB)}", "--rw=write", "--end_fsync=1"]
    report = run([*FIO, *jobs]).output
    told = json.loads(report[report.index("{"):])["jobs"]
    for job, (files, size) in zip(told, reads):
        if job["read"]["io_bytes"] < 0.95 * size:
            raise NotRun(f"fio read {job['read']['io_bytes']} bytes of {size}")
    out.unlink()
    return max(job["job_runtime"] for job in told) / 1000


def remove(out):
    shutil.rmtree(out, ignore_errors=True)


def cold(bench, out, *words):
    remove(out)
    drop_page_cache()
    return run([bench.options.build / "ckmerge", *words])


def linear(bench, a, b, out):
    return cold(bench, out, "merge", a, b, "-m", "linear", "--weights", "0.3,0.7", "-o", f"{out}/", "-q")


def folders(bench):
    a, b = model(bench, bench.options.size), model(bench, bench.options.size, "--tune", "2")
    out, peaks = bench.data / "out", []

    def ours():
        done = linear(bench, a, b, out)
        peaks.append(done.peak / MIB)
        return done.seconds

    values, said = interleave(bench.options.rounds, {
        "fio": lambda: floor(bench, [(weights_of(folder), size_of(folder)) for folder in (a, b)], size_of(a)), "ckmerge": ours}, bench.log)
    remove(out)
    commands = ["ckmerge merge A/ B/ -m linear --weights 0.3,0.7 -o O/ -q",
                "fio --direct=1 --bs=4M --ioengine=psync --thread, three jobs at once: --rw=read A's shards, B's, --rw=write --end_fsync=1"]
    other = unless_equal(bench.options.size, FOLDER_SIZE)
    return {"folders": result(values, "fio", commands, said, other), "folders-rss": result({"ckmerge": peaks}, None, commands[:1], [], other)}


def frankenmerge(bench):
    a, b = model(bench, bench.options.size), model(bench, bench.options.size, "--tune", "2")
    out, recipe = bench.data / "out", bench.data / "franken.yml"
    layers = json.loads((a / "config.json").read_text())["num_hidden_layers"]
    taken = max(1, round(SHARE * layers))
    recipe.write_text(f"slices:\n- sources: [{{model: {a}, layer_range: [0, {taken}]}}]\n- sources: [{{model: {b}, layer_range: [{layers - taken}, {layers}]}}]\n"
                      "merge_method: passthrough\ndtype: bfloat16\n")
    words = ["mergekit", recipe, out, "--quiet"]
    cold(bench, out, *words)
    written = size_of(out)
    values, said = interleave(bench.options.rounds, {
        "fio": lambda: floor(bench, [(weights_of(a) + weights_of(b), written)], written),
        "ckmerge": lambda: cold(bench, out, *words).seconds}, bench.log)
    remove(out)
    recipe.unlink()
    said.insert(0, f"{taken} of {layers} layers of each, {written / 1e9:.1f} GB")
    return {"frankenmerge": result(values, "fio", ["ckmerge mergekit FRANKEN.yml O --quiet", "fio as above, of one read and one write"], said,
                                   unless_equal(bench.options.size, FOLDER_SIZE))}


def many_shards(bench):
    """OPEN_SHARDS shards of OPEN_TENSORS tensors of four F16 numbers."""
    folder = bench.data / "folder-of-many"
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(exist_ok=True)
    files = []
    for shard in range(OPEN_SHARDS):
        tensors = {f"model.layers.{shard}.mlp.experts.{number}.up_proj.weight": {"dtype": "F16", "shape": [4], "data_offsets": [8 * number, 8 * number + 8]}
                   for number in range(OPEN_TENSORS)}
        text = json.dumps(tensors).encode()
        text += b" " * (-len(text) % 8)
        files.append(folder / f"model-{shard + 1:05}-of-{OPEN_SHARDS:05}.safetensors")
        files[-1].write_bytes(struct.pack("<Q", len(text)) + text + bytes(8 * OPEN_TENSORS))
    write_index(folder, files)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["metadata"]["total_size"] = 8 * OPEN_SHARDS * OPEN_TENSORS
    write_json(folder / "model.safetensors.index.json", index)
    write_json(folder / "config.json", {"model_type": "llama", "num_hidden_layers": OPEN_SHARDS})
    return folder


def open_folder(bench):
    folder = many_shards(bench)
    command = [bench.options.build / "ckmerge", "inspect", folder]
    run(command, discard=True)  # the files' first touch
    seconds = [run(command, discard=True).seconds for _ in range(bench.options.rounds)]
    return {"open-folder": result({"ckmerge": seconds}, None, ["ckmerge inspect DIR >/dev/null"], [])}


def mergekit(bench):
    program = bench.options.peers / "peers-venv/bin/mergekit-yaml"
    if not program.exists():
        raise NotRun("no environment of mergekit; scripts/test.sh peers makes one")
    a, b = model(bench, bench.options.size), model(bench, bench.options.size, "--tune", "2")
    out, recipe = bench.data / "out", bench.data / "linear.yml"
    recipe.write_text(f"models:\n- model: {a}\n  parameters: {{weight: 0.3}}\n- model: {b}\n  parameters: {{weight: 0.7}}\n"
                      "merge_method: linear\ndtype: bfloat16\n")
    # As durable as ckmerge's: to the disk before it counts as done.
    words = f"HF_HUB_OFFLINE=1 TQDM_DISABLE=1 {program} {recipe} {out} --lazy-unpickle -j 2 --no-copy-tokenizer --quiet && sync -f {out}"

    def theirs():
        drop_page_cache()
        done = run(["sh", "-c", words])
        return done.seconds, done.peak / MIB

    commands = ["ckmerge mergekit LINEAR.yml O --quiet", "mergekit-yaml LINEAR.yml O --lazy-unpickle -j 2 --no-copy-tokenizer --quiet && sync -f O"]
    try:
        measured = against(bench, "mergekit", "mergekit-yaml", commands, theirs,
                           lambda: cold(bench, out, "mergekit", recipe, out, "--quiet"), lambda: remove(out))
    finally:
        remove(out)
        recipe.unlink()
    for row in measured.values():
        row["notes"].insert(0, f"two folders of {size_text(bench.options.size)}")
    return measured


MEASURES = {"folders": folders, "frankenmerge": frankenmerge, "open-folder": open_folder, "mergekit": mergekit}
