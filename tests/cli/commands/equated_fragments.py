#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: equated_fragments.py CKMERGE
Fragments of recorded models, without the signs by which a naming is told: merged with the whole model in its other
naming each tensor is what the merge of one naming gives, byte for byte, or the merge is refused; never a merge of the
names that happen to be alike. Both ways, and behind another prefix."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "layouts"))
import make_models
import recorded_models
from checks import call, expect, run_in_folders
from operation_files import read

MISMATCH = 4
MODELS = ("z-image", "ltx-video", "flux-dev", "lumina2", "wan-t2v", "wan-vae", "ltx-vae-0.9.1", "hunyuan-video", "sd1")


def write(path, named, prefix=""):
    make_models.write(path, {prefix + name: entry for name, entry in named.items()}, "F16")


def merged(a, b):
    done = call("merge", a, b, "-o", "out.safetensors", "--alpha", "0.3", "-f")
    return (read("out.safetensors") if done.returncode == 0 else None), done


class Model:
    """One naming's tensors, and those of the other by what they are made of."""

    def __init__(self, name):
        self.recorded = recorded_models.Recorded(name)
        self.lost = set(self.recorded.left_out())
        self.left, self.right = ([self.side(naming, seed) for seed in (1, 2)] for naming in ("left", "right"))

    def side(self, naming, seed):
        made = make_models.tensors(self.recorded, naming, "F16", seed)
        return {name: entry for name, entry in made.items() if name not in self.lost}

    def words(self):
        return sorted({name.split(".")[0] for name in self.left[0]})

    def fragments(self, is_taken):
        source = {name: entry[1] for name, entry in self.recorded.right.items()}
        return ({name: entry for name, entry in self.left[1].items() if is_taken(name)},
                {name: entry for name, entry in self.right[1].items() if is_taken(source[name])})


def compare(what, a, same, other, prefix=""):
    write("a.safetensors", a)
    write("same.safetensors", same)
    write("other.safetensors", other, prefix)
    expected, _ = merged("a.safetensors", "same.safetensors")
    found, done = merged("a.safetensors", "other.safetensors")
    if found is None:
        expect(done.returncode == MISMATCH, f"{what}: {done.returncode}: {done.stderr[:500]}")
        return False
    wrong = [name for name in expected or {} if found.get(name) != expected[name]]
    expect(expected is not None and not wrong, f"{what}: {len(wrong)} differ: {wrong[:3]}")
    return True


def fragments_of(name):
    model, brought, tried = Model(name), 0, 0
    for word in model.words():
        for alone in (True, False):
            left, right = model.fragments(lambda given: (given.split(".")[0] == word) == alone)
            if not left or not right:
                continue
            what = f"{name} {'with' if alone else 'without'} {word}"
            brought += compare(what, model.left[0], left, right) + compare(what, model.right[0], right, left)
            tried += 2
    expect(brought * 10 >= tried * 7, f"{name}: {brought} of {tried} fragments were brought to A's names")


def of_many_models():
    for name in MODELS:
        if name in recorded_models.names():
            fragments_of(name)


def fragments_as_a():
    """The first checkpoint is the fragment, the other is whole."""
    for name, word in (("z-image", "layers"), ("ltx-video", "transformer_blocks")):
        model = Model(name)
        left, right = model.fragments(lambda given: given.split(".")[0] == word)
        for what, a, same, other in ((name, left, model.left[0], model.right[0]), (name, right, model.right[0], model.left[0])):
            expect(compare(what + " as A", a, same, other), f"{what}: a fragment as A is refused")


def behind_a_prefix():
    model = Model("z-image")
    left, right = model.fragments(lambda given: not given.startswith("layers"))
    expect(compare("behind a prefix", model.left[0], left, right, "transformer."), "a fragment behind a prefix")


def prefix_of_a_vae():
    """VAEs that differ in the prefix alone, which some programs want and others do not."""
    for name in ("wan-vae", "ltx-vae-0.9.1", "autoencoder-kl"):
        model = Model(name)
        for naming in (model.left, model.right):
            write("bare1.safetensors", naming[0])
            write("bare2.safetensors", naming[1])
            write("behind1.safetensors", naming[0], "vae.")
            write("behind2.safetensors", naming[1], "vae.")
            expected, _ = merged("bare1.safetensors", "bare2.safetensors")
            found, done = merged("bare1.safetensors", "behind2.safetensors")
            expect(found == expected, f"{name}: {done.stderr[:500]}")
            found, done = merged("behind1.safetensors", "bare2.safetensors")
            expect(found == {"vae." + key: value for key, value in expected.items()}, f"{name}, A behind: {done.stderr[:500]}")


def without_some_blocks():
    """What is left of the second checkpoint, or of the first, goes by its own numbers, not by how many there are."""
    for name, lost in (("autoencoder-kl", "decoder.up.3."), ("autoencoder-kl", "decoder.up.0."), ("sd1", "input_blocks.2."),
                       ("sdxl", "input_blocks.1."), ("wan-vae", "decoder.upsamples.0."), ("mochi", "blocks.1.")):
        model = Model(name)
        left, right = model.fragments(lambda given: not given.startswith(lost))
        compare(f"{name} without {lost}", model.left[0], left, right)
        compare(f"{name} without {lost}, A in the other naming", model.right[0], right, left)
        compare(f"{name}, A without {lost}", left, model.left[0], model.right[0])
        compare(f"{name}, A in the other naming without {lost}", right, model.right[0], model.left[0])


def half_converted():
    """Names that were alike are not lost for others that become alike."""
    model = Model("z-image")
    first, other = dict(model.left[0]), model.right[1]
    first = {name: entry for name, entry in first.items() if not name.startswith("layers.1.")}
    first |= {name: entry for name, entry in model.right[0].items() if name.startswith("layers.1.")}
    write("a.safetensors", first)
    write("b.safetensors", other)
    found, done = merged("a.safetensors", "b.safetensors")
    expect(found is None and done.returncode == MISMATCH and "two namings" in done.stderr, f"half converted: {done.stdout} {done.stderr[:500]}")


def a_model_for_a_vae():
    """A VAE is the first, and what holds it the other: nothing is to be baked."""
    unet, vae = Model("sd1"), Model("autoencoder-kl")
    for side in ("left", "right"):
        whole = {"model.diffusion_model." + name: entry for name, entry in unet.left[1].items()}
        whole |= {"first_stage_model." + name: entry for name, entry in vae.left[1].items()}
        write("vae.safetensors", getattr(vae, side)[0])
        write("same.safetensors", getattr(vae, side)[1])
        write("whole.safetensors", whole)
        expected, _ = merged("vae.safetensors", "same.safetensors")
        found, done = merged("vae.safetensors", "whole.safetensors")
        expect(found == expected, f"{side}: {done.stderr[:500]}")


def a_vae_among_models():
    """In either naming it is meant to be baked in."""
    unet, vae = Model("sd1"), Model("autoencoder-kl")
    whole = {"model.diffusion_model." + name: entry for name, entry in unet.left[0].items()}
    whole |= {"first_stage_model." + name: entry for name, entry in vae.left[0].items()}
    write("whole.safetensors", whole)
    for side in ("left", "right"):
        write("vae.safetensors", getattr(vae, side)[1])
        found, done = merged("whole.safetensors", "vae.safetensors")
        expect(found is None and done.returncode == MISMATCH and "ckmerge bake" in done.stderr, f"{side}: {done.stderr[:500]}")


def unlike_sizes():
    """Of one family, in two namings: said to be that, and not to be of different kinds."""
    model = Model("flux-dev")
    half = {name: ([size // 2 if size > 1 else size for size in shape], elements) for name, (shape, elements) in model.right[1].items()}
    counts = {name: 1 for name in half}
    for name, (shape, _) in half.items():
        for size in shape:
            counts[name] *= size
    write("a.safetensors", model.left[0])
    write("b.safetensors", {name: (shape, elements[:counts[name]]) for name, (shape, elements) in half.items()})
    found, done = merged("a.safetensors", "b.safetensors")
    expect(found is None and done.returncode == MISMATCH, f"unlike sizes: {done.returncode}")
    expect("both checkpoints are flux" in done.stderr and "different kinds" not in done.stderr, f"unlike sizes: {done.stderr[:500]}")


run_in_folders(of_many_models, fragments_as_a, behind_a_prefix, prefix_of_a_vae, without_some_blocks, half_converted,
               a_model_for_a_vae, a_vae_among_models, unlike_sizes)
