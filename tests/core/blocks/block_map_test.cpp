// SPDX-License-Identifier: Apache-2.0
// The block of every name, against a second table: of real checkpoints by the substrings and patterns by which
// supermerger tells blocks, of others by hand.
#include "core/blocks/block_map.h"

#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <sstream>

#include "bench/blueprint.h"
#include "core/names/architecture.h"
#include "tests/core/failure.h"

using namespace ckmerge;

namespace {

TensorTable table_of(std::span<const bench::TensorBlueprint> tensors) {
  TensorTable table;
  for (const bench::TensorBlueprint& tensor : tensors)
    table.add(tensor.name, Dtype::F16, tensor.shape, 0, 0, 2 * tensor.count(), tensor.count());
  table.sort_by_name();
  return table;
}

TensorTable table_of(const std::vector<std::string>& names) {
  TensorTable table;
  const uint64_t shape[] = {2};
  for (const std::string& name : names) table.add(name, Dtype::F32, shape, 0, 0, 8, 2);
  table.sort_by_name();
  return table;
}

std::string guess(const TensorTable& tensors) { return guess_architecture(tensors, {}, {}).architecture; }

const std::string& block_of(const BlockMap& map, std::string_view name) {
  static const std::string none = "none";
  const BlockId id = map.of(name);
  return id == BlockMap::kNoBlock ? none : map.blocks()[id].name;
}

std::string two_digits(const std::string& letters, const std::string& number) {
  return letters + (number.size() < 2 ? "0" : "") + number;
}

std::string first_group(const std::string& name, const char* pattern) {
  std::smatch match;
  return std::regex_search(name, match, std::regex(pattern)) ? match[1].str() : "";
}

// supermerger's order of tests.
std::string stable_diffusion_block(const std::string& name, const char* last) {
  const auto has = [&](const char* part) { return name.find(part) != name.npos; };
  if (has("time_embed") || has("label_emb")) return "IN00";
  if (has(".out.")) return last;
  if (const std::string n = first_group(name, R"(\.input_blocks\.(\d+)\.)"); !n.empty()) return two_digits("IN", n);
  if (const std::string n = first_group(name, R"(\.middle_block\.(\d+)\.)"); !n.empty()) return "M00";
  if (const std::string n = first_group(name, R"(\.output_blocks\.(\d+)\.)"); !n.empty()) return two_digits("OUT", n);
  return "BASE";
}

std::string flux_block(const std::string& name) {
  if (const std::string n = first_group(name, R"(double_blocks\.(\d+))"); !n.empty()) return two_digits("D", n);
  if (const std::string n = first_group(name, R"(single_blocks\.(\d+))"); !n.empty()) return two_digits("S", n);
  if (name.find("_in") != name.npos) return "IN";
  return name.find("final_layer") != name.npos ? "OUT" : "BASE";
}

void check_all(const bench::Blueprint& blueprint, const char* text, const auto& wanted) {
  const TensorTable tensors = table_of(blueprint.tensors());
  const BlockMap map(tensors, guess(tensors));
  CHECK(map.text() == text);
  uint64_t counted = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string name(tensors.name(i));
    INFO(name);
    CHECK(block_of(map, name) == wanted(name));
  }
  for (const Block& block : map.blocks()) counted += block.tensors;
  CHECK(counted == tensors.size());
}

struct Named {
  const char* architecture;
  const char* name;
  const char* block;
};

}  // namespace

TEST_CASE("every name of SD 1.5, SDXL and Flux lies in supermerger's block") {
  check_all(bench::stable_diffusion_15(), "BASE, IN00..IN11, M00, OUT00..OUT11",
            [](const std::string& name) { return stable_diffusion_block(name, "OUT11"); });
  check_all(bench::stable_diffusion_xl(), "BASE, IN00..IN08, M00, OUT00..OUT08",
            [](const std::string& name) { return stable_diffusion_block(name, "OUT08"); });
  check_all(bench::flux(bench::kFluxDoubleBlocks, 2 * bench::kFluxDoubleBlocks), "IN, D00..D18, S00..S37, OUT",
            flux_block);
}

TEST_CASE("layers of a language model are its blocks") {
  check_all(bench::llama(bench::kLlama8B), "BASE, EMBED, L00..L31, HEAD", [](const std::string& name) {
    if (const std::string n = first_group(name, R"(layers\.(\d+)\.)"); !n.empty()) return two_digits("L", n);
    return std::string(name.starts_with("model.embed") ? "EMBED" : name.starts_with("lm_head") ? "HEAD" : "BASE");
  });
}

TEST_CASE("names of other networks and namings lie where docs/blocks.md says") {
  constexpr Named kNames[] = {
      {"sd1", "conv_in.weight", "IN00"},
      {"sd1", "time_embedding.linear_1.bias", "IN00"},
      {"sd1", "down_blocks.0.resnets.0.norm1.weight", "IN01"},
      {"sd1", "down_blocks.0.downsamplers.0.conv.weight", "IN03"},
      {"sd1", "down_blocks.1.attentions.1.proj_in.weight", "IN05"},
      {"sd1", "down_blocks.3.resnets.1.conv1.weight", "IN11"},
      {"sd1", "mid_block.attentions.0.proj_in.weight", "M00"},
      {"sd1", "up_blocks.0.upsamplers.0.conv.bias", "OUT02"},
      {"sd1", "up_blocks.3.attentions.2.proj_out.weight", "OUT11"},
      {"sd1", "conv_norm_out.weight", "OUT11"},
      {"sd1-inpainting", "model.diffusion_model.out.2.bias", "OUT11"},
      {"sdxl", "add_embedding.linear_1.weight", "IN00"},
      {"sdxl", "up_blocks.2.resnets.2.conv1.weight", "OUT08"},
      {"sdxl", "conv_out.bias", "OUT08"},
      {"sdxl", "conditioner.embedders.1.model.ln_final.weight", "BASE"},
      {"sdxl", "first_stage_model.quant_conv.weight", "BASE"},
      {"sd3", "model.diffusion_model.joint_blocks.23.x_block.attn.qkv.weight", "IN23"},
      {"sd3", "transformer_blocks.7.attn.to_q.weight", "IN07"},
      {"sd3", "model.diffusion_model.pos_embed", "EMBED"},
      {"sd3", "model.diffusion_model.final_layer.linear.bias", "OUT"},
      {"sd3", "text_encoders.t5xxl.transformer.shared.weight", "BASE"},
      {"flux-dev", "vae.encoder.conv_in.weight", "VAE"},
      {"flux-dev", "transformer.single_transformer_blocks.3.proj_mlp.weight", "S03"},
      {"flux-dev", "transformer.x_embedder.weight", "IN"},
      {"flux-dev", "text_encoder_2.encoder.block.0.layer.0.SelfAttention.q.weight", "T5"},
      {"sdxl", "unet.up_blocks.2.resnets.2.conv1.weight", "OUT08"},
      {"sdxl", "unet.down_blocks.1.attentions.1.proj_in.weight", "IN05"},
      {"flux-dev", "text_encoders.clip_l.transformer.text_model.final_layer_norm.bias", "CLIP"},
      {"flux-schnell", "text_encoders.t5xxl.transformer.shared.weight", "T5"},
      {"flux-schnell", "double_blocks.0.txt_mlp.0.weight", "D00"},
      {"flux-dev", "transformer_blocks.18.attn.to_q.weight", "D18"},
      {"flux-dev", "single_transformer_blocks.37.proj_mlp.weight", "S37"},
      {"flux-dev", "time_text_embed.guidance_embedder.linear_1.weight", "IN"},
      {"flux-dev", "norm_out.linear.weight", "OUT"},
      {"flux2", "double_stream_modulation_img.lin.weight", "MOD"},
      {"flux2", "single_blocks.47.linear1.weight", "S47"},
      {"chroma", "distilled_guidance_layer.layers.4.in_layer.weight", "GUIDE"},
      {"chroma", "cond_stage_model.t5xxl.transformer.shared.weight", "T5"},
      {"chroma", "model.diffusion_model.double_blocks.0.img_attn.proj.bias", "D00"},
      {"hunyuan-video", "model.model.txt_in.individual_token_refiner.blocks.0.norm1.weight", "IN"},
      {"hunyuan-video", "model.model.single_blocks.39.linear1.weight", "S39"},
      {"auraflow", "double_layers.3.attn.w1q.weight", "D03"},
      {"auraflow", "single_layers.31.modCX.1.weight", "S31"},
      {"auraflow", "modF.1.weight", "OUT"},
      {"qwen-image", "transformer_blocks.59.attn.add_q_proj.weight", "T59"},
      {"qwen-image", "txt_norm.weight", "IN"},
      {"qwen-image", "norm_out.linear.bias", "OUT"},
      {"z-image", "layers.29.attention.qkv.weight", "L29"},
      {"z-image", "noise_refiner.1.attention.qkv.weight", "N01"},
      {"z-image", "context_refiner.0.feed_forward.w1.weight", "C00"},
      {"z-image", "cap_pad_token", "IN"},
      {"wan", "blocks.39.cross_attn.norm_k.weight", "B39"},
      {"wan", "patch_embedding.weight", "IN"},
      {"wan", "head.modulation", "OUT"},
      {"wan", "vace_blocks.7.before_proj.weight", "V07"},
      {"gpt2", "transformer.h.11.attn.c_attn.weight", "L11"},
      {"gpt2", "wte.weight", "EMBED"},
      {"t5", "decoder.block.2.layer.0.SelfAttention.q.weight", "DB02"},
      {"t5", "encoder.block.2.layer.0.SelfAttention.q.weight", "B02"},
      {"whisper", "model.decoder.layers.3.fc1.weight", "DL03"},
      {"", "net.blocks.12.mlp.layer1.weight", "B12"},
      {"", "llm_adapter.blocks.0.norm.weight", "ADAPTER"},
      {"", "vision_model.encoder.layers.5.mlp.fc1.weight", "V05"},
      {"", "model.diffusion_model.transformer_blocks.5.ff.net.0.proj.weight", "T05"},
      {"", "something.else", "BASE"},
      {"", "layers.12345678.weight", "BASE"},
  };
  std::map<std::string, std::vector<std::string>> names;
  for (const Named& row : kNames) names[row.architecture].emplace_back(row.name);
  for (const Named& row : kNames) {
    const BlockMap map(table_of(names[row.architecture]), row.architecture);
    INFO(std::string(row.name));
    CHECK(block_of(map, row.name) == std::string(row.block));
  }
}

TEST_CASE("a guess that no name bears out gives way to numbered layers") {
  const BlockMap map(table_of({"model.layers.0.w", "model.layers.2.w"}), "sdxl");
  CHECK(map.text() == "L00, L02");
  CHECK(block_of(map, "model.layers.1.w") == "none");
}

TEST_CASE("a U-Net of which nobody knows the kind has its blocks") {
  CHECK(
      BlockMap(table_of({"model.diffusion_model.input_blocks.0.0.weight", "model.diffusion_model.out.2.bias", "x"}), "")
          .text() == "BASE, IN00, OUT11");
  CHECK(BlockMap(table_of({"input_blocks.8.0.weight", "label_emb.0.0.weight", "out.2.bias"}), "").text() ==
        "IN00, IN08, OUT08");
  CHECK(BlockMap(table_of({"down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.weight"}), "").text() == "IN04");
  CHECK(BlockMap(table_of({"a", "conv_in.weight"}), "").text() == "BASE");
}

TEST_CASE("lists have as many numbers as they say, in blocks that the tables know") {
  for (const BlockTable& table : block_tables())
    for (const BlockList& list : table.lists) {
      INFO(std::string(list.blocks));
      size_t numbers = 0;
      std::istringstream words{std::string(list.blocks)};
      for (std::string word; words >> word;) {
        const size_t dots = word.find("..");
        if (word.ends_with("=0")) continue;
        numbers += dots == word.npos ? 1 : std::stoul(word.substr(word.size() - 2)) + 1;
      }
      CHECK(numbers == list.count);
    }
}

TEST_CASE("averages of ldm's lie where their weights do") {
  const BlockMap map(
      table_of({"model.diffusion_model.output_blocks.11.0.w", "model.diffusion_model.output_blocks.1.10.w",
                "model_ema.diffusion_modeloutput_blocks110w", "model_ema.decay"}),
      "sd1");
  CHECK(map.weight_name("model_ema.decay") == "model_ema.decay");
  CHECK(map.blocks()[0].tensors == 1);
  CHECK(map.text() == "BASE, OUT01, OUT11");
}
