// SPDX-License-Identifier: Apache-2.0
// Wan 2.1 and 2.2, with VACE and with an image (diffusers 0.42.1: convert_wan_transformer_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

void add_attention(LayoutRules& rules, std::string_view left, std::string_view right) {
  add_rules(rules, left, right,
            {{"q.*", "to_q.*"},
             {"k.*", "to_k.*"},
             {"v.*", "to_v.*"},
             {"o.*", "to_out.0.*"},
             {"norm_q.*", "norm_q.*"},
             {"norm_k.*", "norm_k.*"},
             {"k_img.*", "add_k_proj.*"},
             {"v_img.*", "add_v_proj.*"},
             {"norm_k_img.*", "norm_added_k.*"}});
}

void add_block(LayoutRules& rules, std::string_view blocks) {
  const std::string block = sentence(blocks, ".#.");
  add_attention(rules, sentence(block, "self_attn."), sentence(block, "attn1."));
  add_attention(rules, sentence(block, "cross_attn."), sentence(block, "attn2."));
  add_rules(rules, block, block,
            {{"norm1.*", "norm1.*"},
             {"norm2.*", "norm3.*"},
             {"norm3.*", "norm2.*"},
             {"ffn.0.*", "ffn.net.0.proj.*"},
             {"ffn.2.*", "ffn.net.2.*"},
             {"modulation", "scale_shift_table"},
             {"before_proj.*", "proj_in.*"},
             {"after_proj.*", "proj_out.*"}});
}

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_block(rules, "blocks");
  add_block(rules, "vace_blocks");
  add_kept(rules, {"patch_embedding.*", "vace_patch_embedding.*"});
  add_rules(rules, "", "condition_embedder.",
            {{"text_embedding.0.*", "text_embedder.linear_1.*"},
             {"text_embedding.2.*", "text_embedder.linear_2.*"},
             {"time_embedding.0.*", "time_embedder.linear_1.*"},
             {"time_embedding.2.*", "time_embedder.linear_2.*"},
             {"time_projection.1.*", "time_proj.*"},
             {"img_emb.proj.0.*", "image_embedder.norm1.*"},
             {"img_emb.proj.1.*", "image_embedder.ff.net.0.proj.*"},
             {"img_emb.proj.3.*", "image_embedder.ff.net.2.*"},
             {"img_emb.proj.4.*", "image_embedder.norm2.*"},
             {"img_emb.emb_pos", "image_embedder.pos_embed"}});
  add_rules(rules, "head.", "", {{"head.*", "proj_out.*"}, {"modulation", "scale_shift_table"}});
  return rules;
}

// As far as they are known: what its encoder of motion is called is not.
LayoutRules animate_rules(const ComponentNames& names, bool from_left) {
  LayoutRules animated = layout_rules(names, from_left);
  add_rules(animated, "face_adapter.fuser_blocks.#.", "face_adapter.#.",
            {{"linear1_q.*", "to_q.*"},
             {"linear1_kv.*", "{to_k,to_v}.*"},
             {"linear2.*", "to_out.*"},
             {"q_norm.*", "norm_q.*"},
             {"k_norm.*", "norm_k.*"}});
  return animated;
}

}  // namespace

ModelFamily wan_family() {
  return {.name = "wan",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.self_attn.q.weight", "head.head.weight", "time_projection.1.weight"},
          .right_signs = {"blocks.#.attn1.to_q.weight", "condition_embedder.time_proj.weight"},
          .rules = layout_rules};
}

ModelFamily wan_animate_family() {
  constexpr const char* kWhy =
      "the encoders of motion and faces of Wan Animate have other shapes in diffusers, for which no rules are known; "
      "take the files that its publisher gives in the other naming";
  return {
      .name = "wan-animate",
      .role = ComponentRole::transformer,
      .left = Naming::original,
      .right = Naming::diffusers,
      .left_signs = {"blocks.#.self_attn.q.weight", "head.head.weight", "face_adapter.fuser_blocks.#.linear2.weight"},
      .right_signs = {"blocks.#.attn1.to_q.weight", "condition_embedder.time_proj.weight",
                      "face_adapter.#.to_out.weight"},
      .rules = animate_rules,
      .no_way_right = kWhy,
      .no_way_left = kWhy};
}

}  // namespace ckmerge
