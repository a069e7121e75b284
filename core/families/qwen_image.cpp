// SPDX-License-Identifier: Apache-2.0
// Qwen-Image 2.1 (diffusers 0.42.1: convert_qwen_image21_transformer_checkpoint_to_diffusers). Qwen-Image itself has
// one naming.
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"

namespace ckmerge {
namespace {

LayoutRules layout_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  LayoutRules rules;
  add_rules(rules, "transformer_blocks.#.img_mlp.", "transformer_blocks.#.img_mlp.",
            {{"gate_up.*", "{gate_layer,proj}.*"}, {"out.*", "out.*"}});
  add_kept(rules, {"transformer_blocks.#.attn.*", "transformer_blocks.#.img_mod.*", "img_in.*", "txt_in.*",
                   "modulation.*", "time_text_embed.*", "norm_out.*", "proj_out.*"});
  return rules;
}

}  // namespace

ModelFamily qwen_image_21_family() {
  return {.name = "qwen-image-2.1",
          .role = ComponentRole::transformer,
          .left = Naming::comfy,
          .right = Naming::diffusers,
          .left_signs = {"transformer_blocks.#.img_mlp.gate_up.weight"},
          .right_signs = {"transformer_blocks.#.img_mlp.gate_layer.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
