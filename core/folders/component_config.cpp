// SPDX-License-Identifier: Apache-2.0
// Fields as the classes of diffusers 0.42 take them. What is no size is the value of the published models.
#include "core/folders/component_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/folders/config_text.h"
#include "core/inputs/component_places.h"

namespace ckmerge {
namespace {

constexpr uint64_t kFluxHead = 128;  // of which (16, 56, 56) are the axes of the rotary embedding
constexpr uint64_t kSd3Head = 64;

// What Flux.1 and Chroma have in common.
ConfigText flux_like(const ConfigSubject& subject, std::string_view class_name) {
  const ComponentNames& names = subject.names;
  const uint64_t channels = size_of(names, "x_embedder.weight", 1), width = size_of(names, "x_embedder.weight", 0);
  const uint64_t head = size_of(names, "transformer_blocks.0.attn.norm_q.weight", 0);
  const uint64_t out_channels = size_of(names, "proj_out.weight", 0);
  ConfigText text(class_name);
  text.field("patch_size", 1).field("in_channels", channels);
  if (out_channels != channels) text.field("out_channels", out_channels);
  text.field("num_layers", names.count("transformer_blocks.#.attn.to_q.weight"))
      .field("num_single_layers", names.count("single_transformer_blocks.#.attn.to_q.weight"));
  if (head != kFluxHead || width % head != 0) throw NoConfig{text.take()};
  text.field("attention_head_dim", head)
      .field("num_attention_heads", width / head)
      .field("joint_attention_dim", size_of(names, "context_embedder.weight", 1))
      .field("axes_dims_rope", std::vector<uint64_t>{16, 56, 56});
  return text;
}

std::string flux_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  return flux_like(subject, "FluxTransformer2DModel")
      .field("pooled_projection_dim", size_of(names, "time_text_embed.text_embedder.linear_1.weight", 1))
      .field("guidance_embeds", names.has("time_text_embed.guidance_embedder.linear_1.weight"))
      .take();
}

std::string chroma_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  return flux_like(subject, "ChromaTransformer2DModel")
      .field("approximator_num_channels", size_of(names, "distilled_guidance_layer.in_proj.weight", 1))
      .field("approximator_hidden_dim", size_of(names, "distilled_guidance_layer.in_proj.weight", 0))
      .field("approximator_layers", names.count("distilled_guidance_layer.layers.#.linear_1.weight"))
      .take();
}

std::string sd3_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  const uint64_t width = size_of(names, "pos_embed.proj.weight", 0), patch = size_of(names, "pos_embed.proj.weight", 2);
  const uint64_t places = size_of(names, "pos_embed.pos_embed", 1);
  const auto side = static_cast<uint64_t>(std::llround(std::sqrt(static_cast<double>(places))));
  const bool normed = names.has("transformer_blocks.0.attn.norm_q.weight");
  const uint64_t head = normed ? size_of(names, "transformer_blocks.0.attn.norm_q.weight", 0) : kSd3Head;
  if (head == 0 || width % head != 0 || side * side != places || patch == 0) throw NoConfig();
  const uint32_t layers = names.count("transformer_blocks.#.attn.to_q.weight");
  std::vector<uint64_t> dual;
  for (uint32_t layer = 0; layer < layers; ++layer)
    if (names.has("transformer_blocks." + std::to_string(layer) + ".attn2.to_q.weight")) dual.push_back(layer);
  ConfigText text("SD3Transformer2DModel");
  text.field("sample_size", 128)
      .field("patch_size", patch)
      .field("in_channels", size_of(names, "pos_embed.proj.weight", 1))
      .field("out_channels", size_of(names, "proj_out.weight", 0) / (patch * patch))
      .field("num_layers", layers)
      .field("attention_head_dim", head)
      .field("num_attention_heads", width / head)
      .field("joint_attention_dim", size_of(names, "context_embedder.weight", 1))
      .field("caption_projection_dim", size_of(names, "context_embedder.weight", 0))
      .field("pooled_projection_dim", size_of(names, "time_text_embed.text_embedder.linear_1.weight", 1))
      .field("pos_embed_max_size", side)
      .field("dual_attention_layers", dual);
  if (normed) text.field("qk_norm", "rms_norm");
  return text.take();
}

struct ConfigRow {
  std::string_view family;
  Naming naming;  ///< that of folders
  std::string (*make)(const ConfigSubject& subject);
};

constexpr auto kRows = std::to_array<ConfigRow>({
    {"flux", Naming::diffusers, flux_config},
    {"chroma", Naming::diffusers, chroma_config},
    {"sd3", Naming::diffusers, sd3_config},
    {"sd-unet", Naming::diffusers, unet_config},
    {"autoencoder-kl", Naming::diffusers, autoencoder_config},
    {"wan", Naming::diffusers, wan_config},
    {"wan-vae", Naming::diffusers, wan_vae_config},
    {"qwen-image", Naming::original, qwen_image_config},  // whose names are the same
    {"clip", Naming::hugging_face, clip_config},
    {"t5", Naming::hugging_face, t5_config},
    {"umt5", Naming::hugging_face, t5_config},
});

}  // namespace

uint64_t size_of(const ComponentNames& names, std::string_view name, size_t dimension) {
  const std::optional<Tensor> tensor = names.find(name);
  if (!tensor || tensor->shape.size() <= dimension || tensor->shape[dimension] == 0) throw NoConfig();
  return tensor->shape[dimension];
}

ConfigText& ConfigText::field(std::string_view key, const std::vector<uint64_t>& numbers) {
  json_.key(key).begin_array();
  for (const uint64_t number : numbers) json_.value(number);
  json_.end_array();
  return *this;
}

std::string ConfigText::take() {
  json_.end_object();
  return json_.text() + "\n";
}

std::optional<std::string> component_config(const Checkpoint& checkpoint, std::string_view prefix,
                                            std::string& known) try {
  const PlacedComponents placed = placed_components(checkpoint);
  const auto component = std::ranges::find(placed.components, prefix, &PlacedComponent::prefix);
  if (component == placed.components.end() || !component->told) return std::nullopt;
  const std::string_view family = component->told->family->name;
  const auto row = std::ranges::find(kRows, family, &ConfigRow::family);
  if (row == kRows.end() || component->told->naming() != row->naming) return std::nullopt;
  const ComponentNames names(checkpoint.tensors, prefix);
  return row->make({.names = names, .family = family, .pipeline = placed.layout ? placed.layout->name : ""});
} catch (const NoConfig& none) {
  known = none.known;
  return std::nullopt;
}

}  // namespace ckmerge
