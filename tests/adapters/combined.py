# SPDX-License-Identifier: Apache-2.0
"""usage: combined.py CKMERGE [NAME ...]
What `ckmerge lora merge` and `lora resize` must not do: compute with factors that have no product, take for a product of two factors
what is none, keep metadata that scales the result again, take more memory than they were given."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

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
    ("peft-models", "Mixtral"): "experts", ("peft-models", "Mixtral, one parameter"): "experts", ("peft-models", "Qwen3-MoE"): "experts", ("peft-models", "gpt-oss"): "experts",
    ("peft-lora", "lora, experts"): "experts", ("peft-lora", "lora, experts, both"): "experts", ("peft-lora", "lora, experts, transposed"): "experts",
    ("peft-lora", "bd-lora"): "BD-LoRA", ("peft-lora", "lora, attention of torch"): "MultiheadAttention", ("peft-lora", "kasa"): "KaSA",
    ("peft-lora", "lora, an embedding"): "embedding", ("peft-lora", "dora"): "DoRA",
}


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

TESTS |= {"scales in metadata": told_scales, "too little memory": too_little_memory}


def main():
    ckmerge, failed = os.path.abspath(sys.argv[1]), 0
    for name, test in TESTS.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        with tempfile.TemporaryDirectory(prefix="ckmerge-combined-") as scratch:
            os.chdir(scratch)
            for fault in test(ckmerge):
                print(f"FAILED: {name}: {fault}")
                failed += 1
            os.chdir("/")
    print(f"{len(TESTS)} adapters, {failed} faults")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
