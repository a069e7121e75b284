// SPDX-License-Identifier: Apache-2.0
// Lumina Image 2. Its heads of keys and values are fewer than those of queries.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

void add_blocks(LayoutRules& rules, const std::string& block, bool is_modulated) {
  const LayoutRules blocks = {
      {block + "attention.qkv.*", block + "attn.{to_q,to_k,to_v}.*", Reshaping::none, RowCut::first_as_columns},
      {block + "attention.out.*", block + "attn.to_out.0.*"},
      {block + "attention.q_norm.*", block + "attn.norm_q.*"},
      {block + "attention.k_norm.*", block + "attn.norm_k.*"},
      {block + "feed_forward.w1.*", block + "feed_forward.linear_1.*"},
      {block + "feed_forward.w2.*", block + "feed_forward.linear_2.*"},
      {block + "feed_forward.w3.*", block + "feed_forward.linear_3.*"},
      {block + "attention_norm1.*", block + (is_modulated ? "norm1.norm.*" : "norm1.*")},
      {block + "attention_norm2.*", block + "norm2.*"},
      {block + "ffn_norm1.*", block + "ffn_norm1.*"},
      {block + "ffn_norm2.*", block + "ffn_norm2.*"},
  };
  rules.insert(rules.end(), blocks.begin(), blocks.end());
  if (is_modulated) rules.push_back({block + "adaLN_modulation.1.*", block + "norm1.linear.*"});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  const std::string e = "time_caption_embed.";
  LayoutRules rules = {
      {"x_embedder.*", "x_embedder.*"},
      {"cap_embedder.0.*", e + "caption_embedder.0.*"},
      {"cap_embedder.1.*", e + "caption_embedder.1.*"},
      {"t_embedder.mlp.0.*", e + "timestep_embedder.linear_1.*"},
      {"t_embedder.mlp.2.*", e + "timestep_embedder.linear_2.*"},
      {"final_layer.adaLN_modulation.1.*", "norm_out.linear_1.*"},
      {"final_layer.linear.*", "norm_out.linear_2.*"},
      {"norm_final.weight", ""},
  };
  add_blocks(rules, "layers.#.", true);
  add_blocks(rules, "noise_refiner.#.", true);
  add_blocks(rules, "context_refiner.#.", false);
  return rules;
}

}  // namespace

ModelFamily lumina2_family() {
  return {.name = "lumina2",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"layers.#.attention.qkv.weight", "layers.#.adaLN_modulation.1.weight"},
          .right_signs = {"layers.#.attn.to_q.weight", "time_caption_embed.timestep_embedder.linear_1.weight",
                          "!ref_image_refiner.#.attn.to_q.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
