// SPDX-License-Identifier: Apache-2.0
// Krea 2 (diffusers 0.42.1: convert_krea2_transformer_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"

namespace ckmerge {
namespace {

// Six vectors are one on the left, and the rows of a matrix on the right.
constexpr uint32_t kModulations = 6;

void add_block(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"attn.wq.*", "attn.to_q.*"},
             {"attn.wk.*", "attn.to_k.*"},
             {"attn.wv.*", "attn.to_v.*"},
             {"attn.wo.*", "attn.to_out.0.*"},
             {"attn.gate.*", "attn.to_gate.*"},
             {"attn.qknorm.qnorm.scale", "attn.norm_q.weight"},
             {"attn.qknorm.knorm.scale", "attn.norm_k.weight"},
             {"mlp.*", "ff.*"},
             {"prenorm.scale", "norm1.weight"},
             {"postnorm.scale", "norm2.weight"}});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {{.left = "blocks.#.mod.lin",
                        .right = "transformer_blocks.#.scale_shift_table",
                        .reshaping = Reshaping::fold,
                        .fold = kModulations}};
  add_block(rules, "blocks.#.", "transformer_blocks.#.");
  add_block(rules, "txtfusion.layerwise_blocks.#.", "text_fusion.layerwise_blocks.#.");
  add_block(rules, "txtfusion.refiner_blocks.#.", "text_fusion.refiner_blocks.#.");
  add_rules(rules, "", "",
            {{"first.*", "img_in.*"},
             {"tmlp.0.*", "time_embed.linear_1.*"},
             {"tmlp.2.*", "time_embed.linear_2.*"},
             {"tproj.1.*", "time_mod_proj.*"},
             {"txtmlp.0.scale", "txt_in.norm.weight"},
             {"txtmlp.1.*", "txt_in.linear_1.*"},
             {"txtmlp.3.*", "txt_in.linear_2.*"},
             {"txtfusion.projector.*", "text_fusion.projector.*"},
             {"last.linear.*", "final_layer.linear.*"},
             {"last.norm.scale", "final_layer.norm.weight"},
             {"last.modulation.lin", "final_layer.scale_shift_table"}});
  return rules;
}

}  // namespace

ModelFamily krea2_family() {
  return {.name = "krea2",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.mod.lin", "txtfusion.projector.weight"},
          .right_signs = {"transformer_blocks.#.attn.to_gate.weight", "text_fusion.projector.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
