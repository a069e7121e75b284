// SPDX-License-Identifier: Apache-2.0
// Sana (diffusers 0.42.1: convert_sana_transformer_to_diffusers) and PixArt (ComfyUI 0.3.75: pixart_to_diffusers),
// whose blocks are alike.
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"

namespace ckmerge {
namespace {

LayoutRules common_rules() {
  LayoutRules rules = {{.left = "final_layer.linear.*", .right = "proj_out.*"},
                       {.left = "final_layer.scale_shift_table", .right = "scale_shift_table"},
                       {.left = "y_embedder.y_proj.fc1.*", .right = "caption_projection.linear_1.*"},
                       {.left = "y_embedder.y_proj.fc2.*", .right = "caption_projection.linear_2.*"},
                       // What stands for a text that is left out in training, and a table that is computed anew.
                       {.left = "y_embedder.y_embedding", .right = ""},
                       {.left = "pos_embed", .right = ""}};
  add_rules(rules, "blocks.#.", "transformer_blocks.#.",
            {{"scale_shift_table", "scale_shift_table"},
             {"attn.qkv.*", "attn1.{to_q,to_k,to_v}.*"},
             {"attn.proj.*", "attn1.to_out.0.*"},
             {"attn.q_norm.*", "attn1.norm_q.*"},
             {"attn.k_norm.*", "attn1.norm_k.*"},
             {"cross_attn.q_linear.*", "attn2.to_q.*"},
             {"cross_attn.kv_linear.*", "attn2.{to_k,to_v}.*"},
             {"cross_attn.proj.*", "attn2.to_out.0.*"},
             {"cross_attn.q_norm.*", "attn2.norm_q.*"},
             {"cross_attn.k_norm.*", "attn2.norm_k.*"}});
  return rules;
}

LayoutRules sana_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = common_rules();
  add_rules(rules, "", "",
            {{"x_embedder.proj.*", "patch_embed.proj.*"},
             {"t_embedder.mlp.0.*", "time_embed.emb.timestep_embedder.linear_1.*"},
             {"t_embedder.mlp.2.*", "time_embed.emb.timestep_embedder.linear_2.*"},
             {"t_block.1.*", "time_embed.linear.*"},
             {"attention_y_norm.*", "caption_norm.*"}});
  add_rules(rules, "blocks.#.mlp.", "transformer_blocks.#.ff.",
            {{"inverted_conv.conv.*", "conv_inverted.*"},
             {"depth_conv.conv.*", "conv_depth.*"},
             {"point_conv.conv.*", "conv_point.*"}});
  return rules;
}

LayoutRules pixart_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = common_rules();
  rules.push_back({.left = "x_embedder.proj.*", .right = "pos_embed.proj.*"});
  add_rules(rules, "", "adaln_single.",
            {{"t_embedder.mlp.0.*", "emb.timestep_embedder.linear_1.*"},
             {"t_embedder.mlp.2.*", "emb.timestep_embedder.linear_2.*"},
             {"csize_embedder.mlp.0.*", "emb.resolution_embedder.linear_1.*"},
             {"csize_embedder.mlp.2.*", "emb.resolution_embedder.linear_2.*"},
             {"ar_embedder.mlp.0.*", "emb.aspect_ratio_embedder.linear_1.*"},
             {"ar_embedder.mlp.2.*", "emb.aspect_ratio_embedder.linear_2.*"},
             {"t_block.1.*", "linear.*"}});
  add_rules(rules, "blocks.#.mlp.", "transformer_blocks.#.ff.", {{"fc1.*", "net.0.proj.*"}, {"fc2.*", "net.2.*"}});
  return rules;
}

}  // namespace

ModelFamily sana_family() {
  return {.name = "sana",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.cross_attn.kv_linear.weight", "blocks.#.mlp.inverted_conv.conv.weight"},
          .right_signs = {"transformer_blocks.#.ff.conv_inverted.weight", "transformer_blocks.#.attn2.to_q.weight",
                          "caption_projection.linear_1.weight"},
          .rules = sana_rules};
}

ModelFamily pixart_family() {
  return {
      .name = "pixart",
      .role = ComponentRole::transformer,
      .left = Naming::original,
      .right = Naming::diffusers,
      .left_signs = {"blocks.#.cross_attn.kv_linear.weight", "blocks.#.mlp.fc1.weight"},
      .right_signs = {"adaln_single.linear.weight", "pos_embed.proj.weight", "transformer_blocks.#.attn2.to_q.weight"},
      .rules = pixart_rules};
}

}  // namespace ckmerge
