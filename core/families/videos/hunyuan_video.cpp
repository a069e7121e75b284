// SPDX-License-Identifier: Apache-2.0
// HunyuanVideo: the publisher's naming, that of diffusers (0.42.1: convert_hunyuan_video_transformer_to_diffusers) and
// the one that ComfyUI saves (0.3.75: HunyuanVideo.process_unet_state_dict).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

void add_double_blocks(LayoutRules& rules) {
  add_rules(rules, "double_blocks.#.", "transformer_blocks.#.",
            {{"img_mod.linear.*", "norm1.linear.*"},
             {"txt_mod.linear.*", "norm1_context.linear.*"},
             {"img_attn_qkv.*", "attn.{to_q,to_k,to_v}.*"},
             {"txt_attn_qkv.*", "attn.{add_q_proj,add_k_proj,add_v_proj}.*"},
             {"img_attn_q_norm.*", "attn.norm_q.*"},
             {"img_attn_k_norm.*", "attn.norm_k.*"},
             {"txt_attn_q_norm.*", "attn.norm_added_q.*"},
             {"txt_attn_k_norm.*", "attn.norm_added_k.*"},
             {"img_attn_proj.*", "attn.to_out.0.*"},
             {"txt_attn_proj.*", "attn.to_add_out.*"},
             {"img_mlp.fc1.*", "ff.net.0.proj.*"},
             {"img_mlp.fc2.*", "ff.net.2.*"},
             {"txt_mlp.fc1.*", "ff_context.net.0.proj.*"},
             {"txt_mlp.fc2.*", "ff_context.net.2.*"}});
}

void add_refiner(LayoutRules& rules) {
  add_rules(rules, "txt_in.", "context_embedder.",
            {{"input_embedder.*", "proj_in.*"},
             {"t_embedder.mlp.0.*", "time_text_embed.timestep_embedder.linear_1.*"},
             {"t_embedder.mlp.2.*", "time_text_embed.timestep_embedder.linear_2.*"},
             {"c_embedder.*", "time_text_embed.text_embedder.*"}});
  add_rules(rules, "txt_in.individual_token_refiner.blocks.#.", "context_embedder.token_refiner.refiner_blocks.#.",
            {{"norm1.*", "norm1.*"},
             {"norm2.*", "norm2.*"},
             {"self_attn_qkv.*", "attn.{to_q,to_k,to_v}.*"},
             {"self_attn_proj.*", "attn.to_out.0.*"},
             {"mlp.fc1.*", "ff.net.0.proj.*"},
             {"mlp.fc2.*", "ff.net.2.*"},
             {"adaLN_modulation.1.*", "norm_out.linear.*"}});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {
      {.left = "img_in.proj.*", .right = "x_embedder.proj.*"},
      {.left = "final_layer.linear.*", .right = "proj_out.*"},
      {.left = "final_layer.adaLN_modulation.1.*", .right = "norm_out.linear.*", .reshaping = Reshaping::swap}};
  add_rules(rules, "", "time_text_embed.",
            {{"time_in.mlp.0.*", "timestep_embedder.linear_1.*"},
             {"time_in.mlp.2.*", "timestep_embedder.linear_2.*"},
             {"guidance_in.mlp.0.*", "guidance_embedder.linear_1.*"},
             {"guidance_in.mlp.2.*", "guidance_embedder.linear_2.*"},
             {"vector_in.in_layer.*", "text_embedder.linear_1.*"},
             {"vector_in.out_layer.*", "text_embedder.linear_2.*"}});
  add_refiner(rules);
  add_double_blocks(rules);
  add_rules(
      rules, "single_blocks.#.", "single_transformer_blocks.#.",
      {{"linear1.*", "{attn.to_q,attn.to_k,attn.to_v,proj_mlp}.*", Reshaping::none, RowCut::all_but_last_as_columns},
       {"linear2.*", "proj_out.*"},
       {"q_norm.*", "attn.norm_q.*"},
       {"k_norm.*", "attn.norm_k.*"},
       {"modulation.linear.*", "norm.linear.*"}});
  return rules;
}

LayoutRules comfy_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  for (const char* stream : {"img", "txt"})
    add_rules(rules, sentence("double_blocks.#.", stream), sentence("double_blocks.#.", stream),
              {{"_mod.linear.*", "_mod.lin.*"},
               {"_attn_qkv.*", "_attn.qkv.*"},
               {"_attn_proj.*", "_attn.proj.*"},
               {"_attn_q_norm.weight", "_attn.norm.query_norm.scale"},
               {"_attn_k_norm.weight", "_attn.norm.key_norm.scale"},
               {"_mlp.fc1.*", "_mlp.0.*"},
               {"_mlp.fc2.*", "_mlp.2.*"}});
  add_rules(rules, "single_blocks.#.", "single_blocks.#.",
            {{"linear1.*", "linear1.*"},
             {"linear2.*", "linear2.*"},
             {"q_norm.weight", "norm.query_norm.scale"},
             {"k_norm.weight", "norm.key_norm.scale"},
             {"modulation.linear.*", "modulation.lin.*"}});
  add_rules(rules, "txt_in.individual_token_refiner.blocks.#.", "txt_in.individual_token_refiner.blocks.#.",
            {{"norm1.*", "norm1.*"},
             {"norm2.*", "norm2.*"},
             {"self_attn_qkv.*", "self_attn.qkv.*"},
             {"self_attn_proj.*", "self_attn.proj.*"},
             {"mlp.fc1.*", "mlp.0.*"},
             {"mlp.fc2.*", "mlp.2.*"},
             {"adaLN_modulation.*", "adaLN_modulation.*"}});
  for (const char* embedder : {"time_in.", "time_r_in.", "guidance_in.", "txt_in.t_embedder."})
    add_rules(rules, embedder, embedder, {{"mlp.0.*", "in_layer.*"}, {"mlp.2.*", "out_layer.*"}});
  add_rules(rules, "txt_in.c_embedder.", "txt_in.c_embedder.",
            {{"linear_1.*", "in_layer.*"}, {"linear_2.*", "out_layer.*"}});
  add_kept(rules, {"img_in.*", "txt_in.input_embedder.*", "vector_in.*", "final_layer.*", "byt5_in.*", "vision_in.*",
                   "cond_type_embedding.*"});
  return rules;
}

}  // namespace

ModelFamily hunyuan_video_family() {
  return {.name = "hunyuan-video",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          // 1.5 and HunyuanImage, which have a second encoder of texts, have other names in diffusers.
          .left_signs = {"double_blocks.#.img_attn_qkv.weight",
                         "txt_in.individual_token_refiner.blocks.#.self_attn_qkv.weight", "!byt5_in.fc1.weight"},
          .right_signs = {"context_embedder.token_refiner.refiner_blocks.#.attn.to_q.weight",
                          "single_transformer_blocks.#.proj_mlp.weight", "!context_embedder_2.linear_1.weight"},
          .rules = layout_rules};
}

ModelFamily hunyuan_video_comfy_family() {
  return {.name = "hunyuan-video",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::comfy,
          .left_signs = {"double_blocks.#.img_attn_qkv.weight",
                         "txt_in.individual_token_refiner.blocks.#.self_attn_qkv.weight"},
          .right_signs = {"double_blocks.#.img_attn.qkv.weight",
                          "txt_in.individual_token_refiner.blocks.#.self_attn.qkv.weight"},
          .rules = comfy_rules};
}

}  // namespace ckmerge
