// SPDX-License-Identifier: Apache-2.0
// Stable Cascade: stage C, the prior, and stage B, the decoder (diffusers 0.42.1:
// convert_stable_cascade_unet_single_file_to_diffusers; ComfyUI 0.3.75: Stable_Cascade_C.process_unet_state_dict).
#include <utility>

#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kBlocks[] = {"down_blocks.#.#.", "up_blocks.#.#."};

LayoutRules prior_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {{.left = "*", .right = "*"}};
  for (const string_view block : kBlocks) {
    rules.push_back({.left = sentence(block, "*"), .right = sentence(block, "*")});
    add_rules(rules, sentence(block, "attention.attn."), sentence(block, "attention."),
              {{"in_proj_weight", "{to_q,to_k,to_v}.weight"},
               {"in_proj_bias", "{to_q,to_k,to_v}.bias"},
               {"out_proj.*", "to_out.0.*"}});
  }
  return rules;
}

LayoutRules decoder_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules = prior_rules(names, from_left);
  rules.push_back({.left = "clip_mapper.*", .right = "clip_txt_pooled_mapper.*"});
  return rules;
}

// ComfyUI cuts the rows, and keeps all other names.
LayoutRules comfy_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules = {{.left = "*", .right = "*"}};
  for (const string_view block : kBlocks) {
    rules.push_back({.left = sentence(block, "*"), .right = sentence(block, "*")});
    add_rules(rules, sentence(block, "attention.attn."), sentence(block, "attention.attn."),
              {{"in_proj_weight", "{to_q,to_k,to_v}.weight"},
               {"in_proj_bias", "{to_q,to_k,to_v}.bias"},
               {"out_proj.*", "out_proj.*"}});
  }
  return rules;
}

constexpr const char* kFused = "down_blocks.#.#.attention.attn.in_proj_weight";
constexpr const char* kComfyQuery = "down_blocks.#.#.attention.attn.to_q.weight";
constexpr const char* kQuery = "down_blocks.#.#.attention.to_q.weight";

ModelFamily stage(const char* name, string_view left_mapper, string_view right_mapper) {
  return {.name = name,
          .role = ComponentRole::unet,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {left_mapper, kFused},
          .right_signs = {right_mapper, kQuery},
          .rules = prior_rules};
}

ModelFamily of_comfy(ModelFamily family) {
  family.right = Naming::comfy;
  family.right_signs = {family.left_signs[0], kComfyQuery};
  family.rules = comfy_rules;
  return family;
}

}  // namespace

ModelFamily stable_cascade_family() {
  return stage("stable-cascade", "clip_txt_mapper.weight", "clip_txt_mapper.weight");
}
ModelFamily stable_cascade_comfy_family() { return of_comfy(stable_cascade_family()); }

ModelFamily stable_cascade_decoder_family() {
  ModelFamily family = stage("stable-cascade-decoder", "clip_mapper.weight", "effnet_mapper.0.weight");
  family.rules = decoder_rules;
  return family;
}
ModelFamily stable_cascade_decoder_comfy_family() { return of_comfy(stable_cascade_decoder_family()); }

}  // namespace ckmerge
