# SPDX-License-Identifier: Apache-2.0
"""usage: combined.py CKMERGE [NAME ...]
What `ckmerge lora merge` and `lora resize` must not do: compute with factors that have no product, take for a product of two factors
what is none, keep metadata that scales the result again, take more memory than they were given."""
import os
import pathlib
import re
import subprocess

import named_tests
import recorded
import spelled
import tensors

MODULE = "lora_unet_mid_block_attentions_0_proj_in"
# Shapes of up, down and mid that have no product.
SHAPES = {
    "more columns of up than rows of down": ([12, 400], [3, 10]), "more rows of down than columns of up": ([12, 3], [400, 10]),
    "an up of a kernel": ([12, 4, 3, 3], [4, 10, 3, 3]), "a vector for an up": ([12], [4, 10]), "a vector for a down": ([12, 4], [4]),
    "a scalar for an up": ([], [1, 10]), "a scalar for a down": ([12, 1], []), "scalars": ([], []), "a vector, rank 1": ([12], [1, 10]),
    "rank 0": ([12, 0], [0, 10]), "no rows": ([0, 4], [4, 10]), "no columns": ([12, 4], [4, 0]),
    "a vector for a mid": ([12, 4, 1, 1], [4, 10, 1, 1], [4]), "a matrix for a mid": ([12, 4], [4, 10], [4, 4]),
    "a mid of other rows": ([12, 4, 1, 1], [4, 10, 1, 1], [400, 4, 3, 3]), "a mid of other columns": ([12, 4, 1, 1], [4, 10, 1, 1], [4, 9, 3, 3]),
    "a mid of no points": ([12, 4, 1, 1], [4, 10, 1, 1], [4, 4, 0, 3]), "two kernels": ([12, 4, 1, 1], [4, 10, 3, 3], [4, 4, 3, 3]),
}
DTYPES = {"an up of whole numbers": ("I32", "F32"), "factors of whole numbers": ("I64", "I64"), "a down of flags": ("F32", "BOOL")}
# Recordings that no product of two factors is, and what the refusal says.
OTHERS = {
    ("peft-lora", "lora, attention of torch"): "MultiheadAttention", ("peft-lora", "kasa"): "KaSA",
    ("peft-lora", "lora, an embedding"): "embedding", ("peft-lora", "dora"): "DoRA",
}


# Of experts, and of blocks on a diagonal, which are products of another order.
EXPERTS = [("peft-models", "Mixtral"), ("peft-models", "Mixtral, one parameter"), ("peft-models", "Qwen3-MoE"), ("peft-models", "gpt-oss"), ("peft-lora", "lora, experts"),
           ("peft-lora", "lora, experts, both"), ("peft-lora", "lora, experts, transposed"), ("peft-lora", "lora, a router")]
MERGES = (("merge", "adapter", "adapter:0.5"), 1.5), (("merge", "adapter:0.5"), 0.5)
SMALLER = (("merge", "adapter", "adapter:0.5", "--rank", 4), 1.5), (("resize", "adapter", "--rank", 4), 1)


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return done.returncode, (done.stdout + done.stderr).strip()


def refusals(ckmerge, path, words, out="o.safetensors"):
    """Merge and resize say why they do not compute with an adapter's factors, and inspect does not either."""
    status, told = run(ckmerge, "inspect", path, "--blocks")
    if status:
        yield f"inspect: exit {status}: {told[-300:]}"
    for asked in (("merge",), ("resize", "--rank", 2), ("resize", "--energy", 0.9)):
        status, told = run(ckmerge, "lora", asked[0], path, *asked[1:], "-o", out)
        if status != 4:
            yield f"{asked}: exit {status} instead of 4: {told[-300:]}"
        elif not re.search(words, told):
            yield f"{asked}: is refused without {words!r}: {told[-300:]}"
        if os.path.exists(out):
            yield f"{asked}: something is written"


def zeros(dtype, shape):
    count = 1
    for extent in shape:
        count *= extent
    return dtype, shape, bytes(count * tensors.SIZES[dtype])


def misshapen(ckmerge, name):
    factors = dict(zip(("up", "down", "mid"), SHAPES[name]))
    tensors.write("L.safetensors", {f"{MODULE}.lora_{which}.weight": zeros("F32", shape) for which, shape in factors.items()})
    shapes = ".*".join(re.escape(str(shape)) for shape in factors.values())
    yield from refusals(ckmerge, "L.safetensors", f"{MODULE}.*{shapes}")


def mistyped(ckmerge, name):
    up, down = DTYPES[name]
    tensors.write("L.safetensors", {f"{MODULE}.lora_up.weight": zeros(up, [12, 4]), f"{MODULE}.lora_down.weight": zeros(down, [4, 10])})
    yield from refusals(ckmerge, "L.safetensors", f"{MODULE}.*{up if up != 'F32' else down}")


def of_another_kind(ckmerge, group, name):
    path = recorded.write_adapter(name, recorded.load(group)[name], pathlib.Path("adapter"))
    yield from refusals(ckmerge, path, OTHERS[group, name], "out/")


def weights(path):
    """The tensors of a file or folder."""
    files = sorted(pathlib.Path(path).glob("*.safetensors")) if os.path.isdir(path) else [path]
    return {name: entry for file in files for name, entry in tensors.read(file).items()}


def made_adds_the_same(ckmerge, group, name, cases):
    """What is made of an adapter, baked, is that adapter with the strengths' sum."""
    entry = recorded.load(group)[name]
    recorded.write_adapter(name, entry, pathlib.Path("adapter"))
    base, _ = recorded.write_base(recorded.load("nets"), entry, pathlib.Path("base"))
    end = "/" if base.is_dir() else ".safetensors"
    for words, strength in cases:
        for command in (["lora", *words, "--save-dtype", "f32", "-o", "made/", "-f", "-q"], ["bake", base, "--lora", "made", "-o", f"made_in{end}", "-f", "-q"],
                        ["bake", base, "--lora", f"adapter:{strength}", "-o", f"direct{end}", "-f", "-q"], ["inspect", "made", "--blocks"]):
            status, told = run(ckmerge, *command)
            if status:
                yield f"{command}: exit {status}: {told[-300:]}"
                return
        direct, made = weights(f"direct{end}"), weights(f"made_in{end}")
        for tensor, (dtype, _, raw) in direct.items():
            wanted, got = tensors.numbers(dtype, raw), tensors.numbers(dtype, made[tensor][2])
            if max(abs(x - y) for x, y in zip(wanted, got)) > (2e-6 if dtype == "F32" else 2e-2) * max(map(abs, wanted)):
                yield f"{words}: {tensor} is another"


def experts(ckmerge, group, name):
    """Experts under one name are added up exactly; their ranks are not lowered, and no other spelling has names for them."""
    yield from made_adds_the_same(ckmerge, group, name, MERGES)
    if name == "lora, a router":
        return
    for words, why in ((("merge", "adapter", "--rank", 2, "-o", "x/"), "added up and not lowered"),
                       (("resize", "adapter", "--rank", 2, "-o", "x/"), "added up and not lowered"),
                       (("merge", "adapter", "--spelling", "diffusers", "-o", "x.safetensors"), "in the spelling peft alone|no name in the spelling")):
        status, told = run(ckmerge, "lora", *words)
        if status != 4 or not re.search(why, told) or os.path.exists(words[-1]):
            yield f"{words}: exit {status}: {told[-300:]}"


def other_parameters(ckmerge):
    """Adapters whose names of experts mean different parameters are not added up."""
    for name, folder in (("lora, experts", "one"), ("lora, experts, both", "two")):
        recorded.write_adapter(name, recorded.load("peft-lora")[name], pathlib.Path(folder))
    status, told = run(ckmerge, "lora", "merge", "one", "two", "-o", "x/")
    if status != 4 or "have other target_parameters" not in told:
        yield f"exit {status}: {told[-300:]}"


def diagonal(ckmerge):
    """Factors of BD-LoRA, which are blocks on a diagonal, become plain ones that add the same."""
    yield from made_adds_the_same(ckmerge, "peft-lora", "bd-lora", MERGES + SMALLER)


def told_scales(ckmerge):
    """Scales that diffusers writes into metadata are in the factors of what is made, and nothing tells them again."""
    model = spelled.models()["sd1"]
    tensors.write("base.safetensors", spelled.whole(model))
    tensors.write("L.safetensors", *spelled.dotted({"unet": "unet.", "te": "text_encoder."}, told=True)(model.right_pairs))
    for words, strength in ((("resize", "L.safetensors", "--rank", 2), 1), (("merge", "L.safetensors", "L.safetensors:0.5"), 1.5)):
        for spelling in ("diffusers", "kohya"):
            out = f"{spelling}.safetensors"
            status, told = run(ckmerge, "lora", *words, "--save-dtype", "f32", "--spelling", spelling, "-o", out, "-f", "-q")
            if status:
                yield f"{words}: exit {status}: {told[-300:]}"
                continue
            if "lora_adapter_metadata" in tensors.read_all(out)[1]:
                yield f"{words}: {out} keeps lora_adapter_metadata"
            run(ckmerge, "bake", "base.safetensors", "--lora", out, "-o", "made_in.safetensors", "-f", "-q")
            run(ckmerge, "bake", "base.safetensors", "--lora", f"L.safetensors:{strength}", "-o", "direct.safetensors", "-f", "-q")
            made, direct = tensors.read("made_in.safetensors"), tensors.read("direct.safetensors")
            for name, (dtype, _, raw) in direct.items():
                wanted, got = tensors.numbers(dtype, raw), tensors.numbers(dtype, made[name][2])
                if max(abs(x - y) for x, y in zip(wanted, got)) > 2e-5 * max(map(abs, wanted)):
                    yield f"{words}: {name} is another with {out}"
                    break


def too_little_memory(ckmerge):
    """A --memory that is too small is refused with what would do, before factors are read; that much does, and not more is taken."""
    rank, extent = 64, 1024
    tensors.write("L.safetensors", {f"{MODULE}.lora_up.weight": zeros("F16", [extent, rank]), f"{MODULE}.lora_down.weight": zeros("F16", [rank, extent])})
    for words in (("merge", "L.safetensors", "L.safetensors:0.5"), ("merge", "L.safetensors", "L.safetensors:0.5", "--rank", 8),
                  ("resize", "L.safetensors", "--rank", 8), ("resize", "L.safetensors", "--energy", 0.9)):
        status, told = run(ckmerge, "lora", *words, "-o", "o.safetensors", "--memory", "16MiB")
        needed = re.search(r"give --memory ([0-9.]+) ?([KMG]iB) or more", told)
        if status != 5 or not needed:
            yield f"{words}: exit {status} instead of 5 with the number: {told[-300:]}"
            continue
        status, told = run(ckmerge, "lora", *words, "-o", "o.safetensors", "-f", "--memory", f"{float(needed[1]) + 0.1}{needed[2]}")
        if status:
            yield f"{words}: exit {status} with the memory that was told to do: {told[-300:]}"


TESTS = {name: lambda ckmerge, name=name: misshapen(ckmerge, name) for name in SHAPES}
TESTS |= {name: lambda ckmerge, name=name: mistyped(ckmerge, name) for name in DTYPES}
TESTS |= {f"{group}, {name}": lambda ckmerge, group=group, name=name: of_another_kind(ckmerge, group, name) for group, name in OTHERS}
TESTS |= {f"{group}, {name}, added up": lambda ckmerge, group=group, name=name: experts(ckmerge, group, name) for group, name in EXPERTS}
TESTS |= {"scales in metadata": told_scales, "blocks on a diagonal": diagonal, "experts of other parameters": other_parameters, "too little memory": too_little_memory}


if __name__ == "__main__":
    named_tests.run(TESTS, "adapters")
