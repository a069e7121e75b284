// SPDX-License-Identifier: Apache-2.0
// Chroma: Flux.1 without time, text vector and guidance, whose modulations a network of its own makes. Radiance, which
// works on pixels, has one naming.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  const std::string g = "distilled_guidance_layer.";
  LayoutRules rules = {
      {"img_in.*", "x_embedder.*"},
      {"txt_in.*", "context_embedder.*"},
      {g + "in_proj.*", g + "in_proj.*"},
      {g + "out_proj.*", g + "out_proj.*"},
      {g + "layers.#.in_layer.*", g + "layers.#.linear_1.*"},
      {g + "layers.#.out_layer.*", g + "layers.#.linear_2.*"},
      {g + "norms.#.scale", g + "norms.#.weight"},
      {"final_layer.linear.*", "proj_out.*"},
  };
  for (const LayoutRules& blocks : {flux_attention_rules(), flux_mlp_rules(), flux_single_rules()})
    rules.insert(rules.end(), blocks.begin(), blocks.end());
  return rules;
}

}  // namespace

ModelFamily chroma_radiance_family() {
  constexpr const char* kWhy = "diffusers has no names for Chroma Radiance, which has one naming";
  return {.name = "chroma-radiance",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"distilled_guidance_layer.in_proj.weight", "img_in_patch.weight"},
          .right_signs = {},
          .rules = layout_rules,
          .no_way_right = kWhy,
          .no_way_left = kWhy};
}

ModelFamily chroma_family() {
  return {.name = "chroma",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"distilled_guidance_layer.in_proj.weight", "double_blocks.#.img_attn.qkv.weight"},
          .right_signs = {"distilled_guidance_layer.in_proj.weight", "transformer_blocks.#.attn.to_q.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
