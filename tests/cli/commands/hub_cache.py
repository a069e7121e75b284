#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hub_cache.py CKMERGE
Models in the cache of Hugging Face: by their folders, whose files are links to blobs, and as the hub calls them."""
import hashlib
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import checks
from checks import expect, run_in_folders
from operation_files import make, read
from shard_files import weights, write_shards
from subprocess import run

NAMES = ("a", "b", "c", "d")
FIRST, SECOND = "0123456789" * 4, "abcdef0123" * 4


def call(*words, **variables):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGINGFACE_", "XDG_CACHE"))}
    return run([checks.ckmerge, *words], capture_output=True, text=True, timeout=60,
               env=environment | {"HOME": os.path.abspath("home")} | variables)


def snapshot(cache, model, commit, seed, ref=None, links=True):
    """As huggingface_hub lays it out: relative links to blobs called by their sums."""
    top = pathlib.Path(cache, "models--" + model.replace("/", "--"))
    folder = top / "snapshots" / commit
    (top / "blobs").mkdir(parents=True, exist_ok=True)
    tensors = weights(seed, *NAMES)
    write_shards("made", [{name: tensors[name]} for name in NAMES])
    folder.mkdir(parents=True)
    for file in pathlib.Path("made").iterdir():
        if not links:
            shutil.copy(file, folder)
            continue
        blob = top / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (folder / file.name).symlink_to(os.path.join("../../blobs", blob.name))
    shutil.rmtree("made")
    if ref:
        (top / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        (top / "refs" / ref).write_text(commit)
    make(f"{seed}.safetensors", tensors)
    return str(top)


def converts(word, seed, **variables):
    done = call("convert", word, "out.safetensors", "-f", **variables)
    expect(done.returncode == 0 and read("out.safetensors") == read(f"{seed}.safetensors"),
           f"{word} {variables}: {done.returncode} {done.stdout} {done.stderr}")


def refused(status, told, *words, **variables):
    done = call(*words, **variables)
    expect(done.returncode == status and told in done.stderr, f"{words}: {done.returncode} {done.stderr}")


def test_folders():
    top = snapshot("cache", "org/name", FIRST, 1, "main")
    converts(top, 1)
    converts(top + "/", 1)
    converts(f"{top}/snapshots/{FIRST}", 1)
    converts(f"{top}/snapshots/{FIRST}/model.safetensors.index.json", 1)
    snapshot("cache", "org/name", SECOND, 2, "refs/pr/1")
    converts(top, 1)
    os.remove(top + "/refs/main")
    refused(2, "holds 2 snapshots", "convert", top, "no.safetensors")
    shutil.rmtree(f"{top}/snapshots/{SECOND}")
    converts(top, 1)
    os.remove(os.path.realpath(f"{top}/snapshots/{FIRST}/model-00002-of-00004.safetensors"))
    refused(1, "is a link to a file that is not there", "convert", top, "no.safetensors")


def test_names():
    here = os.path.abspath(".")
    snapshot("home/.cache/huggingface/hub", "org/name", FIRST, 1, "main")
    converts("org/name", 1)
    converts("org/name@main", 1)
    converts(f"org/name@{FIRST}", 1)
    converts(f"org/name@{FIRST[:8]}", 1)
    snapshot("home/.cache/huggingface/hub", "org/name", SECOND, 2, "pr/7", links=False)
    converts("org/name@pr/7", 2)
    snapshot("hf/hub", "org/name", SECOND, 3, "main")
    converts("org/name", 3, HF_HOME=here + "/hf")
    # As huggingface_hub looks: where the first that is set says, and nowhere else.
    refused(1, f"({here}/none/huggingface/hub)", "convert", "org/name", "no.safetensors", XDG_CACHE_HOME=here + "/none")
    snapshot("xdg/huggingface/hub", "org/name", SECOND, 4, "main")
    converts("org/name", 4, XDG_CACHE_HOME=here + "/xdg")
    snapshot("older", "org/name", SECOND, 5, "main")
    converts("org/name", 5, HUGGINGFACE_HUB_CACHE=here + "/older", HF_HOME=here + "/hf")
    snapshot("newer", "org/name", SECOND, 6, "main")
    converts("org/name", 6, HF_HUB_CACHE=here + "/newer", HUGGINGFACE_HUB_CACHE=here + "/older", HF_HOME=here + "/hf")
    snapshot("newer", "gpt2", SECOND, 7, "main")
    converts("gpt2", 7, HF_HUB_CACHE=here + "/newer")
    refused(1, "nothing is downloaded here: hf download org/other", "convert", "org/other", "no.safetensors")
    refused(1, "hf download org/name --revision v2", "merge", "org/name@v2", "org/name", "-o", "no.safetensors")
    refused(1, "cannot be opened", "convert", "gpt2", "no.safetensors")
    refused(1, "cannot be opened", "convert", "org/name.safetensors", "no.safetensors")
    # Neither waited for nor read without an end.
    os.mkfifo("home/.cache/huggingface/hub/models--org--name/refs/pipe")
    os.symlink("/dev/zero", "home/.cache/huggingface/hub/models--org--name/refs/zero")
    for ref in ("pipe", "zero"):
        refused(1, f"hf download org/name --revision {ref}", "convert", f"org/name@{ref}", "no.safetensors")
    os.makedirs("org/name")
    refused(1, "is a folder, and none of a model", "convert", "org/name", "no.safetensors")


def test_recipes():
    snapshot("home/.cache/huggingface/hub", "org/one", FIRST, 1, "main")
    snapshot("home/.cache/huggingface/hub", "org/two", SECOND, 2, "main")
    pathlib.Path("sub").mkdir()
    pathlib.Path("sub/mean.yaml").write_text("ckmerge: 1\ncheckpoints:\n  A: org/one\n  B: org/two@main\nmerge: (A + B) / 2\n")
    done = call("run", "sub/mean.yaml", "-o", "out.safetensors")
    expect(done.returncode == 0, f"recipe: {done.stdout} {done.stderr}")
    done = call("merge", "1.safetensors", "2.safetensors", "--formula", "(A + B) / 2", "-o", "wanted.safetensors")
    expect(done.returncode == 0 and read("out.safetensors") == read("wanted.safetensors"), f"recipe's result {done.stderr}")
    done = call("run", "sub/mean.yaml", "A=org/two", "-o", "out.safetensors", "-f")
    expect(done.returncode == 0 and read("out.safetensors") == read("2.safetensors"), f"bound: {done.stdout} {done.stderr}")
    done = call("inspect", "org/one")
    expect(done.returncode == 0 and "index model.safetensors.index.json" in done.stdout, f"inspect: {done.stdout}{done.stderr}")


run_in_folders(test_folders, test_names, test_recipes)
