// SPDX-License-Identifier: Apache-2.0
// LTX-Video (diffusers 0.42.1: convert_ltx_transformer_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {{.left = "patchify_proj.*", .right = "proj_in.*"},
                       {.left = "adaln_single.*", .right = "time_embed.*"}};
  for (const char* attention : {"transformer_blocks.#.attn1.", "transformer_blocks.#.attn2."})
    add_rules(rules, attention, attention, {{"q_norm.*", "norm_q.*"}, {"k_norm.*", "norm_k.*"}, {"*", "*"}});
  add_kept(rules, {"transformer_blocks.#.*", "caption_projection.*", "proj_out.*", "scale_shift_table"});
  return rules;
}

}  // namespace

ModelFamily ltx_video_family() {
  return {
      .name = "ltx-video",
      .role = ComponentRole::transformer,
      .left = Naming::original,
      .right = Naming::diffusers,
      .left_signs = {"patchify_proj.weight", "transformer_blocks.#.attn1.to_q.weight", "!audio_patchify_proj.weight"},
      .right_signs = {"time_embed.linear.weight", "proj_in.weight", "transformer_blocks.#.attn1.norm_q.weight",
                      "!audio_proj_in.weight"},
      .rules = layout_rules};
}

}  // namespace ckmerge
