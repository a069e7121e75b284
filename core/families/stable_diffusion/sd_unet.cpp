// SPDX-License-Identifier: Apache-2.0
// U-Nets of Stable Diffusion 1, 2, XL and its refiner (diffusers 0.42.1: convert_ldm_unet_checkpoint).
#include <algorithm>
#include <numeric>
#include <string>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "core/families/stable_diffusion/sd_blocks.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// How many blocks there are, and resnets in each of those that go down; those that go up have one more.
struct Sizes {
  uint32_t blocks = 1, resnets = 1;
};

// The right: no less than what is there.
Sizes least_sizes(const BothNamings& namings) {
  Sizes sizes{.blocks = std::max({1U, namings.numbers("", "down_blocks.#.*"), namings.numbers("", "up_blocks.#.*")})};
  for (uint32_t block = 0; block < sizes.blocks; ++block) {
    const uint32_t down = namings.numbers("", sentence("down_blocks.", block, ".resnets.#.*")),
                   up = namings.numbers("", sentence("up_blocks.", block, ".resnets.#.*"));
    sizes.resnets = std::max({sizes.resnets, down, std::max(1U, up) - 1});
  }
  return sizes;
}

// On the left a block is so many numbers as it has resnets, and one for what makes the picture smaller; the first
// number is none of a block. What makes it larger stands in the last of a block's numbers. By all that are there, since
// a file may lack some: what they have in common is a block's numbers, or several blocks'. 0: there are none.
uint32_t numbers_in_common(const ComponentNames& names, uint32_t count) {
  uint32_t common = 0;
  for (uint32_t number = 1; number <= count; ++number) {
    const std::string up = sentence("output_blocks.", number - 1, ".");
    if (names.has(sentence("input_blocks.", number, ".0.op.weight")) || names.has(up + "1.conv.weight") ||
        names.has(up + "2.conv.weight"))
      common = std::gcd(common, number);
  }
  return common;
}

Sizes sizes_of(const BothNamings& namings) {
  Sizes sizes = least_sizes(namings);
  const uint32_t down = namings.numbers("input_blocks.#.*", ""), up = namings.numbers("output_blocks.#.*", "");
  const uint32_t most = std::max({1U, down, up + 1}) - 1;
  const uint32_t common = namings.left() ? numbers_in_common(*namings.left(), most) : 0;
  if (common > 0) {
    while (sizes.resnets + 1 < common && common % (sizes.resnets + 1) != 0) ++sizes.resnets;
    if (!namings.right()) sizes.resnets = std::max(2U, common) - 1;
  } else if (!namings.right()) {
    sizes.resnets = std::max(1U, std::max(1U, down) - 1);
  }
  sizes.blocks = std::max(sizes.blocks, (most + sizes.resnets) / (sizes.resnets + 1));
  return sizes;
}

void add_resnet(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"in_layers.0.*", "norm1.*"},
             {"in_layers.2.*", "conv1.*"},
             {"emb_layers.1.*", "time_emb_proj.*"},
             {"out_layers.0.*", "norm2.*"},
             {"out_layers.3.*", "conv2.*"},
             {"skip_connection.*", "conv_shortcut.*"}});
}

// Names inside of an attention are the same.
void add_attention(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"norm.*", "norm.*"},
             {"proj_in.*", "proj_in.*"},
             {"proj_out.*", "proj_out.*"},
             {"transformer_blocks.*", "transformer_blocks.*"}});
}

void add_down(LayoutRules& rules, uint32_t block, uint32_t resnets) {
  const std::string right = sentence("down_blocks.", block, ".");
  for (uint32_t resnet = 0; resnet < resnets; ++resnet) {
    const std::string left = sentence("input_blocks.", 1 + block * (resnets + 1) + resnet, ".");
    add_resnet(rules, sentence(left, "0."), sentence(right, "resnets.", resnet, "."));
    add_attention(rules, sentence(left, "1."), sentence(right, "attentions.", resnet, "."));
  }
  rules.push_back({.left = sentence("input_blocks.", (block + 1) * (resnets + 1), ".0.op.*"),
                   .right = sentence(right, "downsamplers.0.conv.*")});
}

void add_up(LayoutRules& rules, const BothNamings& namings, uint32_t block, uint32_t resnets) {
  const std::string right = sentence("up_blocks.", block, ".");
  std::string left, attention;
  for (uint32_t resnet = 0; resnet <= resnets; ++resnet) {
    left = sentence("output_blocks.", block * (resnets + 1) + resnet, ".");
    attention = sentence(right, "attentions.", resnet, ".");
    add_resnet(rules, sentence(left, "0."), sentence(right, "resnets.", resnet, "."));
    add_attention(rules, sentence(left, "1."), attention);
  }
  // What makes the picture larger stands behind the attention, where there is one.
  const bool behind_attention = namings.has(left + "1.norm.weight", attention + "norm.weight");
  rules.push_back({.left = sentence(left, behind_attention ? "2" : "1", ".conv.*"),
                   .right = sentence(right, "upsamplers.0.conv.*")});
}

// SDXL adds what it is told of the picture to the time; unCLIP, whose first block has attention, calls it a class.
void add_labels(LayoutRules& rules, const BothNamings& namings) {
  const bool is_class = namings.has("input_blocks.1.1.norm.weight", "class_embedding.linear_1.weight");
  add_rules(rules, "label_emb.", is_class ? "class_embedding." : "add_embedding.",
            {{"0.0.*", "linear_1.*"}, {"0.2.*", "linear_2.*"}});
  rules.push_back({.left = "label_emb.weight", .right = "class_embedding.weight"});
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  const BothNamings namings(names, from_left);
  LayoutRules rules = sd_way_down(namings);
  add_rules(rules, "", "", {{"out.0.*", "conv_norm_out.*"}, {"out.2.*", "conv_out.*"}});
  const Sizes sizes = sizes_of(namings);
  for (uint32_t block = 0; block < sizes.blocks; ++block) add_up(rules, namings, block, sizes.resnets);
  return rules;
}

}  // namespace

LayoutRules sd_way_down(const BothNamings& namings) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"time_embed.0.*", "time_embedding.linear_1.*"},
             {"time_embed.2.*", "time_embedding.linear_2.*"},
             {"input_blocks.0.0.*", "conv_in.*"}});
  add_labels(rules, namings);
  add_resnet(rules, "middle_block.0.", "mid_block.resnets.0.");
  add_attention(rules, "middle_block.1.", "mid_block.attentions.0.");
  add_resnet(rules, "middle_block.2.", "mid_block.resnets.1.");
  const Sizes sizes = sizes_of(namings);
  for (uint32_t block = 0; block < sizes.blocks; ++block) add_down(rules, block, sizes.resnets);
  return rules;
}

ModelFamily sd_unet_family() {
  return {.name = "sd-unet",
          .role = ComponentRole::unet,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"input_blocks.#.0.in_layers.0.weight", "output_blocks.#.0.in_layers.0.weight",
                         "!input_blocks.#.0.time_stack.in_layers.0.weight"},
          .right_signs = {"down_blocks.#.resnets.#.time_emb_proj.weight", "up_blocks.#.resnets.#.time_emb_proj.weight",
                          "time_embedding.linear_1.weight", "!down_blocks.#.motion_modules.#.proj_in.weight",
                          "!down_blocks.#.temp_convs.#.conv1.0.weight"},
          .rules = layout_rules,
          .prefix_alone = "model.diffusion_model."};
}

}  // namespace ckmerge
