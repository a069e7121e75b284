// SPDX-License-Identifier: Apache-2.0
// The VAE of Stable Diffusion, Flux, and many others (diffusers 0.42.1: convert_ldm_vae_checkpoint).
#include <algorithm>
#include <string>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

void add_resnet(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"norm1.*", "norm1.*"},
             {"conv1.*", "conv1.*"},
             {"norm2.*", "norm2.*"},
             {"conv2.*", "conv2.*"},
             {"nin_shortcut.*", "conv_shortcut.*"}});
}

// The matrices are convolutions of one point on the left, and plain ones on the right.
void add_attention(LayoutRules& rules, std::string_view left, std::string_view right, bool as_of_old) {
  rules.push_back({.left = sentence(left, "norm.*"), .right = sentence(right, "group_norm.*")});
  struct Projection {
    std::string_view left, right, of_old;
  };
  for (const Projection& projection :
       {Projection{"q", "to_q", "query"}, Projection{"k", "to_k", "key"}, Projection{"v", "to_v", "value"},
        Projection{"proj_out", "to_out.0", "proj_attn"}}) {
    const std::string from = sentence(left, projection.left, ".");
    const std::string to = sentence(right, as_of_old ? projection.of_old : projection.right, ".");
    add_rules(rules, from, to, {{"weight", "weight", Reshaping::square}, {"bias", "bias"}});
  }
}

void add_half(LayoutRules& rules, const BothNamings& namings, std::string_view half) {
  const std::string attention = sentence(half, "mid_block.attentions.0.");
  add_resnet(rules, sentence(half, "mid.block_1."), sentence(half, "mid_block.resnets.0."));
  add_resnet(rules, sentence(half, "mid.block_2."), sentence(half, "mid_block.resnets.1."));
  add_attention(rules, sentence(half, "mid.attn_1."), attention, namings.has("", sentence(attention, "query.weight")));
  add_rules(rules, half, half,
            {{"conv_in.*", "conv_in.*"}, {"conv_out.*", "conv_out.*"}, {"norm_out.*", "conv_norm_out.*"}});
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules;
  const BothNamings namings(names, from_left);
  add_half(rules, namings, "encoder.");
  add_half(rules, namings, "decoder.");
  add_resnet(rules, "encoder.down.#.block.#.", "encoder.down_blocks.#.resnets.#.");
  rules.push_back({.left = "encoder.down.#.downsample.conv.*", .right = "encoder.down_blocks.#.downsamplers.0.conv.*"});
  // The left counts the decoder's blocks from the picture on, the right from what is coded. The encoder has as many;
  // its last makes nothing smaller, and the decoder's last nothing larger, so that another follows one that does.
  const auto one_more = [](uint32_t numbers) { return numbers == 0 ? 0 : numbers + 1; };
  const uint32_t blocks =
      std::max({1U, namings.numbers("decoder.up.#.*", "decoder.up_blocks.#.*"),
                namings.numbers("encoder.down.#.*", "encoder.down_blocks.#.*"),
                one_more(namings.numbers("encoder.down.#.downsample.*", "encoder.down_blocks.#.downsamplers.*")),
                one_more(namings.numbers("", "decoder.up_blocks.#.upsamplers.*"))});
  for (uint32_t block = 0; block < blocks; ++block) {
    const std::string left = sentence("decoder.up.", block, ".");
    const std::string right = sentence("decoder.up_blocks.", blocks - 1 - block, ".");
    add_resnet(rules, sentence(left, "block.#."), sentence(right, "resnets.#."));
    add_rules(rules, left, right, {{"upsample.conv.*", "upsamplers.0.conv.*"}});
  }
  add_kept(rules, {"quant_conv.*", "post_quant_conv.*", "bn.*"});
  return rules;
}

}  // namespace

ModelFamily autoencoder_kl_family() {
  return {.name = "autoencoder-kl",
          .role = ComponentRole::vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"decoder.mid.block_1.conv1.weight", "decoder.up.#.block.#.conv1.weight"},
          .right_signs = {"decoder.mid_block.resnets.#.norm1.weight", "decoder.up_blocks.#.resnets.#.conv1.weight",
                          "decoder.conv_norm_out.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
