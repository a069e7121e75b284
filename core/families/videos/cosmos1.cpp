// SPDX-License-Identifier: Apache-2.0
// Cosmos 1 (diffusers 0.42.1: convert_cosmos_transformer_checkpoint_to_diffusers), whose blocks have their numbers in
// their names.
#include <algorithm>
#include <array>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// A block is three: attention to itself, to the text, and the mlp.
constexpr uint32_t kParts = 3;

void add_block(LayoutRules& rules, uint32_t number) {
  const std::string left = sentence("blocks.block", number, ".blocks."),
                    right = sentence("transformer_blocks.", number, ".");
  for (uint32_t part = 0; part < kParts; ++part)
    add_rules(rules, sentence(left, part, ".adaLN_modulation."), sentence(right, "norm", part + 1, "."),
              {{"1.*", "linear_1.*"}, {"2.*", "linear_2.*"}});
  for (uint32_t part = 0; part + 1 < kParts; ++part)
    add_rules(rules, sentence(left, part, ".block.attn."), sentence(right, "attn", part + 1, "."),
              {{"to_q.0.*", "to_q.*"},
               {"to_q.1.*", "norm_q.*"},
               {"to_k.0.*", "to_k.*"},
               {"to_k.1.*", "norm_k.*"},
               {"to_v.0.*", "to_v.*"},
               {"to_out.0.*", "to_out.0.*"}});
  add_rules(rules, sentence(left, "2.block."), sentence(right, "ff.net."),
            {{"layer1.*", "0.proj.*"}, {"layer2.*", "2.*"}});
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"x_embedder.proj.1.*", "patch_embed.proj.*"},
             {"extra_pos_embedder.*", "learnable_pos_embed.*"},
             {"t_embedder.1.*", "time_embed.t_embedder.*"},
             {"affline_norm.*", "time_embed.norm.*"},
             {"final_layer.adaLN_modulation.1.*", "norm_out.linear_1.*"},
             {"final_layer.adaLN_modulation.2.*", "norm_out.linear_2.*"},
             {"final_layer.linear.*", "proj_out.*"},
             {"pos_embedder.seq", ""},
             {"logvar.0.freqs", ""},
             {"logvar.0.phases", ""},
             {"logvar.1.weight", ""}});
  const BothNamings namings(names, from_left);
  const uint32_t blocks = std::max(1U, namings.numbers("blocks.block#.*", "transformer_blocks.#.*"));
  for (uint32_t block = 0; block < blocks; ++block) add_block(rules, block);
  return rules;
}

}  // namespace

// Of Predict 2, which is the same network on the right, the positions are not learned.
ModelFamily cosmos1_family() {
  return {.name = "cosmos1",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.block0.blocks.#.block.attn.to_q.0.weight", "x_embedder.proj.1.weight"},
          .right_signs = {"transformer_blocks.#.norm1.linear_1.weight", "time_embed.t_embedder.linear_1.weight",
                          "learnable_pos_embed.pos_emb_t"},
          .rules = layout_rules};
}

}  // namespace ckmerge
