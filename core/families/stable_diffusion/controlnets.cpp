// SPDX-License-Identifier: Apache-2.0
// ControlNets: of Stable Diffusion, the way down of its U-Net with what reads the hint (diffusers 0.42.1:
// convert_controlnet_checkpoint); of others, which no program converts.
#include <algorithm>
#include <utility>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "core/families/stable_diffusion/sd_blocks.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The hint's convolutions stand between activations, so that each second number is one.
void add_hint(LayoutRules& rules, const BothNamings& namings) {
  const uint32_t last = std::max({2U, std::max(1U, namings.numbers("input_hint_block.#.*", "")) - 1,
                                  2 * (namings.numbers("", "controlnet_cond_embedding.blocks.#.*") + 1)});
  add_rules(rules, "", "controlnet_cond_embedding.", {{"input_hint_block.0.*", "conv_in.*"}});
  for (uint32_t number = 2; number < last; number += 2)
    rules.push_back({.left = sentence("input_hint_block.", number, ".*"),
                     .right = sentence("controlnet_cond_embedding.blocks.", number / 2 - 1, ".*")});
  rules.push_back({.left = sentence("input_hint_block.", last, ".*"), .right = "controlnet_cond_embedding.conv_out.*"});
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  const BothNamings namings(names, from_left);
  LayoutRules rules = sd_way_down(namings);
  add_hint(rules, namings);
  add_rules(rules, "", "",
            {{"zero_convs.#.0.*", "controlnet_down_blocks.#.*"}, {"middle_block_out.0.*", "controlnet_mid_block.*"}});
  return rules;
}

LayoutRules kept(const ComponentNames& /*names*/, bool /*from_left*/) { return {{.left = "*", .right = "*"}}; }

ModelFamily controlnet(const char* name, std::vector<std::string_view> left, std::vector<std::string_view> right) {
  return {.name = name,
          .role = ComponentRole::controlnet,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = std::move(left),
          .right_signs = std::move(right),
          .rules = kept};
}

// Told so that it is not taken for the transformer whose blocks it has.
ModelFamily unconverted(ModelFamily family) {
  constexpr const char* kWhy =
      "no program converts ControlNets of this model; take the files that its publisher gives in the other naming";
  family.no_way_right = family.no_way_left = kWhy;
  return family;
}

}  // namespace

ModelFamily sd_controlnet_family() {
  ModelFamily family =
      controlnet("sd-controlnet", {"zero_convs.#.0.weight", "input_hint_block.#.weight"},
                 {"controlnet_down_blocks.#.weight", "controlnet_cond_embedding.conv_in.weight",
                  "down_blocks.#.resnets.#.time_emb_proj.weight", "!control_add_embedding.linear_1.weight"});
  family.rules = layout_rules;
  family.prefix_alone = "control_model.";
  return family;
}

ModelFamily flux_controlnet_family() {
  return unconverted(controlnet("flux-controlnet", {"controlnet_blocks.#.weight", "double_blocks.#.img_mod.lin.weight"},
                                {"controlnet_blocks.#.weight", "controlnet_x_embedder.weight"}));
}

ModelFamily sd3_controlnet_family() {
  return unconverted(controlnet(
      "sd3-controlnet", {},
      {"controlnet_blocks.#.weight", "pos_embed_input.proj.weight", "transformer_blocks.#.attn.to_q.weight"}));
}

ModelFamily z_image_controlnet_family() {
  return controlnet("z-image-controlnet", {"control_layers.#.attention.to_q.weight"}, {});
}

}  // namespace ckmerge
