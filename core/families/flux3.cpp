// SPDX-License-Identifier: Apache-2.0
// Flux.3 (diffusers 0.42.1: convert_flux3_transformer_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

void add_block(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"q_proj.*", "attn.to_q.*"},
             {"k_proj.*", "attn.to_k.*"},
             {"v_proj.*", "attn.to_v.*"},
             {"attn_out.*", "attn.to_out.0.*"},
             {"norm.query_norm.scale", "attn.norm_q.weight"},
             {"norm.key_norm.scale", "attn.norm_k.weight"},
             {"mlp_in.*", "ff.linear_in.*"},
             {"mlp_out.*", "ff.linear_out.*"}});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  // A block for what is made, and one for pictures that are given.
  for (const char* mode : {"image.#.", "image_cond.#."})
    add_block(rules, sentence("content_mode_blocks.", mode), sentence("mode_blocks.", mode));
  add_block(rules, "txt_mode_blocks.#.", "txt_mode_blocks.#.");
  add_block(rules, "single_blocks.#.", "single_transformer_blocks.#.");
  for (const char* place : {"early_stream_modulations.", "single_stream_modulations."})
    for (const char* stream : {"image.", "image_cond.", "txt."}) {
      const std::string both = sentence(place, stream);
      add_rules(rules, both, both, {{"lin.*", "linear.*"}});
    }
  add_rules(rules, "", "",
            {{"emb_in.*", "x_embedders.*"},
             {"txt_in.*", "context_embedder.*"},
             {"time_in.in_layer.*", "timestep_embedder.linear_1.*"},
             {"time_in.out_layer.*", "timestep_embedder.linear_2.*"},
             {"ref_time_in.in_layer.*", "target_timestep_embedder.linear_1.*"},
             {"ref_time_in.out_layer.*", "target_timestep_embedder.linear_2.*"},
             {"final_layer.image.linear.*", "proj_out.*"},
             {"final_layer.image.adaLN_modulation.1.*", "norm_out.linear.*", Reshaping::swap},
             {"repa_projectors.*", ""}});
  return rules;
}

}  // namespace

ModelFamily flux3_family() {
  return {.name = "flux3",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"single_blocks.#.mlp_in.weight", "single_blocks.#.q_proj.weight"},
          .right_signs = {"single_transformer_blocks.#.ff.linear_in.weight", "txt_mode_blocks.#.attn.to_q.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
