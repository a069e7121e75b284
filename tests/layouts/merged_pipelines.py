# SPDX-License-Identifier: Apache-2.0
"""usage: merged_pipelines.py CKMERGE [PIPELINE ...]
Small pipelines as diffusers saves them, merged by ckmerge and loaded by DiffusionPipeline.from_pretrained: every component's
tensors are the sums that torch computes, nothing is missing or left over. Needs diffusers; tests/peers/layouts.py runs it."""
import os
import subprocess
import sys
import tempfile

import diffusers
import made_pipelines
import torch

ALPHA = 0.3


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"FAILED: {' '.join(words)}: {done.stderr}")
    return done.stdout


def loaded(folder, dtype, **how):
    return diffusers.DiffusionPipeline.from_pretrained(folder, local_files_only=True, dtype=dtype, **how)


def tensors(pipeline, component):
    return getattr(pipeline, component).state_dict()


def unlike(found, a, b, alpha, dtype):
    """Names whose tensors are not within the rounding of one operation in `dtype`."""
    faults = sorted(set(found) ^ set(a))
    for name in set(found) & set(a):
        wanted = a[name].double() * (1 - alpha) + b[name].double() * alpha if a[name].is_floating_point() else a[name].double()
        close = torch.finfo(dtype).eps * 2
        if found[name].shape != wanted.shape or not torch.allclose(found[name].double(), wanted, rtol=close, atol=close):
            faults.append(name)
    return faults


def side_files(folder):
    """{path: bytes} of what is no weights, no index and no card."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if not name.endswith((".safetensors", ".index.json", "README.md")) and ".index." not in name:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


def check(what, folder, parts, alphas, dtype, **how):
    pipeline = loaded(folder, dtype, **how)
    a, b = parts
    for component in a:
        faults = unlike(tensors(pipeline, component), a[component], b[component], alphas.get(component, ALPHA), dtype)
        for name in faults[:3]:
            print(f"FAILED: {what}: {component}: {name}")
        yield len(faults)


def pipelines(ckmerge, name):
    a, b = made_pipelines.make(name, "a", 1), made_pipelines.make(name, "b", 2)
    model = "unet" if "unet" in a else "transformer"
    run(ckmerge, "merge", "a", "b", "--alpha", str(ALPHA), "-o", "out/")
    yield from check(f"{name}", "out", (a, b), {}, torch.float32)
    if side_files("out") != side_files("a"):
        print(f"FAILED: {name}: what lies beside the weights is not A's: {side_files('out').keys() ^ side_files('a').keys()}")
        yield 1
    run(ckmerge, "merge", "a", "b", "--alpha", str(ALPHA), "--weight", f"{model}=0.6", "--weight", "vae=0", "-o", "weighed/")
    yield from check(f"{name}: weights of components", "weighed", (a, b), {model: 0.6, "vae": 0}, torch.float32)
    run(ckmerge, "merge", "a", "b", "--alpha", str(ALPHA), "--shard-size", "3KB", "-o", "shards/")
    yield from check(f"{name}: shards", "shards", (a, b), {}, torch.float32)
    run(ckmerge, "merge", "shards", "shards", "-o", "again/")
    yield from check(f"{name}: of shards", "again", (a, b), {}, torch.float32)
    run(ckmerge, "merge", "a", "b", "--component", model, "--alpha", str(ALPHA), "-o", "alone/")
    read = type(getattr(loaded("a", torch.float32), model)).from_pretrained("alone", local_files_only=True)
    yield len(unlike(read.state_dict(), a[model], b[model], ALPHA, torch.float32))


def variants(ckmerge, name):
    a = made_pipelines.make(name, "half-a", 1, torch.float16, variant="fp16", max_shard_size="4KB")
    b = made_pipelines.make(name, "half-b", 2, torch.float16)
    run(ckmerge, "merge", "half-a", "half-b", "--alpha", str(ALPHA), "-o", "half/", "--shard-size", "4KB")
    yield from check(f"{name}: a variant in shards", "half", (a, b), {}, torch.float16, variant="fp16")
    run(ckmerge, "convert", "half", "wide/", "--dtype", "f32")
    yield from check(f"{name}: a variant in another dtype", "wide", (a, b), {}, torch.float16)


def main():
    ckmerge, names = os.path.abspath(sys.argv[1]), sys.argv[2:] or list(made_pipelines.PIPELINES)
    failed = 0
    for name in names:
        for test in (pipelines, variants):
            with tempfile.TemporaryDirectory(prefix="ckmerge-pipelines-") as folder:
                os.chdir(folder)
                faults = sum(test(ckmerge, name))
                os.chdir("/")
            print(f"{name}: {test.__name__}: {'as computed' if not faults else faults}")
            failed += faults
    sys.exit(1 if failed else 0)


main()
