// SPDX-License-Identifier: Apache-2.0
// HunyuanVideo 1.5 and HunyuanImage 2.1, which have a second encoder of texts: the publisher's naming (diffusers'
// scripts convert_hunyuan_video1_5_to_diffusers, convert_hunyuan_image_to_diffusers), and ComfyUI's (0.3.75:
// HunyuanVideo). In the publisher's of 1.5 alone q, k and v are apart.
#include <utility>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// What the publisher and ComfyUI call the two layers of a module that embeds.
struct Embedder {
  string_view first, second;
};
constexpr Embedder kOriginal{"mlp.0.*", "mlp.2.*"}, kComfy{"in_layer.*", "out_layer.*"};

void add_embedder(LayoutRules& rules, string_view left, string_view right, const Embedder& embedder) {
  add_rules(rules, left, right, {{embedder.first, "linear_1.*"}, {embedder.second, "linear_2.*"}});
}

// `time`: what embeds it on the right.
void add_inputs(LayoutRules& rules, const std::string& time, const Embedder& embedder) {
  add_embedder(rules, "time_in.", time + "timestep_embedder.", embedder);
  add_embedder(rules, "time_r_in.", time + "timestep_embedder_r.", embedder);
  add_embedder(rules, "guidance_in.", time + "guidance_embedder.", embedder);
  add_embedder(rules, "txt_in.t_embedder.", "context_embedder.time_text_embed.timestep_embedder.", embedder);
  add_rules(rules, "", "",
            {{"img_in.proj.*", "x_embedder.proj.*"},
             {"txt_in.input_embedder.*", "context_embedder.proj_in.*"},
             {"byt5_in.layernorm.*", "context_embedder_2.norm.*"},
             {"byt5_in.fc1.*", "context_embedder_2.linear_1.*"},
             {"byt5_in.fc2.*", "context_embedder_2.linear_2.*"},
             {"byt5_in.fc3.*", "context_embedder_2.linear_3.*"},
             {"final_layer.linear.*", "proj_out.*"},
             {"final_layer.adaLN_modulation.1.*", "norm_out.linear.*", Reshaping::swap}});
}

// Of pictures that a video begins with.
void add_vision(LayoutRules& rules) {
  add_rules(rules, "", "",
            {{"vision_in.proj.0.*", "image_embedder.norm_in.*"},
             {"vision_in.proj.1.*", "image_embedder.linear_1.*"},
             {"vision_in.proj.3.*", "image_embedder.linear_2.*"},
             {"vision_in.proj.4.*", "image_embedder.norm_out.*"},
             {"cond_type_embedding.*", "cond_type_embed.*"}});
}

constexpr string_view kRefinerLeft = "txt_in.individual_token_refiner.blocks.#.";
constexpr string_view kRefinerRight = "context_embedder.token_refiner.refiner_blocks.#.";

LayoutRules original_rules(const std::string& time) {
  LayoutRules rules;
  add_inputs(rules, time, kOriginal);
  add_rules(rules, "txt_in.c_embedder.", "context_embedder.time_text_embed.text_embedder.", {{"*", "*"}});
  add_rules(rules, kRefinerLeft, kRefinerRight,
            {{"norm1.*", "norm1.*"},
             {"norm2.*", "norm2.*"},
             {"self_attn_qkv.*", "attn.{to_q,to_k,to_v}.*"},
             {"self_attn_proj.*", "attn.to_out.0.*"},
             {"mlp.fc1.*", "ff.net.0.proj.*"},
             {"mlp.fc2.*", "ff.net.2.*"},
             {"adaLN_modulation.1.*", "norm_out.linear.*"}});
  add_rules(rules, "double_blocks.#.", "transformer_blocks.#.",
            {{"img_mod.linear.*", "norm1.linear.*"},
             {"txt_mod.linear.*", "norm1_context.linear.*"},
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
  return rules;
}

LayoutRules video_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = original_rules("time_embed.");
  add_vision(rules);
  add_rules(rules, "double_blocks.#.", "transformer_blocks.#.attn.",
            {{"img_attn_q.*", "to_q.*"},
             {"img_attn_k.*", "to_k.*"},
             {"img_attn_v.*", "to_v.*"},
             {"txt_attn_q.*", "add_q_proj.*"},
             {"txt_attn_k.*", "add_k_proj.*"},
             {"txt_attn_v.*", "add_v_proj.*"}});
  return rules;
}

LayoutRules image_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = original_rules("time_guidance_embed.");
  add_rules(rules, "double_blocks.#.", "transformer_blocks.#.attn.",
            {{"img_attn_qkv.*", "{to_q,to_k,to_v}.*"}, {"txt_attn_qkv.*", "{add_q_proj,add_k_proj,add_v_proj}.*"}});
  add_rules(
      rules, "single_blocks.#.", "single_transformer_blocks.#.",
      {{"linear1.*", "{attn.to_q,attn.to_k,attn.to_v,proj_mlp}.*", Reshaping::none, RowCut::all_but_last_as_columns},
       {"linear2.*", "proj_out.*"},
       {"q_norm.*", "attn.norm_q.*"},
       {"k_norm.*", "attn.norm_k.*"},
       {"modulation.linear.*", "norm.linear.*"}});
  return rules;
}

LayoutRules comfy_rules(const std::string& time) {
  LayoutRules rules;
  add_inputs(rules, time, kComfy);
  add_embedder(rules, "txt_in.c_embedder.", "context_embedder.time_text_embed.text_embedder.", kComfy);
  add_rules(rules, kRefinerLeft, kRefinerRight,
            {{"norm1.*", "norm1.*"},
             {"norm2.*", "norm2.*"},
             {"self_attn.qkv.*", "attn.{to_q,to_k,to_v}.*"},
             {"self_attn.proj.*", "attn.to_out.0.*"},
             {"mlp.0.*", "ff.net.0.proj.*"},
             {"mlp.2.*", "ff.net.2.*"},
             {"adaLN_modulation.1.*", "norm_out.linear.*"}});
  for (const LayoutRules& blocks : {flux_attention_rules(), flux_mlp_rules()})
    rules.insert(rules.end(), blocks.begin(), blocks.end());
  add_rules(rules, "double_blocks.#.", "transformer_blocks.#.",
            {{"img_mod.lin.*", "norm1.linear.*"}, {"txt_mod.lin.*", "norm1_context.linear.*"}});
  return rules;
}

LayoutRules video_comfy_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = comfy_rules("time_embed.");
  add_vision(rules);
  return rules;
}

LayoutRules image_comfy_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = comfy_rules("time_guidance_embed.");
  for (const LayoutRule& rule : flux_single_rules()) rules.push_back(rule);
  rules.push_back({.left = "single_blocks.#.modulation.lin.*", .right = "single_transformer_blocks.#.norm.linear.*"});
  return rules;
}

constexpr const char* kSplit = "double_blocks.#.img_attn_q.weight";
constexpr const char* kJoined = "double_blocks.#.img_attn_qkv.weight";
constexpr const char* kFused = "double_blocks.#.img_attn.qkv.weight";
constexpr const char* kSecond = "byt5_in.fc1.weight";
constexpr const char* kSecondRight = "context_embedder_2.linear_1.weight";

ModelFamily video(Naming left, const char* sign) {
  return {.name = "hunyuan-video-1.5",
          .role = ComponentRole::transformer,
          .left = left,
          .right = Naming::diffusers,
          .left_signs = {sign, kSecond, "vision_in.proj.#.weight"},
          .right_signs = {"transformer_blocks.#.attn.add_q_proj.weight", kSecondRight, "image_embedder.norm_in.weight"},
          .rules = left == Naming::comfy ? video_comfy_rules : video_rules};
}

ModelFamily image(Naming left, const char* sign) {
  return {.name = "hunyuan-image",
          .role = ComponentRole::transformer,
          .left = left,
          .right = Naming::diffusers,
          .left_signs = {sign, kSecond, "!vision_in.proj.#.weight"},
          .right_signs = {"single_transformer_blocks.#.attn.to_q.weight", kSecondRight,
                          "time_guidance_embed.timestep_embedder.linear_1.weight"},
          .rules = left == Naming::comfy ? image_comfy_rules : image_rules};
}

}  // namespace

ModelFamily hunyuan_video_15_family() { return video(Naming::original, kSplit); }
ModelFamily hunyuan_video_15_comfy_family() { return video(Naming::comfy, kFused); }
ModelFamily hunyuan_image_family() { return image(Naming::original, kJoined); }
ModelFamily hunyuan_image_comfy_family() { return image(Naming::comfy, kFused); }

}  // namespace ckmerge
