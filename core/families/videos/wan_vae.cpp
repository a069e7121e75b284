// SPDX-License-Identifier: Apache-2.0
// The VAE of Wan 2.1 and of Qwen-Image (diffusers 0.42.1: convert_wan_vae_to_diffusers).
#include <algorithm>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Of the decoder's numbers four are a block: three residuals, and what makes the picture larger.
constexpr uint32_t kBlock = 4, kResiduals = 3;

void add_residual(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"residual.0.gamma", "norm1.gamma"},
             {"residual.2.*", "conv1.*"},
             {"residual.3.gamma", "norm2.gamma"},
             {"residual.6.*", "conv2.*"},
             {"shortcut.*", "conv_shortcut.*"}});
}

void add_half(LayoutRules& rules, std::string_view half) {
  add_rules(rules, half, half,
            {{"conv1.*", "conv_in.*"},
             {"head.0.gamma", "norm_out.gamma"},
             {"head.2.*", "conv_out.*"},
             {"middle.1.*", "mid_block.attentions.0.*"}});
  add_residual(rules, sentence(half, "middle.0."), sentence(half, "mid_block.resnets.0."));
  add_residual(rules, sentence(half, "middle.2."), sentence(half, "mid_block.resnets.1."));
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules = {{.left = "conv1.*", .right = "quant_conv.*"}, {.left = "conv2.*", .right = "post_quant_conv.*"}};
  add_half(rules, "encoder.");
  add_half(rules, "decoder.");
  add_residual(rules, "encoder.downsamples.#.", "encoder.down_blocks.#.");
  add_rules(rules, "encoder.downsamples.#.", "encoder.down_blocks.#.",
            {{"resample.*", "resample.*"}, {"time_conv.*", "time_conv.*"}});
  const BothNamings namings(names, from_left);
  const uint32_t blocks = std::max({1U, (namings.numbers("decoder.upsamples.#.*", "") + kBlock - 1) / kBlock,
                                    namings.numbers("", "decoder.up_blocks.#.*")});
  for (uint32_t block = 0; block < blocks; ++block) {
    for (uint32_t residual = 0; residual < kResiduals; ++residual)
      add_residual(rules, sentence("decoder.upsamples.", kBlock * block + residual, "."),
                   sentence("decoder.up_blocks.", block, ".resnets.", residual, "."));
    add_rules(rules, sentence("decoder.upsamples.", kBlock * block + kResiduals, "."),
              sentence("decoder.up_blocks.", block, ".upsamplers.0."),
              {{"resample.*", "resample.*"}, {"time_conv.*", "time_conv.*"}});
  }
  return rules;
}

// As far as it is known.
LayoutRules rules_of_22(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_half(rules, "encoder.");
  add_half(rules, "decoder.");
  add_residual(rules, "encoder.downsamples.#.downsamples.#.", "encoder.down_blocks.#.resnets.#.");
  add_residual(rules, "decoder.upsamples.#.upsamples.#.", "decoder.up_blocks.#.resnets.#.");
  return rules;
}

}  // namespace

ModelFamily wan_vae_family() {
  return {.name = "wan-vae",
          .role = ComponentRole::vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"decoder.upsamples.#.residual.2.weight", "decoder.middle.#.residual.2.weight"},
          .right_signs = {"decoder.up_blocks.#.resnets.#.norm1.gamma", "decoder.mid_block.resnets.#.norm1.gamma",
                          "!encoder.down_blocks.#.resnets.#.norm1.gamma"},
          .rules = layout_rules};
}

ModelFamily wan_22_vae_family() {
  constexpr const char* kWhy =
      "the blocks of the VAE of Wan 2.2 5B lie in each other, and no rules are known for them; "
      "take the files that its publisher gives in the other naming";
  return {.name = "wan-2.2-vae",
          .role = ComponentRole::vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"decoder.upsamples.#.upsamples.#.residual.2.weight"},
          .right_signs = {"encoder.down_blocks.#.resnets.#.norm1.gamma", "decoder.up_blocks.#.resnets.#.norm1.gamma"},
          .rules = rules_of_22,
          .no_way_right = kWhy,
          .no_way_left = kWhy};
}

}  // namespace ckmerge
