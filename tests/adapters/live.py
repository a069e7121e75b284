# SPDX-License-Identifier: Apache-2.0
"""usage: live.py CKMERGE [NAME ...]
With the libraries themselves: whole models of transformers in folders, whose adapters PEFT makes, saves and merges, and ckmerge bakes;
and adapters that ckmerge writes, which PEFT and diffusers load. Needs torch, transformers, peft and diffusers."""
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import tensors
import torch
import transformers

BOUND = 2e-5
SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50}


def llama(tied=False):
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, num_key_value_heads=1, tie_word_embeddings=tied))


def mixtral():
    return transformers.MixtralForCausalLM(transformers.MixtralConfig(**SMALL, num_key_value_heads=1, num_local_experts=3))


def gpt2():
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50, n_positions=20))


def llava():
    seeing = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    return transformers.LlavaForConditionalGeneration(transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(**SMALL, num_key_value_heads=1), vision_config=transformers.CLIPVisionConfig(**seeing), image_token_index=3))


def lora(**given):
    import peft
    return peft.LoraConfig(**{"r": 4, "lora_alpha": 6, "init_lora_weights": False, **given})


LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# (model, config, options of ckmerge)
CASES = {
    "Llama": (llama, lambda: lora(target_modules=LINEAR), ()),
    "Llama, shards": (llama, lambda: lora(target_modules=LINEAR), ("sharded",)),
    "Llama, all-linear": (llama, lambda: lora(target_modules="all-linear", use_rslora=True), ()),
    "Llama, embeddings": (llama, lambda: lora(target_modules=["embed_tokens", "lm_head", "q_proj"]), ()),
    "Llama, head saved": (llama, lambda: lora(target_modules=["q_proj"], modules_to_save=["lm_head", "norm"]), ()),
    "Llama, tokens": (llama, lambda: lora(target_modules=["q_proj"], trainable_token_indices=[3, 7]), ()),
    "Llama, tied": (lambda: llama(True), lambda: lora(target_modules=["embed_tokens", "q_proj", "lm_head"]), ("--tied", "sum")),
    "Llama, DoRA": (llama, lambda: lora(target_modules=LINEAR, use_dora=True), ()),
    "Llama, bf16": (lambda: llama().to(torch.bfloat16), lambda: lora(target_modules=LINEAR), ()),
    "Mixtral, experts": (mixtral, lambda: lora(target_modules=["q_proj"], target_parameters=["experts.gate_up_proj", "experts.down_proj"]), ()),
    "GPT-2": (gpt2, lambda: lora(target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True), ()),
    "LLaVA": (llava, lambda: lora(target_modules=["q_proj", "v_proj"]), ()),
}


def run(ckmerge, *words):
    done = subprocess.run([ckmerge, *map(str, words)], capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=os.path.abspath("cache")))
    return "" if done.returncode == 0 else f"{' '.join(map(str, words))}: exit {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}"


def read_folder(folder):
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        out |= tensors.read(path)
    return out


def fault_of(ours, theirs):
    if set(ours) != set(theirs):
        return f"names differ: {sorted(set(ours) ^ set(theirs))[:4]}"
    for name, (dtype, shape, raw) in theirs.items():
        if ours[name][:2] != (dtype, shape):
            return f"{name} is {ours[name][:2]}, there {dtype} {shape}"
        a, b = tensors.numbers(dtype, ours[name][2]), tensors.numbers(dtype, raw)
        most = BOUND * max(map(abs, b))
        far = [abs(x - y) for x, y in zip(a, b) if abs(x - y) > most + (tensors.step(y, dtype) if dtype != "F32" else 0)]
        if far:
            return f"{name} lies {max(far):.2e} apart"
    return ""


def merged(ckmerge, case):
    """A model and its adapter in folders, merged by both."""
    import peft
    make, config, options = case
    torch.manual_seed(1)
    model, size = make(), "12KB" if "sharded" in options else "1GB"
    model.save_pretrained("base", max_shard_size=size)
    adapted = peft.get_peft_model(model, config())
    with torch.no_grad():
        for name, value in adapted.named_parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * 0.05)
    adapted.save_pretrained("adapter")
    fresh = type(model).from_pretrained("base")
    peft.PeftModel.from_pretrained(fresh, "adapter").merge_and_unload().save_pretrained("theirs", max_shard_size="1GB")
    fault = run(ckmerge, "bake", "base", "--lora", "adapter", "-o", "ours/", "-f", "-q", *(word for word in options if word != "sharded"))
    return fault or fault_of(read_folder("ours"), read_folder("theirs"))


def extracted(ckmerge):
    """A folder that ckmerge wrote is one that PEFT loads, with the same result as the one it was extracted from."""
    import peft
    torch.manual_seed(1)
    model = llama()
    model.save_pretrained("base")
    adapted = peft.get_peft_model(model, lora(target_modules=LINEAR))
    adapted.merge_and_unload().save_pretrained("tuned")
    fault = run(ckmerge, "lora", "extract", "tuned", "base", "--rank", 4, "--save-dtype", "f32", "-o", "found/", "-f", "-q")
    if fault:
        return fault
    fresh = transformers.LlamaForCausalLM.from_pretrained("base")
    peft.PeftModel.from_pretrained(fresh, "found").merge_and_unload().save_pretrained("theirs")
    ours, theirs = read_folder("theirs"), read_folder("tuned")
    worst = max(max(abs(x - y) for x, y in zip(tensors.numbers("F32", ours[name][2]), tensors.numbers("F32", theirs[name][2]))) for name in theirs)
    return f"lies {worst:.2e} apart" if worst > 1e-4 else ""


def added_up(ckmerge):
    """A folder that ckmerge made of two adapters of experts is one that PEFT merges into what ckmerge bakes of both."""
    import peft
    torch.manual_seed(1)
    model = mixtral()
    model.save_pretrained("base")
    peft.get_peft_model(model, lora(target_modules=["q_proj"], target_parameters=["experts.gate_up_proj", "experts.down_proj"],
                                    rank_pattern={"q_proj": 2, "down_proj": 3})).save_pretrained("adapter")
    fault = (run(ckmerge, "lora", "merge", "adapter", "adapter:0.5", "--save-dtype", "f32", "-o", "made/", "-f", "-q")
             or run(ckmerge, "bake", "base", "--lora", "adapter:1.5", "-o", "ours/", "-f", "-q"))
    if fault:
        return fault
    fresh = transformers.MixtralForCausalLM.from_pretrained("base")
    peft.PeftModel.from_pretrained(fresh, "made").merge_and_unload().save_pretrained("theirs")
    return fault_of(read_folder("ours"), read_folder("theirs"))


def grown(ckmerge):
    """A LoRA of embeddings to which tokens were added, which PEFT saves with the embeddings below."""
    import peft
    torch.manual_seed(1)
    model = llama(True)
    model.save_pretrained("base")
    model.resize_token_embeddings(54)
    peft.get_peft_model(model, lora(target_modules=["embed_tokens", "q_proj"])).save_pretrained("adapter")
    fresh = transformers.LlamaForCausalLM.from_pretrained("base")
    fresh.resize_token_embeddings(54)
    peft.PeftModel.from_pretrained(fresh, "adapter").merge_and_unload().save_pretrained("theirs")
    fault = run(ckmerge, "bake", "base", "--lora", "adapter", "-o", "ours/", "-f", "-q") or fault_of(read_folder("ours"), read_folder("theirs"))
    size = transformers.AutoConfig.from_pretrained("ours").vocab_size
    return fault or ("" if size == 54 else f"config.json says {size} tokens")


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.logging.set_verbosity_error()
    ckmerge, wanted, failed, count = os.path.abspath(sys.argv[1]), sys.argv[2:], 0, 0
    tests = {name: lambda case=case: merged(ckmerge, case) for name, case in CASES.items()} | {"extracted": lambda: extracted(ckmerge),
                                                                                            "added up": lambda: added_up(ckmerge), "grown": lambda: grown(ckmerge)}
    for name, test in tests.items():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="ckmerge-live-") as scratch:
            os.chdir(scratch)
            fault = test()
            os.chdir("/")
        if fault:
            print(f"FAILED: {name}: {fault}")
        count, failed = count + 1, failed + bool(fault)
    print(f"{count} models with PEFT, {failed} are wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
