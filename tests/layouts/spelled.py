# SPDX-License-Identifier: Apache-2.0
"""usage: spelled.py CKMERGE
transformers' models as save_pretrained writes them and as they are called in memory, which is how files of other versions and
tools have them: a merge of one with the other is that of two of one kind, tensor for tensor. Needs transformers;
tests/peers/layouts.py runs it."""
import os
import subprocess
import sys
import tempfile

import torch
import transformers as t
from safetensors.torch import load_file, save_file

SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50}
GROUPED = {**SMALL, "num_key_value_heads": 1}
SEEING = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
FEW_EXPERTS = {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 12}
LATENT = {"q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8}


def models():
    patches = {**SEEING, "image_size": 28, "patch_size": 14}
    yield t.MixtralForCausalLM, t.MixtralConfig(**GROUPED, num_local_experts=3)
    yield t.Qwen3MoeForCausalLM, t.Qwen3MoeConfig(**GROUPED, **FEW_EXPERTS, head_dim=8)
    yield t.DeepseekV3ForCausalLM, t.DeepseekV3Config(**SMALL, **LATENT, num_key_value_heads=2, n_routed_experts=4, n_group=2,
                                                      topk_group=1, moe_intermediate_size=12, first_k_dense_replace=1,
                                                      num_experts_per_tok=2, n_shared_experts=1)
    yield t.PhimoeForCausalLM, t.PhimoeConfig(**GROUPED, num_local_experts=3)
    yield t.JambaForCausalLM, t.JambaConfig(**GROUPED, num_experts=3, attn_layer_period=2, attn_layer_offset=1,
                                            expert_layer_period=1, expert_layer_offset=0, mamba_d_state=4, mamba_dt_rank=2)
    yield t.Lfm2MoeForCausalLM, t.Lfm2MoeConfig(**GROUPED, **FEW_EXPERTS, num_dense_layers=0,
                                                layer_types=["full_attention", "full_attention"])
    yield t.GraniteMoeForCausalLM, t.GraniteMoeConfig(**GROUPED, num_local_experts=3)
    yield t.ViTModel, t.ViTConfig(**SEEING, image_size=32)
    yield t.Dinov2Model, t.Dinov2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28)
    yield t.LlavaForConditionalGeneration, t.LlavaConfig(text_config=t.LlamaConfig(**GROUPED), image_token_index=3,
                                                         vision_config=t.CLIPVisionConfig(**patches))
    yield t.Gemma3ForConditionalGeneration, t.Gemma3Config(text_config=t.Gemma3TextConfig(**GROUPED, head_dim=8),
                                                           vision_config=t.SiglipVisionConfig(**patches))
    yield t.Qwen2_5_VLForConditionalGeneration, t.Qwen2_5_VLConfig(
        text_config={**GROUPED, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}},
        vision_config={"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 16})


def write(model, folder):
    """(the file of save_pretrained, one with the names that the model has in memory)."""
    model.save_pretrained(folder)
    saved, held = os.path.join(folder, "model.safetensors"), folder + ".safetensors"
    has_head = any("lm_head" in name for name in load_file(saved))
    named = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()
             if has_head or name != "lm_head.weight"}
    save_file(named, held, {"format": "pt"})
    return saved, held


def merged(ckmerge, a, b):
    done = subprocess.run([ckmerge, "merge", a, b, "-o", "out.safetensors", "-f"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return load_file("out.safetensors")


def check(ckmerge, kind, config):
    files = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = kind(config)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        files.append(write(model, f"{kind.__name__}-{seed}"))
    for own, other in ((0, 1), (1, 0)):
        expected = merged(ckmerge, files[0][own], files[1][own])
        found = merged(ckmerge, files[0][own], files[1][other])
        wrong = [name for name in expected if name not in found or not torch.equal(expected[name], found[name])]
        if wrong or len(found) != len(expected):
            raise RuntimeError(f"{len(wrong)} of {len(expected)} differ: {wrong[:3]}")


def main(ckmerge):
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ckmerge-spelled-") as folder:
        os.chdir(folder)
        for kind, config in models():
            try:
                check(ckmerge, kind, config)
                print("ok", kind.__name__)
            except RuntimeError as error:
                failed += 1
                print("FAILED:", kind.__name__, error)
        os.chdir("/")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
