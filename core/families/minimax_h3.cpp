// SPDX-License-Identifier: Apache-2.0
// MiniMax-H3 (diffusers 0.42.1: convert_minimax_h3_transformer_checkpoint_to_diffusers), which is told and not
// rewritten.
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_rules(rules, "", "",
            {{"time_embedder.proj_in.*", "time_embedder.linear_1.*"},
             {"time_embedder.proj_out.*", "time_embedder.linear_2.*"},
             {"video_patch_proj.*", "proj_in.*"},
             {"audio_patch_proj.*", "audio_proj_in.*"},
             {"condition_proj.*", "context_embedder.*"},
             {"final_layer.norm.*", "norm_out.norm.*"},
             {"final_layer.adaln_proj.linear.*", "norm_out.linear.*"},
             {"final_layer.video_out.*", "proj_out.*"},
             {"final_layer.audio_out.*", "audio_proj_out.*"},
             {"rope.inv_freq", ""}});
  add_rules(rules, "blocks.#.", "transformer_blocks.#.",
            {{"attn.qkv_proj.*", "attn.{to_q,to_k,to_v}.*"},
             {"attn.q_norm.*", "attn.norm_q.*"},
             {"attn.k_norm.*", "attn.norm_k.*"},
             {"attn.out_proj.*", "attn.to_out.0.*"},
             {"mlp.fc1.*", "ff.net.0.proj.*", Reshaping::swap},
             {"mlp.fc2.*", "ff.net.2.*"}});
  return rules;
}

}  // namespace

ModelFamily minimax_h3_family() {
  constexpr const char* kWhy =
      "the rows of its fused q, k and v lie in one order in single files and in another in the publisher's shards, and "
      "names and shapes do not say which; "
      "take the files that its publisher gives in the other naming";
  return {.name = "minimax-h3",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.attn.qkv_proj.weight", "video_patch_proj.weight"},
          .right_signs = {"transformer_blocks.#.attn.to_q.weight", "audio_proj_in.weight", "audio_proj_out.weight"},
          .rules = layout_rules,
          .no_way_right = kWhy,
          .no_way_left = kWhy};
}

}  // namespace ckmerge
