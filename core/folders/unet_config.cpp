// SPDX-License-Identifier: Apache-2.0
// UNet2DConditionModel of SD 1, SD 2 and SDXL, and AutoencoderKL.
#include <algorithm>
#include <array>
#include <string>

#include "core/folders/config_text.h"

namespace ckmerge {
namespace {

constexpr uint64_t kHead = 64;       // of SD 2 and SDXL
constexpr uint64_t kHeadsOfSd1 = 8;  // which the class takes as attention_head_dim

std::string block(std::string_view side, uint64_t number, std::string_view rest) {
  return std::string(side).append("_blocks.").append(std::to_string(number)).append(rest);
}

bool has_attention(const ComponentNames& names, std::string_view side, uint64_t number) {
  return names.has(block(side, number, ".attentions.0.proj_in.weight"));
}

// How deep the transformers of a block are, which must be alike. `front`: "down_blocks.1", "mid_block".
uint64_t depth_of(const ComponentNames& names, const std::string& front) {
  const uint32_t attentions = names.count(front + ".attentions.#.proj_in.weight");
  uint64_t depth = 0;
  for (uint32_t a = 0; a < attentions; ++a) {
    const std::string at = front + ".attentions." + std::to_string(a) + ".transformer_blocks.#.attn1.to_q.weight";
    const uint64_t here = names.count(at);
    if (here == 0 || (a > 0 && here != depth)) throw NoConfig();
    depth = here;
  }
  return depth;
}

std::vector<uint64_t> channels_of(const ComponentNames& names) {
  std::vector<uint64_t> channels;
  for (uint32_t b = 0; b < names.count("down_blocks.#.resnets.0.conv1.weight"); ++b)
    channels.push_back(size_of(names, block("down", b, ".resnets.0.conv1.weight"), 0));
  return channels;
}

// Of one that was pruned in ways that other fields do not tell.
std::string sizes_alone(const ComponentNames& names) {
  return ConfigText("UNet2DConditionModel")
      .field("in_channels", size_of(names, "conv_in.weight", 1))
      .field("out_channels", size_of(names, "conv_out.weight", 0))
      .field("block_out_channels", channels_of(names))
      .take();
}

struct Levels {
  std::vector<uint64_t> channels, depths;
  std::vector<std::string> down, up;
  uint64_t context = 0, first_with_attention = 0;
};

Levels levels_of(const ComponentNames& names) try {
  Levels levels;
  const uint32_t count = names.count("down_blocks.#.resnets.0.conv1.weight");
  const uint64_t mid = depth_of(names, "mid_block");
  if (count == 0 || mid == 0 || names.count("up_blocks.#.resnets.0.conv1.weight") != count) throw NoConfig();
  levels.channels = channels_of(names);
  levels.first_with_attention = count;
  for (uint32_t b = 0; b < count; ++b) {
    const bool attends = has_attention(names, "down", b);
    if (has_attention(names, "up", count - 1 - b) != attends) throw NoConfig();
    const uint64_t depth = attends ? depth_of(names, "down_blocks." + std::to_string(b)) : b + 1 == count ? mid : 1;
    if (attends && depth_of(names, "up_blocks." + std::to_string(count - 1 - b)) != depth) throw NoConfig();
    if (attends) levels.first_with_attention = std::min<uint64_t>(levels.first_with_attention, b);
    levels.depths.push_back(depth);
    levels.down.emplace_back(attends ? "CrossAttnDownBlock2D" : "DownBlock2D");
    levels.up.insert(levels.up.begin(), attends ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  if (levels.depths.back() != mid || levels.first_with_attention == count) throw NoConfig();
  levels.context = size_of(
      names, block("down", levels.first_with_attention, ".attentions.0.transformer_blocks.0.attn2.to_k.weight"), 1);
  return levels;
} catch (const NoConfig&) {
  throw NoConfig{sizes_alone(names)};
}

bool are_whole_heads(const std::vector<uint64_t>& channels) {
  return std::ranges::all_of(channels, [](uint64_t channel) { return channel % kHead == 0; });
}

std::vector<uint64_t> heads_of(const std::vector<uint64_t>& channels) {
  std::vector<uint64_t> heads;
  for (const uint64_t channel : channels) heads.push_back(channel / kHead);
  return heads;
}

}  // namespace

std::string unet_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  const Levels levels = levels_of(names);
  const std::string proj_in = block("down", levels.first_with_attention, ".attentions.0.proj_in.weight");
  const bool linear = names.find(proj_in)->shape.size() == 2;
  const bool xl = names.has("add_embedding.linear_1.weight");
  ConfigText text("UNet2DConditionModel");
  text.field("sample_size", xl       ? 128
                            : linear ? 96
                                     : 64)
      .field("in_channels", size_of(names, "conv_in.weight", 1))
      .field("out_channels", size_of(names, "conv_out.weight", 0))
      .field("down_block_types", levels.down)
      .field("up_block_types", levels.up)
      .field("block_out_channels", levels.channels)
      .field("layers_per_block", names.count("down_blocks.0.resnets.#.conv1.weight"))
      .field("cross_attention_dim", levels.context)
      .field("transformer_layers_per_block", levels.depths)
      .field("use_linear_projection", linear);
  if (linear && !are_whole_heads(levels.channels)) throw NoConfig{text.take()};
  if (linear)
    text.field("attention_head_dim", heads_of(levels.channels));
  else
    text.field("attention_head_dim", kHeadsOfSd1);
  if (xl)
    text.field("addition_embed_type", "text_time")
        .field("addition_time_embed_dim", 256)
        .field("projection_class_embeddings_input_dim", size_of(names, "add_embedding.linear_1.weight", 1));
  if (names.has("class_embedding.linear_1.weight"))
    text.field("class_embed_type", "projection")
        .field("projection_class_embeddings_input_dim", size_of(names, "class_embedding.linear_1.weight", 1));
  return text.take();
}

namespace {

// By which latents are scaled is in no tensor: it goes by the model that they are for.
struct LatentScale {
  std::string_view pipeline;
  double scaling, shift;
  uint64_t sample_size;
};

constexpr auto kScales = std::to_array<LatentScale>({{"sd1", 0.18215, 0, 512},
                                                     {"sd2", 0.18215, 0, 768},
                                                     {"sdxl", 0.13025, 0, 1024},
                                                     {"sdxl-refiner", 0.13025, 0, 1024},
                                                     {"auraflow", 0.13025, 0, 1024},
                                                     {"sd3", 1.5305, 0.0609, 1024},
                                                     {"flux", 0.3611, 0.1159, 1024},
                                                     {"chroma", 0.3611, 0.1159, 1024},
                                                     {"lumina2", 0.3611, 0.1159, 1024},
                                                     {"z-image", 0.3611, 0.1159, 1024}});

}  // namespace

std::string autoencoder_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  const auto scale = std::ranges::find(kScales, subject.pipeline, &LatentScale::pipeline);
  if (scale == kScales.end() || !names.begins("encoder.")) throw NoConfig();
  std::vector<uint64_t> channels;
  for (uint32_t b = 0; b < names.count("encoder.down_blocks.#.resnets.0.conv1.weight"); ++b)
    channels.push_back(size_of(names, "encoder." + block("down", b, ".resnets.0.conv1.weight"), 0));
  const std::vector<std::string> down(channels.size(), "DownEncoderBlock2D"), up(channels.size(), "UpDecoderBlock2D");
  ConfigText text("AutoencoderKL");
  text.field("sample_size", scale->sample_size)
      .field("in_channels", size_of(names, "encoder.conv_in.weight", 1))
      .field("out_channels", size_of(names, "decoder.conv_out.weight", 0))
      .field("down_block_types", down)
      .field("up_block_types", up)
      .field("block_out_channels", channels)
      .field("layers_per_block", names.count("encoder.down_blocks.0.resnets.#.conv1.weight"))
      .field("latent_channels", size_of(names, "decoder.conv_in.weight", 1))
      .field("use_quant_conv", names.has("quant_conv.weight"))
      .field("use_post_quant_conv", names.has("post_quant_conv.weight"))
      .field("mid_block_add_attention", names.has("encoder.mid_block.attentions.0.to_q.weight"))
      .field("scaling_factor", scale->scaling);
  if (scale->shift != 0) text.field("shift_factor", scale->shift);
  return text.take();
}

}  // namespace ckmerge
