// SPDX-License-Identifier: Apache-2.0
// Wan, with its VAE, and Qwen-Image, which has that VAE.
#include <array>
#include <string>

#include "core/folders/config_text.h"

namespace ckmerge {
namespace {

constexpr uint64_t kHead = 128;  // of all published models; of Wan no tensor has it

std::vector<uint64_t> patch_of(const ComponentNames& names) {
  constexpr std::string_view kEmbedding = "patch_embedding.weight";
  return {size_of(names, kEmbedding, 2), size_of(names, kEmbedding, 3), size_of(names, kEmbedding, 4)};
}

}  // namespace

// Of VACE, names do not tell which of the layers it goes beside.
std::string wan_config(const ConfigSubject& subject) {
  const ComponentNames& names = subject.names;
  const uint64_t width = size_of(names, "patch_embedding.weight", 0);
  const std::vector<uint64_t> patch = patch_of(names);
  const uint64_t points = patch[0] * patch[1] * patch[2], out = size_of(names, "proj_out.weight", 0);
  if (width % kHead != 0 || out % points != 0 || names.begins("vace_")) throw NoConfig();
  ConfigText text("WanTransformer3DModel");
  text.field("patch_size", patch)
      .field("num_attention_heads", width / kHead)
      .field("attention_head_dim", kHead)
      .field("in_channels", size_of(names, "patch_embedding.weight", 1))
      .field("out_channels", out / points)
      .field("text_dim", size_of(names, "condition_embedder.text_embedder.linear_1.weight", 1))
      .field("freq_dim", size_of(names, "condition_embedder.time_embedder.linear_1.weight", 1))
      .field("ffn_dim", size_of(names, "blocks.0.ffn.net.0.proj.weight", 0))
      .field("num_layers", names.count("blocks.#.attn1.to_q.weight"))
      .field("cross_attn_norm", names.has("blocks.0.norm2.weight"));
  if (names.has("condition_embedder.image_embedder.norm1.weight"))
    text.field("image_dim", size_of(names, "condition_embedder.image_embedder.norm1.weight", 0))
        .field("added_kv_proj_dim", size_of(names, "blocks.0.attn2.add_k_proj.weight", 1));
  if (names.has("condition_embedder.image_embedder.pos_embed"))
    text.field("pos_embed_seq_len", size_of(names, "condition_embedder.image_embedder.pos_embed", 1));
  return text.take();
}

// The means by which latents are scaled are those of the published VAE, which the class has.
std::string wan_vae_config(const ConfigSubject& subject) {
  constexpr uint64_t kLatents = 16, kLevels = 4, kResiduals = 2, kWidest = 4;
  const ComponentNames& names = subject.names;
  const uint64_t base = size_of(names, "encoder.conv_in.weight", 0);
  const bool is_published = size_of(names, "decoder.conv_in.weight", 1) == kLatents &&
                            size_of(names, "decoder.conv_in.weight", 0) == kWidest * base &&
                            names.count("encoder.down_blocks.#.*") == kLevels * (kResiduals + 1) - 1;
  if (!is_published) throw NoConfig();
  const bool of_qwen = subject.pipeline == "qwen-image";
  ConfigText text(of_qwen ? "AutoencoderKLQwenImage" : "AutoencoderKLWan");
  text.field("base_dim", base).field("z_dim", kLatents);
  const uint64_t channels = size_of(names, "encoder.conv_in.weight", 1);
  if (of_qwen)
    text.field("input_channels", channels);
  else
    text.field("in_channels", channels).field("out_channels", size_of(names, "decoder.conv_out.weight", 0));
  return text.take();
}

// ComfyUI marks the model that has references at time zero; of Layered more is not told.
std::string qwen_image_config(const ConfigSubject& subject) {
  constexpr uint64_t kPatch = 2;
  const ComponentNames& names = subject.names;
  const uint64_t width = size_of(names, "img_in.weight", 0), out = size_of(names, "proj_out.weight", 0);
  const bool is_published = size_of(names, "transformer_blocks.0.attn.norm_q.weight", 0) == kHead &&
                            width % kHead == 0 && out % (kPatch * kPatch) == 0 &&
                            !names.begins("time_text_embed.addition_t_embedding.");
  if (!is_published) throw NoConfig();
  ConfigText text("QwenImageTransformer2DModel");
  text.field("patch_size", kPatch)
      .field("in_channels", size_of(names, "img_in.weight", 1))
      .field("out_channels", out / (kPatch * kPatch))
      .field("num_layers", names.count("transformer_blocks.#.attn.to_q.weight"))
      .field("attention_head_dim", kHead)
      .field("num_attention_heads", width / kHead)
      .field("joint_attention_dim", size_of(names, "txt_in.weight", 1))
      .field("axes_dims_rope", std::vector<uint64_t>{16, 56, 56});
  if (names.has("__index_timestep_zero__")) text.field("zero_cond_t", true);
  return text.take();
}

}  // namespace ckmerge
