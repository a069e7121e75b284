// SPDX-License-Identifier: Apache-2.0
// Z-Image: the publisher's names are those of diffusers, and ComfyUI fuses.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

void add_blocks(LayoutRules& rules, const std::string& block) {
  const LayoutRules attention = {
      {block + "attention.qkv.*", block + "attention.{to_q,to_k,to_v}.*"},
      {block + "attention.out.*", block + "attention.to_out.0.*"},
      {block + "attention.q_norm.*", block + "attention.norm_q.*"},
      {block + "attention.k_norm.*", block + "attention.norm_k.*"},
  };
  rules.insert(rules.end(), attention.begin(), attention.end());
  for (const char* same : {"feed_forward.w1.*", "feed_forward.w2.*", "feed_forward.w3.*", "attention_norm1.*",
                           "attention_norm2.*", "ffn_norm1.*", "ffn_norm2.*", "adaLN_modulation.0.*"})
    rules.push_back({block + same, block + same});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {
      {"x_embedder.*", "all_x_embedder.2-1.*"},
      {"final_layer.*", "all_final_layer.2-1.*"},
      {"norm_final.weight", ""},
      {"cap_embedder.*", "cap_embedder.*"},
      {"t_embedder.*", "t_embedder.*"},
      {"cap_pad_token", "cap_pad_token"},
      {"x_pad_token", "x_pad_token"},
  };
  for (const char* block : {"layers.#.", "noise_refiner.#.", "context_refiner.#."}) add_blocks(rules, block);
  return rules;
}

}  // namespace

ModelFamily z_image_family() {
  return {.name = "z-image",
          .role = ComponentRole::transformer,
          .left = Naming::comfy,
          .right = Naming::diffusers,
          .left_signs = {"layers.#.attention.qkv.weight", "cap_pad_token|layers.#.adaLN_modulation.0.weight"},
          .right_signs = {"layers.#.attention.to_q.weight", "cap_pad_token|all_x_embedder.2-1.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
