// SPDX-License-Identifier: Apache-2.0
// LTX-Video's VAE, whose versions differ in what its numbered blocks are (diffusers 0.42.1:
// convert_ltx_vae_checkpoint_to_diffusers).
#include <array>
#include <span>
#include <string>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// What block 0, 1, 2, ... of the left is on the right.
constexpr std::array<string_view, 10> kDecoder090{
    "mid_block",   "up_blocks.0",         "up_blocks.1.upsamplers.0",
    "up_blocks.1", "up_blocks.2.conv_in", "up_blocks.2.upsamplers.0",
    "up_blocks.2", "up_blocks.3.conv_in", "up_blocks.3.upsamplers.0",
    "up_blocks.3",
};
constexpr std::array<string_view, 9> kDecoder091{
    "mid_block",   "up_blocks.0.upsamplers.0", "up_blocks.0", "up_blocks.1.upsamplers.0",
    "up_blocks.1", "up_blocks.2.upsamplers.0", "up_blocks.2", "up_blocks.3.upsamplers.0",
    "up_blocks.3",
};
constexpr std::array<string_view, 10> kEncoder090{
    "down_blocks.0", "down_blocks.0.downsamplers.0", "down_blocks.0.conv_out",
    "down_blocks.1", "down_blocks.1.downsamplers.0", "down_blocks.1.conv_out",
    "down_blocks.2", "down_blocks.2.downsamplers.0", "down_blocks.3",
    "mid_block",
};
constexpr std::array<string_view, 9> kEncoder095{
    "down_blocks.0", "down_blocks.0.downsamplers.0", "down_blocks.1", "down_blocks.1.downsamplers.0",
    "down_blocks.2", "down_blocks.2.downsamplers.0", "down_blocks.3", "down_blocks.3.downsamplers.0",
    "mid_block",
};

void add_resnet(LayoutRules& rules, string_view left, string_view right) {
  add_rules(rules, left, right,
            {{"norm3.norm.*", "norm3.*"},
             {"conv_shortcut.*", "conv_shortcut.conv.*"},
             {"conv1.*", "conv1.*"},
             {"conv2.*", "conv2.*"},
             {"per_channel_scale1", "per_channel_scale1"},
             {"per_channel_scale2", "per_channel_scale2"},
             {"scale_shift_table", "scale_shift_table"}});
}

void add_blocks(LayoutRules& rules, string_view left, string_view half, std::span<const string_view> blocks) {
  for (size_t number = 0; number < blocks.size(); ++number) {
    const std::string from = sentence(half, left, ".", number, "."), to = sentence(half, blocks[number], ".");
    if (blocks[number].ends_with("samplers.0")) {
      add_rules(rules, from, to, {{"conv.*", "conv.*"}});
    } else if (blocks[number].ends_with("conv_in") || blocks[number].ends_with("conv_out")) {
      add_resnet(rules, from, to);
    } else {
      add_resnet(rules, sentence(from, "res_blocks.#."), sentence(to, "resnets.#."));
      add_rules(rules, from, to, {{"time_embedder.*", "time_embedder.*"}});
    }
  }
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  // By names: 0.9.5 makes pictures smaller by moving points into channels, 0.9.0 alone has resnets in front of what
  // makes them larger.
  const BothNamings namings(names, from_left);
  const bool is_095 =
      namings.has("encoder.down_blocks.1.conv.conv.weight", "encoder.down_blocks.0.downsamplers.0.conv.conv.weight");
  const bool left_tells = names.wanted() ? !from_left : from_left;
  const bool is_090 = namings.has("", "decoder.up_blocks.2.conv_in.conv1.conv.weight") ||
                      (left_tells && !is_095 && !namings.has("decoder.up_blocks.1.conv.conv.weight", ""));
  LayoutRules rules = {
      {.left = "per_channel_statistics.mean-of-means", .right = "latents_mean"},
      {.left = "per_channel_statistics.std-of-means", .right = "latents_std"},
      {.left = "per_channel_statistics.channel", .right = ""},
      {.left = "per_channel_statistics.mean-of-stds", .right = ""},
      {.left = "per_channel_statistics.mean-of-stds_over_std-of-means", .right = ""},
  };
  add_rules(rules, "decoder.", "decoder.",
            {{"last_time_embedder.*", "time_embedder.*"}, {"last_scale_shift_table", "scale_shift_table"}});
  add_kept(rules, {"encoder.conv_in.*", "encoder.conv_out.*", "decoder.conv_in.*", "decoder.conv_out.*",
                   "decoder.timestep_scale_multiplier"});
  if (is_095)
    add_blocks(rules, "down_blocks", "encoder.", kEncoder095);
  else
    add_blocks(rules, "down_blocks", "encoder.", kEncoder090);
  if (is_090)
    add_blocks(rules, "up_blocks", "decoder.", kDecoder090);
  else
    add_blocks(rules, "up_blocks", "decoder.", kDecoder091);
  return rules;
}

}  // namespace

ModelFamily ltx_vae_family() {
  return {.name = "ltx-vae",
          .role = ComponentRole::vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"decoder.up_blocks.#.res_blocks.#.conv1.conv.weight"},
          .right_signs = {"decoder.mid_block.resnets.#.conv1.conv.weight", "latents_mean"},
          .rules = layout_rules};
}

}  // namespace ckmerge
