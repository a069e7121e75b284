// SPDX-License-Identifier: Apache-2.0
// Flux.1, dev and schnell (which has no guidance), and what was made of them with the same names: Fill, Kontext, Krea.
#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  const std::string d = "double_blocks.#.", t = "transformer_blocks.#.";
  LayoutRules rules = {
      {"img_in.*", "x_embedder.*"},
      {"txt_in.*", "context_embedder.*"},
      {"time_in.in_layer.*", "time_text_embed.timestep_embedder.linear_1.*"},
      {"time_in.out_layer.*", "time_text_embed.timestep_embedder.linear_2.*"},
      {"vector_in.in_layer.*", "time_text_embed.text_embedder.linear_1.*"},
      {"vector_in.out_layer.*", "time_text_embed.text_embedder.linear_2.*"},
      {"guidance_in.in_layer.*", "time_text_embed.guidance_embedder.linear_1.*"},
      {"guidance_in.out_layer.*", "time_text_embed.guidance_embedder.linear_2.*"},
      {d + "img_mod.lin.*", t + "norm1.linear.*"},
      {d + "txt_mod.lin.*", t + "norm1_context.linear.*"},
      {"single_blocks.#.modulation.lin.*", "single_transformer_blocks.#.norm.linear.*"},
      {"final_layer.linear.*", "proj_out.*"},
      {"final_layer.adaLN_modulation.1.*", "norm_out.linear.*", Reshaping::swap},
  };
  for (const LayoutRules& blocks : {flux_attention_rules(), flux_mlp_rules(), flux_single_rules()})
    rules.insert(rules.end(), blocks.begin(), blocks.end());
  return rules;
}

}  // namespace

LayoutRules flux_attention_rules() {
  const std::string d = "double_blocks.#.", t = "transformer_blocks.#.attn.";
  return {
      {d + "img_attn.qkv.*", t + "{to_q,to_k,to_v}.*"},
      {d + "txt_attn.qkv.*", t + "{add_q_proj,add_k_proj,add_v_proj}.*"},
      {d + "img_attn.norm.query_norm.scale", t + "norm_q.weight"},
      {d + "img_attn.norm.key_norm.scale", t + "norm_k.weight"},
      {d + "txt_attn.norm.query_norm.scale", t + "norm_added_q.weight"},
      {d + "txt_attn.norm.key_norm.scale", t + "norm_added_k.weight"},
      {d + "img_attn.proj.*", t + "to_out.0.*"},
      {d + "txt_attn.proj.*", t + "to_add_out.*"},
  };
}

LayoutRules flux_mlp_rules() {
  const std::string d = "double_blocks.#.", t = "transformer_blocks.#.";
  return {
      {d + "img_mlp.0.*", t + "ff.net.0.proj.*"},
      {d + "img_mlp.2.*", t + "ff.net.2.*"},
      {d + "txt_mlp.0.*", t + "ff_context.net.0.proj.*"},
      {d + "txt_mlp.2.*", t + "ff_context.net.2.*"},
  };
}

LayoutRules flux_single_rules() {
  const std::string s = "single_blocks.#.", t = "single_transformer_blocks.#.";
  return {
      {s + "linear1.*", t + "{attn.to_q,attn.to_k,attn.to_v,proj_mlp}.*", Reshaping::none,
       RowCut::all_but_last_as_columns},
      {s + "linear2.*", t + "proj_out.*"},
      {s + "norm.query_norm.scale", t + "attn.norm_q.weight"},
      {s + "norm.key_norm.scale", t + "attn.norm_k.weight"},
  };
}

ModelFamily flux_family() {
  return {
      .name = "flux",
      .role = ComponentRole::transformer,
      .left = Naming::original,
      .right = Naming::diffusers,
      // Not Hunyuan's models of videos and shapes, Ovis, or ControlNets, whose blocks are called the same.
      .left_signs = {"double_blocks.#.img_attn.qkv.weight|double_blocks.#.img_attn.norm.key_norm.scale",
                     "!txt_in.individual_token_refiner.blocks.#.norm1.weight",
                     "!txt_in.individual_token_refiner.blocks.#.self_attn.qkv.weight", "!latent_in.weight",
                     "!double_blocks.#.img_mlp.gate_proj.weight", "!controlnet_blocks.#.weight"},
      // Nor Bria, LongCat and Ovis, which have time alone, or Motif.
      .right_signs = {"single_transformer_blocks.#.proj_mlp.weight", "transformer_blocks.#.norm1_context.linear.weight",
                      "time_text_embed.timestep_embedder.linear_1.weight|time_text_embed.text_embedder.linear_1.weight",
                      "!context_embedder.token_refiner.refiner_blocks.#.norm1.weight",
                      "!context_embedder.linear_1.weight", "!controlnet_blocks.#.weight"},
      .rules = layout_rules};
}

}  // namespace ckmerge
