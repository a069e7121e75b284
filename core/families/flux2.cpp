// SPDX-License-Identifier: Apache-2.0
// Flux.2: no biases; one modulation for all blocks; the gate of its mlp, and all of a single block's input, stay fused.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  const std::string d = "double_blocks.#.", t = "transformer_blocks.#.";
  const std::string s = "single_blocks.#.", u = "single_transformer_blocks.#.attn.";
  const std::string e = "time_guidance_embed.";
  LayoutRules rules = {
      {"img_in.*", "x_embedder.*"},
      {"txt_in.*", "context_embedder.*"},
      {"time_in.in_layer.*", e + "timestep_embedder.linear_1.*"},
      {"time_in.out_layer.*", e + "timestep_embedder.linear_2.*"},
      {"guidance_in.in_layer.*", e + "guidance_embedder.linear_1.*"},
      {"guidance_in.out_layer.*", e + "guidance_embedder.linear_2.*"},
      {"double_stream_modulation_img.lin.*", "double_stream_modulation_img.linear.*"},
      {"double_stream_modulation_txt.lin.*", "double_stream_modulation_txt.linear.*"},
      {"single_stream_modulation.lin.*", "single_stream_modulation.linear.*"},
      {d + "img_mlp.0.*", t + "ff.linear_in.*"},
      {d + "img_mlp.2.*", t + "ff.linear_out.*"},
      {d + "txt_mlp.0.*", t + "ff_context.linear_in.*"},
      {d + "txt_mlp.2.*", t + "ff_context.linear_out.*"},
      {s + "linear1.*", u + "to_qkv_mlp_proj.*"},
      {s + "linear2.*", u + "to_out.*"},
      {s + "norm.query_norm.scale", u + "norm_q.weight"},
      {s + "norm.key_norm.scale", u + "norm_k.weight"},
      {"final_layer.linear.*", "proj_out.*"},
      {"final_layer.adaLN_modulation.1.*", "norm_out.linear.*", Reshaping::swap},
  };
  const LayoutRules attention = flux_attention_rules();
  rules.insert(rules.end(), attention.begin(), attention.end());
  return rules;
}

}  // namespace

ModelFamily flux2_family() {
  return {.name = "flux2",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"double_blocks.#.img_attn.qkv.weight", "double_stream_modulation_img.lin.weight"},
          .right_signs = {"transformer_blocks.#.attn.to_q.weight", "double_stream_modulation_img.linear.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
