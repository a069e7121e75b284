// SPDX-License-Identifier: Apache-2.0
// Stable Diffusion 3 and 3.5. The last block gives nothing on to the text's side, whose modulation then has two parts,
// shift and scale, in another order.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

void add_attention(LayoutRules& rules, const std::string& left, const std::string& right) {
  const LayoutRules attention = {
      {left + "qkv.*", right + "{to_q,to_k,to_v}.*"},
      {left + "proj.*", right + "to_out.0.*"},
      {left + "ln_q.*", right + "norm_q.*"},
      {left + "ln_k.*", right + "norm_k.*"},
  };
  rules.insert(rules.end(), attention.begin(), attention.end());
}

// The text's modulation in the last block, where the text ends there.
void add_last_modulation(LayoutRules& rules, const ComponentNames& names, bool from_left) {
  const std::string left = "joint_blocks.", right = "transformer_blocks.";
  const BothNamings namings(names, from_left);
  const uint32_t blocks = namings.numbers(left + "#.x_block.attn.qkv.weight", right + "#.attn.to_q.weight");
  if (blocks == 0) return;
  const std::string number = std::to_string(blocks - 1);
  if (namings.has(left + number + ".context_block.attn.proj.weight", right + number + ".attn.to_add_out.weight"))
    return;
  rules.push_back({left + number + ".context_block.adaLN_modulation.1.*", right + number + ".norm1_context.linear.*",
                   Reshaping::swap});
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  const std::string x = "joint_blocks.#.x_block.", c = "joint_blocks.#.context_block.", t = "transformer_blocks.#.";
  LayoutRules rules = {
      {"x_embedder.proj.*", "pos_embed.proj.*"},
      {"pos_embed", "pos_embed.pos_embed"},
      {"t_embedder.mlp.0.*", "time_text_embed.timestep_embedder.linear_1.*"},
      {"t_embedder.mlp.2.*", "time_text_embed.timestep_embedder.linear_2.*"},
      {"y_embedder.mlp.0.*", "time_text_embed.text_embedder.linear_1.*"},
      {"y_embedder.mlp.2.*", "time_text_embed.text_embedder.linear_2.*"},
      {"context_embedder.*", "context_embedder.*"},
      {c + "attn.qkv.*", t + "attn.{add_q_proj,add_k_proj,add_v_proj}.*"},
      {c + "attn.proj.*", t + "attn.to_add_out.*"},
      {c + "attn.ln_q.*", t + "attn.norm_added_q.*"},
      {c + "attn.ln_k.*", t + "attn.norm_added_k.*"},
      {x + "adaLN_modulation.1.*", t + "norm1.linear.*"},
      {c + "adaLN_modulation.1.*", t + "norm1_context.linear.*"},
      {x + "mlp.fc1.*", t + "ff.net.0.proj.*"},
      {x + "mlp.fc2.*", t + "ff.net.2.*"},
      {c + "mlp.fc1.*", t + "ff_context.net.0.proj.*"},
      {c + "mlp.fc2.*", t + "ff_context.net.2.*"},
      {"final_layer.linear.*", "proj_out.*"},
      {"final_layer.adaLN_modulation.1.*", "norm_out.linear.*", Reshaping::swap},
  };
  add_attention(rules, x + "attn.", t + "attn.");
  add_attention(rules, x + "attn2.", t + "attn2.");
  add_last_modulation(rules, names, from_left);
  return rules;
}

}  // namespace

ModelFamily sd3_family() {
  return {.name = "sd3",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"joint_blocks.#.context_block.attn.qkv.weight"},
          .right_signs = {"transformer_blocks.#.attn.add_q_proj.weight", "pos_embed.proj.weight",
                          "!controlnet_blocks.#.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
