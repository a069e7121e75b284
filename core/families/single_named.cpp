// SPDX-License-Identifier: Apache-2.0
// Families whose names are the same for the publisher, ComfyUI and diffusers, and one that cannot be rewritten.
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

ModelFamily minimax_h3_family() {
  constexpr const char* kWhy =
      "the rows of its fused q, k and v lie in one order in single files and in another in the publisher's shards, and "
      "names and shapes do not say which";
  return {.name = "minimax-h3",
          .role = ComponentRole::transformer,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"blocks.#.attn.qkv_proj.weight", "video_patch_proj.weight"},
          .right_signs = {"transformer_blocks.#.attn.to_q.weight", "audio_proj_in.weight", "audio_proj_out.weight"},
          .rules = kept,
          .no_way_right = kWhy,
          .no_way_left = kWhy};
}

}  // namespace ckmerge
