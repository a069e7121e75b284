// SPDX-License-Identifier: Apache-2.0
// Families whose names are the same for the publisher, ComfyUI, diffusers and transformers.
#include <utility>

#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

LayoutRules kept(const ComponentNames& /*names*/, bool /*from_left*/) { return {{.left = "*", .right = "*"}}; }

ModelFamily single_named(const char* name, std::vector<std::string_view> signs) {
  return {.name = name,
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = std::move(signs),
          .right_signs = {},
          .rules = kept};
}

ModelFamily single_named_encoder(const char* name, std::vector<std::string_view> signs) {
  ModelFamily family = single_named(name, std::move(signs));
  family.role = ComponentRole::text_encoder;
  family.left = Naming::hugging_face;
  family.right = Naming::transformers;
  return family;
}

// Which have other names in a folder of diffusers, or no place there.
ModelFamily unconverted(const char* name, std::vector<std::string_view> signs) {
  constexpr const char* kWhy =
      "no rules are known for the names that other programs give it; "
      "take the files that its publisher gives in the other naming";
  ModelFamily family = single_named(name, std::move(signs));
  family.no_way_right = family.no_way_left = kWhy;
  return family;
}

constexpr const char* kT5Query = "encoder.block.#.layer.0.SelfAttention.q.weight";
constexpr const char* kT5Embedding = "shared.weight|encoder.embed_tokens.weight";

}  // namespace

ModelFamily qwen_image_family() {
  return single_named("qwen-image", {"transformer_blocks.#.img_mod.1.weight", "txt_norm.weight"});
}

ModelFamily hidream_family() {
  return single_named("hidream",
                      {"double_stream_blocks.#.block.ff_i.gate.weight", "caption_projection.#.linear.weight"});
}

ModelFamily omnigen2_family() {
  return single_named("omnigen2", {"ref_image_patch_embedder.weight", "time_caption_embed.caption_embedder.1.weight"});
}

ModelFamily ernie_image_family() {
  return single_named("ernie-image", {"layers.#.adaLN_sa_ln.weight", "layers.#.self_attention.to_q.weight"});
}

ModelFamily stable_audio_family() {
  return unconverted("stable-audio", {"to_timestep_embed.0.weight", "to_cond_embed.0.weight",
                                      "transformer.layers.#.self_attn.to_qkv.weight"});
}

ModelFamily hunyuan3d_family() {
  return unconverted("hunyuan3d", {"latent_in.weight", "double_blocks.#.img_attn.qkv.weight"});
}

ModelFamily hunyuan3d_21_family() {
  return unconverted("hunyuan3d-2.1", {"t_embedder.mlp.2.weight", "blocks.#.attn2.out_proj.weight",
                                       "blocks.#.norm3.weight", "!mlp_t5.0.weight"});
}

ModelFamily t5_family() { return single_named_encoder("t5", {kT5Query, kT5Embedding}); }

// It has a bias of positions in each of its blocks.
ModelFamily umt5_family() {
  return single_named_encoder(
      "umt5", {kT5Query, kT5Embedding, "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"});
}

}  // namespace ckmerge
