// SPDX-License-Identifier: Apache-2.0
// Text encoders of which tensors tell enough: CLIP's and T5's. Language models have their rotary embedding in no
// tensor.
#include <algorithm>
#include <array>
#include <string>

#include "core/folders/config_text.h"

namespace ckmerge {
namespace {

// The published text models, whose widths tell what no tensor has.
struct ClipKind {
  uint64_t width;
  std::string_view activation;
};
constexpr auto kClips = std::to_array<ClipKind>({{768, "quick_gelu"}, {1024, "gelu"}, {1280, "gelu"}});
constexpr uint64_t kClipHead = 64;

}  // namespace

std::string clip_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  constexpr std::string_view kTokens = "text_model.embeddings.token_embedding.weight";
  const uint64_t width = size_of(names, kTokens, 1);
  const auto kind = std::ranges::find(kClips, width, &ClipKind::width);
  if (kind == kClips.end()) throw NoConfig();
  const bool projects = names.has("text_projection.weight");
  return ConfigText(projects ? "CLIPTextModelWithProjection" : "CLIPTextModel", "clip_text_model")
      .field("vocab_size", size_of(names, kTokens, 0))
      .field("hidden_size", width)
      .field("intermediate_size", size_of(names, "text_model.encoder.layers.0.mlp.fc1.weight", 0))
      .field("num_hidden_layers", names.count("text_model.encoder.layers.#.mlp.fc1.weight"))
      .field("num_attention_heads", width / kClipHead)
      .field("max_position_embeddings", size_of(names, "text_model.embeddings.position_embedding.weight", 0))
      .field("projection_dim", projects ? size_of(names, "text_projection.weight", 0) : width)
      .field("hidden_act", kind->activation)
      .field("layer_norm_eps", 1e-5)
      .field("bos_token_id", 0)
      .field("eos_token_id", 2)  // as published; it stands for the token of the highest number
      .field("pad_token_id", 1)
      .take();
}

std::string t5_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  const std::string block = "encoder.block.0.layer.", attention = block + "0.SelfAttention.";
  const std::string bias = attention + "relative_attention_bias.weight";
  const bool gated = names.has(block + "1.DenseReluDense.wi_0.weight");
  const std::string tokens = names.has("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";
  const uint64_t heads = size_of(names, bias, 1), rows = size_of(names, attention + "q.weight", 0);
  if (rows % heads != 0) throw NoConfig();
  const bool umt5 = subject.family == "umt5";
  return ConfigText(umt5 ? "UMT5EncoderModel" : "T5EncoderModel", umt5 ? "umt5" : "t5")
      .field("vocab_size", size_of(names, tokens, 0))
      .field("d_model", size_of(names, tokens, 1))
      .field("d_kv", rows / heads)
      .field("d_ff", size_of(names, block + (gated ? "1.DenseReluDense.wi_0.weight" : "1.DenseReluDense.wi.weight"), 0))
      .field("num_layers", names.count("encoder.block.#.layer.0.SelfAttention.q.weight"))
      .field("num_heads", heads)
      .field("relative_attention_num_buckets", size_of(names, bias, 0))
      .field("relative_attention_max_distance", 128)
      .field("feed_forward_proj", gated ? "gated-gelu" : "relu")
      .field("dropout_rate", 0.1)
      .field("layer_norm_epsilon", 1e-6)
      .field("is_encoder_decoder", true)
      .field("eos_token_id", 1)
      .field("pad_token_id", 0)
      .take();
}

}  // namespace ckmerge
