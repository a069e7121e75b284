// SPDX-License-Identifier: Apache-2.0
#include "core/names/architecture.h"

#include <doctest/doctest.h>

#include <vector>

using namespace ckmerge;

namespace {

struct Named {
  const char* name;
  std::vector<uint64_t> shape;
};

ArchitectureGuess guess(const std::vector<Named>& tensors, const Metadata& metadata = {}) {
  TensorTable table;
  for (const Named& tensor : tensors) {
    uint64_t count = 1;
    for (const uint64_t dimension : tensor.shape) count *= dimension;
    table.add(tensor.name, Dtype::F16, tensor.shape, 0, 0, 2 * count, count);
  }
  return guess_architecture(table, metadata, judge(table, metadata));
}

}  // namespace

TEST_CASE("generations of Stable Diffusion differ in the width of their text encoder") {
  const auto unet = [](uint64_t width) {
    return guess({{"model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight", {640, width}}});
  };
  CHECK(unet(768) == ArchitectureGuess{"sd1", "diffusion model"});
  CHECK(unet(1024) == ArchitectureGuess{"sd2", "diffusion model"});
  CHECK(unet(2048) == ArchitectureGuess{"sdxl", "diffusion model"});
  CHECK(unet(1280) == ArchitectureGuess{});
  CHECK(guess({{"down_blocks.2.attentions.1.transformer_blocks.0.attn2.to_k.weight", {1280, 2048}}}) ==
        ArchitectureGuess{"sdxl", "diffusion model"});
}

TEST_CASE("generations of Stable Diffusion differ in what they are made of, whatever its width") {
  constexpr const char* kLabel = "label_emb.0.0.weight";
  constexpr const char* kCross = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight";
  const Named linear{"input_blocks.4.1.proj_in.weight", {8, 8}},
      convolved{"input_blocks.4.1.proj_in.weight", {8, 8, 1, 1}};
  CHECK(guess({linear, {kLabel, {8, 8}}, {"input_blocks.8.0.in_layers.0.weight", {8}}}).architecture == "sdxl");
  CHECK(guess({linear, {kLabel, {8, 8}}, {"input_blocks.11.0.in_layers.0.weight", {8}}}).architecture ==
        "sdxl-refiner");
  CHECK(guess({linear, {kLabel, {8, 8}}, {kCross, {8, 1024}}, {"input_blocks.11.0.in_layers.0.weight", {8}}})
            .architecture == "sd2");
  CHECK(guess({linear, {kCross, {8, 8}}, {"input_blocks.11.0.in_layers.0.weight", {8}}}).architecture == "sd2");
  CHECK(guess({convolved, {kCross, {8, 8}}}).architecture == "sd1");
  CHECK(guess({{"unet.down_blocks.1.attentions.0.proj_in.weight", {8, 8}},
               {"unet.add_embedding.linear_1.weight", {8, 8}},
               {"unet.down_blocks.2.resnets.0.conv1.weight", {8, 8, 3, 3}}})
            .architecture == "sdxl");
}

TEST_CASE("a checkpoint is a diffusion model with other parts") {
  const Named cross{"model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", {320, 768}};
  CHECK(guess({cross, {"first_stage_model.decoder.conv_in.weight", {512, 4, 3, 3}}}) ==
        ArchitectureGuess{"sd1", "checkpoint"});
  CHECK(guess({cross, {"cond_stage_model.transformer.text_model.final_layer_norm.bias", {768}}}).kind == "checkpoint");
  CHECK(guess({cross, {"model.diffusion_model.input_blocks.0.0.weight", {320, 9, 3, 3}}}).architecture ==
        "sd1-inpainting");
  CHECK(guess({cross, {"model.diffusion_model.input_blocks.0.0.weight", {320, 8, 3, 3}}}).architecture ==
        "sd1-pix2pix");
  CHECK(guess({cross, {"model.diffusion_model.input_blocks.0.0.weight", {320, 4, 3, 3}}}).architecture == "sd1");
}

TEST_CASE("networks that contain others' signs are told apart") {
  const Named block{"double_blocks.0.img_attn.qkv.weight", {9216, 3072}};
  CHECK(guess({block}).architecture == "flux-schnell");
  CHECK(guess({block, {"guidance_in.in_layer.weight", {3072, 256}}}).architecture == "flux-dev");
  CHECK(guess({block, {"distilled_guidance_layer.in_proj.weight", {5120, 64}}}).architecture == "chroma");
  const Named llama{"model.layers.31.self_attn.q_proj.weight", {4096, 4096}};
  CHECK(guess({llama}) == ArchitectureGuess{"llama", "language model"});
  CHECK(guess({llama, {"model.layers.31.self_attn.q_norm.weight", {128}}}).architecture == "qwen3");
  CHECK(guess({llama, {"model.layers.3.block_sparse_moe.gate.weight", {8, 4096}}}).architecture == "mixtral");
}

TEST_CASE("parts alone") {
  CHECK(guess({{"decoder.conv_in.weight", {512, 4, 3, 3}}}) == ArchitectureGuess{"sd", "vae"});
  CHECK(guess({{"first_stage_model.decoder.conv_in.weight", {512, 4, 3, 3}}}).kind == "vae");
  CHECK(guess({{"text_model.encoder.layers.11.self_attn.q_proj.weight", {1280, 1280}}}) ==
        ArchitectureGuess{"clip-g", "text encoder"});
  CHECK(guess({{"encoder.block.0.layer.0.SelfAttention.q.weight", {4096, 4096}}}) ==
        ArchitectureGuess{"t5-xxl", "text encoder"});
  CHECK(guess({{"control_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", {320, 768}}}) ==
        ArchitectureGuess{"sd1", "controlnet"});
}

TEST_CASE("adapters, by the modules that they change") {
  const std::string module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
  const std::string down = module + ".lora_down.weight", up = module + ".lora_up.weight", alpha = module + ".alpha";
  CHECK(guess({{alpha.c_str(), {}}, {down.c_str(), {16, 768}}, {up.c_str(), {320, 16}}}) ==
        ArchitectureGuess{"sd1", "adapter (LoRA)"});
  CHECK(guess({{down.c_str(), {16, 2048}}, {up.c_str(), {640, 16}}}).architecture == "sdxl");
  CHECK(guess({{"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", {4, 1280}}}).architecture == "sdxl");
  CHECK(guess({{"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", {4, 3072}}}).architecture == "flux");
  CHECK(guess({{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", {8, 4096}}}) ==
        ArchitectureGuess{"", "adapter (LoRA)"});
}

TEST_CASE("where tensors say nothing the metadata may") {
  CHECK(guess({{"w", {4}}}) == ArchitectureGuess{});
  CHECK(guess({{"w", {4}}}, {{"modelspec.architecture", "stable-diffusion-xl-v1-base/lora"}}).architecture == "sdxl");
  CHECK(guess({{"x.lora_down.weight", {4, 4}}}, {{"ss_base_model_version", "sdxl_base_v1-0"}}) ==
        ArchitectureGuess{"sdxl", "adapter (LoRA)"});
  // Tensors are believed before metadata.
  CHECK(guess({{"joint_blocks.0.context_block.attn.qkv.weight", {1, 1}}}, {{"modelspec.architecture", "flux-1-dev"}})
            .architecture == "sd3");
}

TEST_CASE("names of no network cost nothing and crash nothing") {
  const std::string long_name(1'000'000, '0');
  CHECK(guess({{long_name.c_str(), {1}}, {"", {1}}, {".", {}}, {"0", {}}, {"model.diffusion_model.", {}}}) ==
        ArchitectureGuess{});
}

TEST_CASE("families of images and video are told by names, in each of their namings") {
  const auto of = [](const std::vector<Named>& tensors) { return guess(tensors).architecture; };
  const Named qkv{"layers.0.attention.qkv.weight", {18, 6}}, caption{"cap_embedder.1.weight", {6, 5}};
  CHECK(of({qkv, caption}) == "lumina2");
  CHECK(of({qkv, caption, {"cap_pad_token", {1, 6}}}) == "z-image");
  CHECK(of({{"layers.0.attention.to_q.weight", {6, 6}}, {"cap_pad_token", {1, 6}}}) == "z-image");
  const Named cross{"blocks.0.cross_attn.kv_linear.weight", {8, 4}};
  CHECK(of({cross}) == "pixart");
  CHECK(of({cross, {"blocks.0.mlp.inverted_conv.conv.weight", {20, 4, 1, 1}}}) == "sana");
  CHECK(of({{"transformer_blocks.0.ff.conv_inverted.weight", {20, 4, 1, 1}},
            {"time_embed.emb.timestep_embedder.linear_1.weight", {4, 4}}}) == "sana");
  const Named time{"adaln_single.emb.timestep_embedder.linear_1.weight", {8, 256}},
      attention{"transformer_blocks.0.attn2.to_k.weight", {8, 8}};
  CHECK(of({time, attention}) == "ltx-video");
  CHECK(of({time, attention, {"pos_embed.proj.weight", {8, 2, 2, 2}}}) == "pixart");
  const Named single{"single_transformer_blocks.0.attn.to_k.weight", {4, 4}},
      guidance{"time_text_embed.guidance_embedder.linear_1.weight", {4, 4}};
  CHECK(of({single, guidance}) == "flux-dev");
  CHECK(of({single, guidance, {"context_embedder.token_refiner.refiner_blocks.0.attn.to_k.weight", {4, 4}}}) ==
        "hunyuan-video");
  CHECK(of({single, {"distilled_guidance_layer.in_proj.weight", {4, 4}}}) == "chroma");
  CHECK(of({{"model.model.double_blocks.0.img_attn.qkv.weight", {12, 4}},
            {"model.model.txt_in.individual_token_refiner.blocks.0.norm1.weight", {4}}}) == "hunyuan-video");
  CHECK(of({{"blocks.0.self_attn.q.weight", {4, 4}}, {"head.modulation", {1, 2, 4}}}) == "wan");
}
