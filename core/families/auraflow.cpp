// SPDX-License-Identifier: Apache-2.0
// AuraFlow: w1 is the text's side of a double layer, and all of a single one.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

void add_mlp(LayoutRules& rules, const std::string& left, const std::string& right) {
  const LayoutRules mlp = {
      {left + "c_fc1.*", right + "linear_1.*"},
      {left + "c_fc2.*", right + "linear_2.*"},
      {left + "c_proj.*", right + "out_projection.*"},
  };
  rules.insert(rules.end(), mlp.begin(), mlp.end());
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  const std::string d = "double_layers.#.", t = "joint_transformer_blocks.#.";
  const std::string s = "single_layers.#.", u = "single_transformer_blocks.#.";
  LayoutRules rules = {
      {"init_x_linear.*", "pos_embed.proj.*"},
      {"positional_encoding", "pos_embed.pos_embed"},
      {"register_tokens", "register_tokens"},
      {"t_embedder.mlp.0.*", "time_step_proj.linear_1.*"},
      {"t_embedder.mlp.2.*", "time_step_proj.linear_2.*"},
      {"cond_seq_linear.*", "context_embedder.*"},
      {d + "attn.w2q.*", t + "attn.to_q.*"},
      {d + "attn.w2k.*", t + "attn.to_k.*"},
      {d + "attn.w2v.*", t + "attn.to_v.*"},
      {d + "attn.w2o.*", t + "attn.to_out.0.*"},
      {d + "attn.w1q.*", t + "attn.add_q_proj.*"},
      {d + "attn.w1k.*", t + "attn.add_k_proj.*"},
      {d + "attn.w1v.*", t + "attn.add_v_proj.*"},
      {d + "attn.w1o.*", t + "attn.to_add_out.*"},
      {d + "modX.1.*", t + "norm1.linear.*"},
      {d + "modC.1.*", t + "norm1_context.linear.*"},
      {s + "attn.w1q.*", u + "attn.to_q.*"},
      {s + "attn.w1k.*", u + "attn.to_k.*"},
      {s + "attn.w1v.*", u + "attn.to_v.*"},
      {s + "attn.w1o.*", u + "attn.to_out.0.*"},
      {s + "modCX.1.*", u + "norm1.linear.*"},
      {"final_linear.*", "proj_out.*"},
      {"modF.1.*", "norm_out.linear.*", Reshaping::swap},
  };
  add_mlp(rules, d + "mlpX.", t + "ff.");
  add_mlp(rules, d + "mlpC.", t + "ff_context.");
  add_mlp(rules, s + "mlp.", u + "ff.");
  return rules;
}

}  // namespace

ModelFamily auraflow_family() {
  return {.name = "auraflow",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"double_layers.#.attn.w1q.weight"},
          .right_signs = {"joint_transformer_blocks.#.attn.add_k_proj.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
