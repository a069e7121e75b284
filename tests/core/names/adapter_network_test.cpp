// SPDX-License-Identifier: Apache-2.0
#include "core/names/adapter_network.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace ckmerge;

namespace {

// Of LoRAs that change these modules, whose inputs are so many.
std::string network(const std::vector<std::pair<std::string, uint64_t>>& modules) {
  TensorTable tensors;
  for (const auto& [module, width] : modules) {
    const std::vector<uint64_t> shape{4, width};
    tensors.add(module + ".lora_A.weight", Dtype::F16, Shape(shape), 0, 0, 8 * width, 4 * width);
  }
  return adapter_network(tensors);
}

}  // namespace

TEST_CASE("networks that make pictures are told by the names of an adapter's modules, and by widths") {
  CHECK(network({{"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", 768}}) == "sd1");
  CHECK(network({{"lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_v", 2048}}) == "sdxl");
  CHECK(network({{"lora_unet_input_blocks_7_1_transformer_blocks_9_attn1_to_q", 1280}}) == "sdxl");
  CHECK(network({{"transformer.transformer_blocks.0.attn.add_q_proj", 1536},
                 {"transformer.transformer_blocks.0.attn.to_q", 1536}}) == "sd3");
  CHECK(network({{"transformer.transformer_blocks.0.attn.to_q", 3072},
                 {"transformer.transformer_blocks.0.img_mlp.net.0.proj", 3072}}) == "qwen-image");
  CHECK(network({{"diffusion_model.blocks.0.self_attn.q", 1536}}) == "wan");
  CHECK(network({{"transformer.blocks.0.ffn.net.0.proj", 5120}}) == "wan");
  CHECK(network({{"diffusion_model.layers.0.attention.to_q", 3840}}) == "z-image");
  CHECK(network({{"lora_unet_joint_blocks_0_x_block_attn_qkv", 1536}}) == "sd3");
}

TEST_CASE("Hunyuan Video and Flux.2, whose modules are called as those of Flux.1") {
  CHECK(network({{"lora_unet_double_blocks_0_img_attn_qkv", 3072}}) == "flux");
  CHECK(network({{"transformer.single_transformer_blocks.37.attn.to_q", 3072}}) == "flux");
  CHECK(network({{"transformer.single_transformer_blocks.0.attn.to_q", 3072},
                 {"transformer.context_embedder.token_refiner.refiner_blocks.0.attn.to_q", 3072}}) == "hunyuan-video");
  CHECK(network({{"transformer.single_transformer_blocks.39.attn.to_q", 3072}}) == "hunyuan-video");
  CHECK(network({{"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj", 6144}}) == "flux2");
  CHECK(network({{"lora_unet_single_blocks_47_linear2", 24576}, {"lora_unet_single_blocks_47_linear1", 6144}}) ==
        "flux2");
  CHECK(network({{"diffusion_model.single_blocks.0.q_proj", 4096}}) == "flux3");
}

TEST_CASE("what names do not tell stays open") {
  CHECK(network({{"base_model.model.model.layers.0.self_attn.q_proj", 4096}}).empty());
  CHECK(network({{"text_encoder.text_model.encoder.layers.0.self_attn.q_proj", 768}}).empty());
  CHECK(network({{"transformer.transformer_blocks.0.attn2.to_k", 2048}}).empty());
  CHECK(network({{"base_model.model.encoder.block.0.layer.0.SelfAttention.q", 512}}) == "t5");
  CHECK(network({{"text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj", 1280}}) == "sdxl");
  CHECK(network({{"lora_te_text_model_encoder_layers_0_mlp_fc1", 768}}) == "sd1");
}

TEST_CASE("language models are told by the base that PEFT's config names") {
  CHECK(network_of_base("google/gemma-2-9b-it") == "gemma2");
  CHECK(network_of_base("mistralai/Mixtral-8x7B-v0.1") == "mixtral");
  CHECK(network_of_base("mistralai/Mistral-7B-v0.3") == "llama");
  CHECK(network_of_base("Qwen/Qwen3-30B-A3B") == "qwen3-moe");
  CHECK(network_of_base("Qwen/Qwen2.5-VL-7B-Instruct").empty());
  CHECK(network_of_base("llava-hf/llava-1.5-7b-hf").empty());
  CHECK(network_of_base("/models/Meta-Llama-3-8B/") == "llama");
  CHECK(network_of_base("openai/gpt-oss-20b").empty());
  CHECK(network_of_base("").empty());
}

TEST_CASE("modules are called as the publisher does, or as diffusers does") {
  CHECK(module_naming("input_blocks_4_1_proj_in") == ModuleNaming::original);
  CHECK(module_naming("down_blocks.0.attentions.0.proj_in") == ModuleNaming::diffusers);
  CHECK(module_naming("single_transformer_blocks.0.proj_mlp") == ModuleNaming::diffusers);
  CHECK(module_naming("blocks.0.ffn.0") == ModuleNaming::original);
  CHECK(module_naming("blocks_0_ffn_net_0_proj") == ModuleNaming::diffusers);
  CHECK(module_naming("text_model.encoder.layers.0.mlp.fc1") == ModuleNaming::unknown);
}
