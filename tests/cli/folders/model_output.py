#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: model_output.py CKMERGE
A model's folder as the output of a merge: one file or shards with an index, what lies beside the weights, config.json,
the card, and what is refused."""
import hashlib
import json
import os
import pathlib
import resource
import shutil

from folders import CONFIG, SIDE, as_read, digest, done, expect, files_in, llama, tensors_in, write_model, write_text, write_weights

from checks import refused, run_in_folders, safetensors


def config_of(folder):
    return json.loads(pathlib.Path(folder, "config.json").read_text())


def same_file(a, b):
    return pathlib.Path(a).read_bytes() == pathlib.Path(b).read_bytes()


def check_index(folder, index, with_parameters=True):
    text = pathlib.Path(folder, index).read_text()
    document = json.loads(text)
    expect(text == json.dumps(document, indent=2, sort_keys=True) + "\n", f"{index}: indent 2, sorted, a newline at the end")
    held = {}
    parameters = size = 0
    for path in sorted(set(document["weight_map"].values())):
        for name, (_, shape, data) in safetensors(f"{folder}/{path}")[1].items():
            held[name] = path
            size += len(data)
            count = 1
            for n in shape:
                count *= n
            parameters += count
    expect(document["weight_map"] == held, f"{index}: it lists what the shards hold")
    wanted = {"total_parameters": parameters, "total_size": size} if with_parameters else {"total_size": size}
    expect(document["metadata"] == wanted, f"{index}: {document['metadata']} for {wanted}")
    return held


def test_one_file():
    write_model("a", llama(1))
    write_model("b", llama(2), side={})
    told = done("merge", "a", "b", "-o", "out/", "--alpha", "0.5")
    expect(files_in("out") == sorted([*SIDE, "README.md", "config.json", "model.safetensors"]), f"files: {files_in('out')}")
    for path in SIDE:
        expect(same_file(f"out/{path}", f"a/{path}"), f"{path} is A's")
    expect(same_file("out/config.json", "a/config.json"), "nothing of config.json had to be changed")
    done("merge", "a/model.safetensors", "b/model.safetensors", "-o", "file.safetensors", "--alpha", "0.5")
    expect(safetensors("out/model.safetensors")[1] == safetensors("file.safetensors")[1], "the tensors of a merge of the files")
    expect(tensors_in("out")["model.layers.0.mlp.gate.e_score_correction_bias"][0] == "F32", "each tensor keeps its dtype")
    expect("carried from A: LICENSE, additional_chat_templates/tool.jinja" in told.stdout and "warning" not in told.stdout, told.stdout)
    # A name without an extension, or with one of nothing known, is a folder's too, but not one of a form of files.
    done("merge", "a", "b", "-o", "Merged-3.1-8B", "--alpha", "0.5")
    expect(digest("Merged-3.1-8B") == digest("out"), "the same under another name, byte for byte")
    done("merge", "a", "b", "-o", "one.safetensors", "--alpha", "0.5")
    expect(os.path.isfile("one.safetensors"), "a file where a file is named")
    # Once more, from what the folder says of its making.
    again = done("run", "out/model.safetensors", "A=a", "B=b", "-o", "again/")
    expect(digest("again") == digest("out"), f"run: {again.stdout}")
    again = done("run", "out", "A=a", "B=b", "-o", "again2/")
    expect(digest("again2") == digest("out"), f"run of the folder: {again.stdout}")


def test_shards():
    write_model("a", llama(1))
    write_model("b", llama(2))
    done("merge", "a", "b", "-o", "whole/")
    done("merge", "a", "b", "-o", "out/", "--shard-size", "500", "--verify")
    shards = sorted(path for path in files_in("out") if path.endswith(".safetensors"))
    count = len(shards)
    expect(shards == [f"model-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)] and count > 2, f"{shards}")
    held = check_index("out", "model.safetensors.index.json")
    expect(tensors_in("out") == tensors_in("whole"), "the same tensors")
    for i, path in enumerate(shards):
        metadata, tensors = safetensors(f"out/{path}")
        size = sum(len(data) for *_, data in tensors.values())
        expect(size <= 500 or len(tensors) == 1, f"{path}: {size} bytes")
        expect(metadata["format"] == "pt" and ("ckmerge.recipe" in metadata) == (i == 0), f"{path}: {metadata}")
    order = [held[f"model.layers.{layer}.input_layernorm.weight"] for layer in range(3)]
    expect(order == sorted(order), f"layers follow each other: {order}")
    # The largest tensors have 256 bytes: each by itself, nothing lost.
    done("merge", "a", "b", "-o", "tiny/", "--shard-size", "1")
    expect(len(check_index("tiny", "model.safetensors.index.json")) == len(files_in("tiny")) - len(SIDE) - 3, "a file for each tensor")
    # Made again in as many files, whatever was asked for then.
    for name in ("out", "tiny"):
        done("run", name, "A=a", "B=b", "-o", f"{name}-again/")
        expect(digest(f"{name}-again") == digest(name), f"run of {name}: {files_in(f'{name}-again')}")
    done("run", "tiny", "A=a", "B=b", "-o", "one.safetensors")
    # Never an index beside a single file, never old shards beside new ones.
    done("merge", "a", "b", "-o", "out/", "-f")
    expect("model.safetensors" in files_in("out") and not any("-of-" in path or "index" in path for path in files_in("out")), f"{files_in('out')}")
    expect(digest("out") == digest("whole"), "made new as a whole")


def test_shards_in():
    """The folder, its index and any of its shards are one input, and the result is a folder."""
    write_model("a", llama(1))
    write_model("b", llama(2))
    done("convert", "a", "shards/", "--shard-size", "600", "--metadata", "none")
    done("merge", "a", "b", "-o", "whole/", "--metadata", "none", "--shard-size", "500")
    first = sorted(path for path in files_in("shards") if path.endswith(".safetensors"))[0]
    for number, path in enumerate(("shards", "shards/model.safetensors.index.json", f"shards/{first}")):
        done("merge", path, "b", "-o", f"out{number}/", "--metadata", "none", "--shard-size", "500")
        expect(digest(f"out{number}") == digest("whole"), f"{path} as A")
    done("merge", "shards", "b", "-o", "in-one/", "--metadata", "none")
    expect(tensors_in("in-one") == tensors_in("whole") and "model.safetensors.index.json" not in files_in("in-one"), "shards in, one file out")


def test_many_layers():
    write_model("a", llama(1, layers=12), dict(CONFIG, num_hidden_layers=12))
    done("convert", "a", "out/", "--shard-size", "600")
    held = check_index("out", "model.safetensors.index.json")
    shards = [[held[f"model.layers.{layer}.{name}"] for name in ("self_attn.q_proj.weight", "mlp.up_proj.weight")] for layer in range(12)]
    expect(sum(shards, []) == sorted(sum(shards, [])), "layer 2 comes before layer 10")


def test_same_bytes():
    write_model("a", llama(1))
    write_model("b", llama(2))
    sums = set()
    for number, options in enumerate((["--threads", "1"], ["--threads", "3", "--memory", "1MiB"], ["--verify"])):
        done("merge", "a", "b", "-o", f"out{number}", "--shard-size", "700", *options)
        sums.add(digest(f"out{number}"))
    expect(sums == {GOLDEN}, f"the recorded bytes: {sums}")


GOLDEN = "4af59969a2358c16e6a9b2809901c28389138c99287fd0ece9f26ede6892563b"


def test_config():
    nested = dict(CONFIG, torch_dtype="bfloat16", quantization_config={"quant_method": "x", "dtype": "int8"}, transformers_weights="model.safetensors",
                  text_config={"dtype": "bfloat16", "vocab_size": 3}, vision_config={"torch_dtype": "float32", "depth": 2}, time_step_limit=[0.0, 1e-05])
    write_model("a", llama(1), nested)
    text = pathlib.Path("a/config.json").read_text().replace("[\n    0.0,\n    1e-05\n  ]", "[\n    0.0,\n    Infinity\n  ]")
    write_text("a/config.json", text)
    write_text("a/quantize_config.json", "{}")
    told = done("convert", "a", "out/", "--dtype", "f32")
    wanted = text.replace('"bfloat16"', '"float32"').replace('  "transformers_weights": "model.safetensors",\n', "")
    start = wanted.index('  "quantization_config"')
    wanted = wanted[:start] + wanted[wanted.index('  "text_config"'):]
    expect(pathlib.Path("out/config.json").read_text() == wanted, pathlib.Path("out/config.json").read_text())
    expect("transformers_weights, quantization_config are left out" in told.stdout, told.stdout)
    expect("quantize_config.json (said of weights that are codes)" in told.stdout, told.stdout)
    # The dtype of most bytes, not of the router.
    done("convert", "a", "kept/")
    expect(config_of("kept")["dtype"] == "bfloat16" and config_of("kept")["vision_config"]["torch_dtype"] == "bfloat16", "the main dtype")
    write_text("a/config.json", "{ broken")
    refused(3, "a/config.json cannot be read", "convert", "a", "no/")
    expect(not os.path.exists("no"), "nothing was written")


def test_what_is_carried():
    write_model("a", llama(1), dict(CONFIG, auto_map={"AutoModel": "modeling_x.X", "AutoConfig": "org/x--configuration_x.X"}))
    for path in ("modeling_x.py", "train.py", "optimizer.pt", "trainer_state.json", "adapter_config.json", "notes.txt", ".gitattributes",
                 "original/params.json", "1_Pooling/config.json", "checkpoint-5/model.safetensors", "README.md", "mergekit_config.yml"):
        write_text(f"a/{path}", f"of {path}")
    told = done("convert", "a", "out/")
    expect(files_in("out") == sorted([*SIDE, "1_Pooling/config.json", "README.md", "config.json", "model.safetensors"]), f"{files_in('out')}")
    for text in ("modeling_x.py (code)", "optimizer.pt (left by a trainer)", "adapter_config.json (an adapter)", "notes.txt (not known",
                 "original/ (not known", "checkpoint-5/ (not known", "programs run modeling_x.py (auto_map)", "--copy-code"):
        expect(text in told.stdout, f"{text}: {told.stdout}")
    expect("of README" not in pathlib.Path("out/README.md").read_text(), "the card is made anew")
    document = json.loads(done("convert", "a", "coded/", "--copy-code", "--json").stdout)
    expect(same_file("coded/modeling_x.py", "a/modeling_x.py") and os.path.exists("coded/train.py"), "code is copied when it is asked for")
    left = {entry["path"]: entry["left"] for entry in document["output"]["beside"]}
    expect(left["modeling_x.py"] is None and left["optimizer.pt"] == "left by a trainer", f"{left}")
    expect(document["output"]["files"] == [{"path": "model.safetensors", "component": "", "size": os.path.getsize("coded/model.safetensors"),
                                            "header_size": document["output"]["header_size"], "tensors": 15}], f"{document['output']['files']}")
    # Links become files, and those that lead nowhere are named.
    os.mkdir("blobs")
    os.rename("a/tokenizer.json", "blobs/0123")
    os.symlink("../blobs/0123", "a/tokenizer.json")
    done("convert", "a", "linked/")
    expect(not os.path.islink("linked/tokenizer.json") and same_file("linked/tokenizer.json", "blobs/0123"), "a file in place of the link")
    os.remove("blobs/0123")
    refused(1, "a/tokenizer.json: is a link to a file that is not there", "convert", "a", "no/")


def test_card():
    write_model("base", llama(1))
    write_model("tuned", llama(2))
    card = "---\nlicense: apache-2.0\ntags:\n- x\n---\n# text\n"
    write_text("base/README.md", card)
    done("merge", "base", "tuned", "-o", "out/")
    expect("license" not in pathlib.Path("out/README.md").read_text(), "of one alone nothing is known of the other")
    write_text("tuned/README.md", card)
    done("merge", "base", "tuned", "-o", "out/", "-f", "--alpha", "0.3")
    text = pathlib.Path("out/README.md").read_text()
    expect(text.startswith("---\nbase_model:\n- base\n- tuned\nlibrary_name: transformers\nlicense: apache-2.0\ntags:\n- merge\n---\n"), text)
    for part in ("- A: `base`\n- B: `tuned`\n", "Method: `weighted_sum`", '"alpha": 0.3', "```json\n"):
        expect(part in text, f"{part} in {text}")
    expect(os.getcwd() not in text, "no path of this machine")
    done("merge", "base", "tuned", "-o", "bare/", "--metadata", "none")
    expect(not os.path.exists("bare/README.md"), "with --metadata none nothing says how it was made")


def test_hash():
    write_model("a", llama(1))
    write_model("b", llama(2))
    document = json.loads(done("merge", "a", "b", "-o", "out/", "--shard-size", "700", "--hash", "--json").stdout)
    shards = sorted(path for path in files_in("out") if path.endswith(".safetensors"))
    sums = {path: hashlib.sha256(pathlib.Path("out", path).read_bytes()).hexdigest() for path in shards}
    expect({file["path"]: file["sha256"] for file in document["hashes"]["files"]} == sums, f"{document['hashes']}")
    listed = "".join(f"{sums[path]}  {path}\n" for path in shards)
    expect(document["hashes"]["sha256"] == hashlib.sha256(listed.encode()).hexdigest(), "of the model: of the list of sums")
    expect(document["hashes"]["inputs"] == [hashlib.sha256(pathlib.Path(folder, "model.safetensors").read_bytes()).hexdigest() for folder in "ab"], "inputs")
    # The folder as an input is known by the same sum.
    again = json.loads(done("convert", "out", "again/", "--hash", "--json").stdout)
    expect(again["hashes"]["inputs"] == [document["hashes"]["sha256"]], f"{again['hashes']}")
    done("run", "again", "A=out", "-o", "third/")
    expect(digest("third") == digest("again"), "run: known by its sum")
    refused(4, "is not the file that was merged", "run", "again", "A=a", "-o", "fourth/")


def test_refusals():
    write_model("a", llama(1))
    write_model("b", llama(2))
    write_text("mine/notes.txt", "dear")
    refused(2, "the result is a folder of its own; give another name, such as mine/NAME", "merge", "a", "b", "-o", "mine/")
    done("merge", "a", "b", "-o", "mine/file.safetensors")
    os.remove("mine/file.safetensors")
    refused(2, "holds notes.txt, which is no part of a model", "merge", "a", "b", "-o", "mine/", "-f")
    for foreign in ("lora.safetensors", "sub/model.safetensors", "optimizer.pt", "train.py", "adapter_model.safetensors", ".git/HEAD"):
        write_model("old", llama(3))
        write_text(f"old/{foreign}", "x")
        refused(2, f"holds {foreign.split('/')[0]}", "merge", "a", "b", "-o", "old", "-f")
        expect(os.path.exists(f"old/{foreign}"), f"{foreign} is lost")
        shutil.rmtree("old")
    write_model("old", llama(3))
    write_text("old/modeling_x.py", "x")
    done("merge", "a", "b", "-o", "old", "-f")
    expect("modeling_x.py" not in files_in("old"), "replaced as a whole")
    os.makedirs("configs")
    write_text("configs/config.json", "{}")
    write_model("taken", llama(3))
    refused(2, "already exists and is not empty; use -f", "merge", "a", "b", "-o", "taken")
    refused(2, "holds no model's weights", "merge", "a", "b", "-o", "configs", "-f")
    refused(2, "holds the input", "merge", "a", "b", "-o", "a", "-f")
    os.makedirs("nested/parts")
    write_model("nested/parts/model", llama(3))
    refused(2, "holds the input", "merge", "nested/parts/model", "b", "-o", "nested/parts/model", "-f")
    os.symlink("b", "link")
    refused(2, "is a link", "merge", "a", "b", "-o", "link", "-f")
    refused(2, "is a file, and the result is a folder", "merge", "a", "b", "-o", "mine/notes.txt/", "-f")
    refused(2, "--shard-size is of a model's folder", "merge", "a", "b", "-o", "x.safetensors", "--shard-size", "5GB")
    refused(2, "--copy-code is of a model's folder", "merge", "a", "b", "-o", "x.safetensors", "--copy-code")
    refused(2, "not a size", "merge", "a", "b", "-o", "x/", "--shard-size", "large")
    refused(2, "a model's folder has files of safetensors", "merge", "a", "b", "-o", "x/", "--format", "ckpt")
    expect(not os.path.exists("x") and not os.path.exists("x.safetensors"), "refused, and written")


def test_few_descriptors():
    """More files than a process may have open, written and read again."""
    write_model("many", llama(3, layers=300), dict(CONFIG, num_hidden_layers=300))
    for most in (1024, 48):
        limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))}
        done("convert", "many", f"out{most}/", "--shard-size", "1", "--verify", "--hash", "--memory", "2MiB", **limit)
        check_index(f"out{most}", "model.safetensors.index.json")
        expect(len(files_in(f"out{most}")) == 1203 + len(SIDE) + 3, f"{len(files_in(f'out{most}'))} files")
        done("merge", f"out{most}", "many", "-o", f"again{most}/", "--shard-size", "1", "--threads", "3", **limit)
        expect(tensors_in(f"again{most}") == tensors_in("many"), "the same of equal models")


def test_dots():
    """A folder by its place is the folder by its name."""
    write_model("a", llama(1))
    write_model("b", llama(2))
    done("merge", "a", "b", "-o", "wanted/")
    for number, (inside, out) in enumerate((("", "."), ("", "./"), ("additional_chat_templates", ".."), ("", "additional_chat_templates/.."))):
        folder, up = f"at{number}", "../.." if inside else ".."
        write_model(folder, llama(3))
        done("merge", f"{up}/a", f"{up}/b", "-o", out, "-f", "--save-recipe", f"{up}/r{number}.yaml", cwd=f"{folder}/{inside}")
        expect(digest(folder) == digest("wanted"), f"{out}: {files_in(folder)}")
        expect(os.path.exists(f"r{number}.yaml") and not any("partial" in name for name in os.listdir(".")), f"{out}: {os.listdir('.')}")
    os.mkdir("empty")
    done("merge", "../a", "../b", "-o", ".", cwd="empty")
    expect(digest("empty") == digest("wanted"), "an empty one")
    done("merge", "a", "b", "-o", "new/./")
    expect(digest("new") == digest("wanted"), "one that is not there")
    refused(2, "holds the input", "merge", "../a", "../b", "-o", ".", "-f", cwd="a")


def test_leftover():
    write_model("a", llama(1))
    write_text(".out.ckmerge-partial/additional_chat_templates/half", "of a killed run")
    done("convert", "a", "out/")
    expect(sorted(os.listdir(".")) == ["a", "out"] and "additional_chat_templates/half" not in files_in("out"), f"{os.listdir('.')}")


def test_plan():
    write_model("a", llama(1))
    write_model("b", llama(2))
    told = done("plan", "a", "b", "-o", "out/", "--shard-size", "900")
    expect("  model-00001-of-" in told.stdout and "carried from A" in told.stdout and "Nothing was written" in told.stdout, told.stdout)
    expect(not os.path.exists("out") and not os.path.exists(".out.ckmerge-partial"), "a plan writes nothing")
    document = json.loads(done("plan", "a", "b", "-o", "out/", "--shard-size", "900", "--json").stdout)
    expect(len(document["output"]["files"]) > 1 and document["output"]["files"][0]["path"].startswith("model-00001-of-"), f"{document['output']}")
    write_text("out/notes.txt", "x")
    refused(2, "already exists", "plan", "a", "b", "-o", "out/")


def test_of_files():
    """What is no folder becomes one where shards are asked for."""
    write_weights("a.safetensors", llama(1))
    told = done("convert", "a.safetensors", "out/", "--shard-size", "900")
    check_index("out", "model.safetensors.index.json")
    expect("weights alone" in told.stdout and tensors_in("out") == as_read(llama(1)), told.stdout)
    os.mkdir("named")
    done("convert", "a.safetensors", "named/")
    expect(len(files_in("named")) == 1 and not os.path.exists("named/model.safetensors"), "without, a file in a folder is named as ever")


def test_diffusers():
    tensors = [("blocks.0.weight", "F16", [4, 4], bytes(32)), ("blocks.1.weight", "F16", [4, 4], bytes(32))]
    config = {"_class_name": "X", "_diffusers_version": "0.42.1", "num_layers": 2}
    for variant, name in (("", "diffusion_pytorch_model"), ("fp16", "diffusion_pytorch_model.fp16")):
        folder = f"a{variant}"
        write_weights(f"{folder}/{name}.safetensors", tensors)
        write_text(f"{folder}/config.json", json.dumps(config, indent=2) + "\n")
        done("convert", folder, f"one{variant}/")
        expect(f"{name}.safetensors" in files_in(f"one{variant}"), f"{files_in(f'one{variant}')}")
        done("convert", folder, f"many{variant}/", "--shard-size", "32", "--dtype", "f32")
        index = "diffusion_pytorch_model.safetensors.index." + (variant and variant + ".") + "json"
        check_index(f"many{variant}", index, with_parameters=False)
        expect(f"{name}-00001-of-00002.safetensors" in files_in(f"many{variant}"), f"{files_in(f'many{variant}')}")
        expect(same_file(f"many{variant}/config.json", f"{folder}/config.json"), "a config of diffusers has no dtype")
        expect("library_name: diffusers" in pathlib.Path(f"many{variant}/README.md").read_text(), "the library")


run_in_folders(test_one_file, test_shards, test_shards_in, test_many_layers, test_same_bytes, test_config, test_what_is_carried, test_card, test_hash, test_refusals, test_few_descriptors, test_dots,
               test_leftover, test_plan, test_of_files, test_diffusers)
