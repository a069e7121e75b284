// SPDX-License-Identifier: Apache-2.0
// Families whose names are the same for the publisher, ComfyUI and diffusers.
#include <utility>

#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

LayoutRules kept(const ComponentNames& /*names*/, bool /*from_left*/) { return {{.left = "*", .right = "*"}}; }

ModelFamily single_named(const char* name, std::vector<std::string_view> signs) {
  return {.name = name,
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = std::move(signs),
          .right_signs = {},
          .rules = kept};
}

}  // namespace

ModelFamily qwen_image_family() {
  return single_named("qwen-image", {"transformer_blocks.#.img_mod.1.weight", "txt_norm.weight"});
}

ModelFamily hidream_family() {
  return single_named("hidream",
                      {"double_stream_blocks.#.block.ff_i.gate.weight", "caption_projection.#.linear.weight"});
}

}  // namespace ckmerge
