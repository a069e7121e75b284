// SPDX-License-Identifier: Apache-2.0
// Mochi (diffusers 0.42.1: convert_mochi_transformer_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// The last block does nothing more to the text, by which a file is told that lacks those behind its highest number.
std::optional<uint32_t> last_block(const ComponentNames& names, bool from_left) {
  const BothNamings namings(names, from_left);
  if (const uint32_t count = namings.numbers("", "transformer_blocks.#.norm1_context.linear_1.weight"); count > 0)
    return count - 1;
  if (!namings.left()) return std::nullopt;
  const std::optional<uint32_t> highest = namings.left()->highest("blocks.#.*");
  if (!highest) return std::nullopt;
  const std::string block = sentence("blocks.", *highest, ".");
  const std::optional<Tensor> text = namings.left()->find(block + "attn.qkv_y.weight"),
                              modulation = namings.left()->find(block + "mod_y.weight");
  const bool goes_on = text && modulation && text->shape.size() == 2 && !modulation->shape.empty() &&
                       modulation->shape[0] > text->shape[1];
  return goes_on ? std::nullopt : highest;
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"x_embedder.proj.*", "patch_embed.proj.*"},
             {"t_embedder.mlp.0.*", "time_embed.timestep_embedder.linear_1.*"},
             {"t_embedder.mlp.2.*", "time_embed.timestep_embedder.linear_2.*"},
             {"t5_y_embedder.*", "time_embed.pooler.*"},
             {"t5_yproj.*", "time_embed.caption_proj.*"},
             {"final_layer.mod.*", "norm_out.linear.*", Reshaping::swap},
             {"final_layer.linear.*", "proj_out.*"},
             {"pos_frequencies", "pos_frequencies"}});
  add_rules(rules, "blocks.#.", "transformer_blocks.#.",
            {{"mod_x.*", "norm1.linear.*"},
             {"mod_y.*", "norm1_context.linear.*"},
             {"attn.qkv_x.*", "attn1.{to_q,to_k,to_v}.*"},
             {"attn.q_norm_x.*", "attn1.norm_q.*"},
             {"attn.k_norm_x.*", "attn1.norm_k.*"},
             {"attn.proj_x.*", "attn1.to_out.0.*"},
             {"attn.qkv_y.*", "attn1.{add_q_proj,add_k_proj,add_v_proj}.*"},
             {"attn.q_norm_y.*", "attn1.norm_added_q.*"},
             {"attn.k_norm_y.*", "attn1.norm_added_k.*"},
             {"attn.proj_y.*", "attn1.to_add_out.*"},
             {"mlp_x.w1.*", "ff.net.0.proj.*", Reshaping::swap},
             {"mlp_x.w2.*", "ff.net.2.*"},
             {"mlp_y.w1.*", "ff_context.net.0.proj.*", Reshaping::swap},
             {"mlp_y.w2.*", "ff_context.net.2.*"}});
  if (const std::optional<uint32_t> last = last_block(names, from_left))
    rules.push_back({.left = sentence("blocks.", *last, ".mod_y.*"),
                     .right = sentence("transformer_blocks.", *last, ".norm1_context.linear_1.*")});
  return rules;
}

}  // namespace

ModelFamily mochi_family() {
  return {.name = "mochi",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.attn.qkv_x.weight", "t5_yproj.weight"},
          .right_signs = {"transformer_blocks.#.attn1.add_q_proj.weight", "time_embed.caption_proj.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
