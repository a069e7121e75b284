#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_places.py CKMERGE
Where a component of one input fits several of another: the one whose names it has as well, or a refusal that names both.
A pipeline's folder beside one of its components: what is told where they do not fit."""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
from checks import call, expect, refused, run_in_folders
from operation_files import read
from recorded_models import Recorded

FIRST, SECOND = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
CLIP_L, CLIP_G = "text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer."
PROJECTION = "text_projection.weight"


def encoder(naming, seed, prefix="", without=()):
    made = make_models.tensors(Recorded("clip-g-open-clip"), naming, "F16", seed)
    return {prefix + name: entry for name, entry in made.items() if name not in without}


def write(path, *parts):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_models.write(path, {name: entry for part in parts for name, entry in part.items()}, "F16")


def merge(*words):
    done = call("merge", *words, "-o", "out.safetensors", "--alpha", "1", "-f")
    expect(done.returncode == 0, f"{words}: {done.stderr[:1000]}")
    return (read("out.safetensors") if done.returncode == 0 else {}), done


def brought_to(prefix, found, a, seed, naming, without=()):
    """What of A changed is behind the prefix, and is the encoder of that seed."""
    first = read(a)
    changed = {name for name in first if found.get(name) != first[name]}
    write("expected.safetensors", encoder(naming, seed, prefix, without))
    expected = read("expected.safetensors")
    lacking = [name for name in expected if name in first and not name.endswith("logit_scale") and found.get(name) != expected[name]]
    expect(changed and all(name.startswith(prefix) for name in changed) and not lacking, f"{prefix}: {sorted(changed)[:3]} {lacking[:3]}")


def encoders_of_one_width():
    write("a.safetensors", encoder("hugging_face", 1, FIRST, (PROJECTION,)), encoder("open_clip", 2, SECOND))
    write("g.safetensors", encoder("hugging_face", 3))
    write("l.safetensors", encoder("hugging_face", 4, "", (PROJECTION,)))
    found, done = merge("a.safetensors", "g.safetensors")
    brought_to(SECOND, found, "a.safetensors", 3, "open_clip")
    expect("to conditioner.embedders.1.model." in done.stdout, f"not said: {done.stdout}")
    found, _ = merge("a.safetensors", "l.safetensors")
    brought_to(FIRST, found, "a.safetensors", 4, "hugging_face", (PROJECTION,))
    found, _ = merge("l.safetensors", "a.safetensors")  # the other way round, A's is the one without a projection
    write("expected.safetensors", encoder("hugging_face", 1, "", (PROJECTION,)))
    expect(found == read("expected.safetensors"), "an encoder of a whole file")


def encoders_that_fit_alike():
    write("a.safetensors", encoder("hugging_face", 1, CLIP_L), encoder("hugging_face", 2, CLIP_G))
    write("b.safetensors", encoder("hugging_face", 3))
    words = ("merge", "a.safetensors", "b.safetensors", "-o", "no.safetensors")
    for prefix in (CLIP_L, CLIP_G):
        refused(4, prefix, *words)
        found, _ = merge("a.safetensors", "b.safetensors", "--add-prefix", f"B:{prefix}")
        brought_to(prefix, found, "a.safetensors", 3, "hugging_face")
        refused(4, prefix, "merge", "b.safetensors", "a.safetensors", "-o", "no.safetensors")
    refused(4, "--add-prefix B:", *words)
    refused(4, "two of its components fit", "merge", "b.safetensors", "a.safetensors", "-o", "no.safetensors")
    expect(not pathlib.Path("no.safetensors").exists(), "written")


def wan(seed):
    return make_models.tensors(Recorded("wan-t2v"), "diffusers", "F16", seed)


def transformers_of_one_pipeline():
    for seed, folder in enumerate(("transformer", "transformer_2")):
        write(f"two/{folder}/diffusion_pytorch_model.safetensors", wan(seed))
        pathlib.Path("two", folder, "config.json").write_text("{}")
    pathlib.Path("two/model_index.json").write_text("{}")
    write("b.safetensors", wan(3))
    for told in ("transformer.", "transformer_2."):
        refused(4, f"behind {told}", "merge", "b.safetensors", "two", "-o", "no.safetensors")
        refused(4, f"behind {told}", "merge", "two", "b.safetensors", "-o", "no", "--layout", "diffusers")
    merge("b.safetensors", "two/transformer_2")


def fragments_of_one_of_two():
    """Blocks that alone were trained, in the other naming, beside two models that have them."""
    block = {name: entry for name, entry in make_models.tensors(Recorded("wan-t2v"), "original", "F16", 5).items() if name.startswith("blocks.1.")}
    write("block.safetensors", block)
    write("a.safetensors", {"transformer." + name: entry for name, entry in wan(1).items()}, {"transformer_2." + name: entry for name, entry in wan(2).items()})
    words = ("merge", "a.safetensors", "block.safetensors", "-o", "no.safetensors")
    refused(4, "fits two components of a.safetensors alike", *words)
    refused(4, "--add-prefix B:transformer", *words)
    for prefix in ("transformer.", "transformer_2."):
        found, _ = merge("a.safetensors", "block.safetensors", "--add-prefix", f"B:{prefix}")
        first = read("a.safetensors")
        changed = {name for name in first if found.get(name) != first[name]}
        expect(changed and all(name.startswith(prefix + "blocks.1.") for name in changed), f"{prefix}: {sorted(changed)[:3]}")
    refused(4, "--add-prefix A:", "merge", "block.safetensors", "a.safetensors", "-o", "no.safetensors")


def counterparts():
    """Of another size, so that nothing fits."""
    flux, vae = make_models.tensors(Recorded("flux-dev"), "diffusers", "F16", 1), make_models.tensors(Recorded("flux-ae"), "diffusers", "F16", 1)
    write("in/transformer/diffusion_pytorch_model.safetensors", flux)
    write("in/vae/diffusion_pytorch_model.safetensors", vae)
    for folder in ("transformer", "vae"):
        pathlib.Path("in", folder, "config.json").write_text("{}")
    pathlib.Path("in/model_index.json").write_text("{}")
    other = make_models.tensors(Recorded("flux-dev"), "original", "F16", 1)
    write("other.safetensors", {name: ([n + 1 for n in shape], make_models.bits(product(n + 1 for n in shape), "F16", random.Random(1)))
                                for name, (shape, _) in other.items()})
    refused(4, "sub-folder transformer: `ckmerge merge other.safetensors in/transformer`", "merge", "other.safetensors", "in/", "-o", "no.safetensors")
    refused(2, "--component transformer", "merge", "in", "other.safetensors", "-o", "no.safetensors")
    expect("--layout" not in call("merge", "other.safetensors", "in", "-o", "no.safetensors").stderr, "advice on --layout")


def product(numbers):
    count = 1
    for number in numbers:
        count *= number
    return count


run_in_folders(encoders_of_one_width, encoders_that_fit_alike, transformers_of_one_pipeline, fragments_of_one_of_two, counterparts)
