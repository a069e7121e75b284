// SPDX-License-Identifier: Apache-2.0
// Spellings: names that versions and classes of libraries have for tensors that are the same, uncut, and lie alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// Bits of PlainName::towers.
inline constexpr uint32_t kTextTower = 1, kVisionTower = 2;

/// A name without what spellings differ in.
struct PlainName {
  std::string text;     ///< equal for all spellings of a tensor
  uint32_t towers = 0;  ///< which words for one of several networks were in it, a bit each
};

/// Linear in the name and the table of spellings. `vision_tower.vision_model.encoder.x` becomes
/// `vision_tower.encoder.x`, and so does that itself.
PlainName plain_name(std::string_view name);

/// Whether names whose plain texts are equal may be of one tensor: not where they say of different towers that they are
/// of them.
inline bool may_be_one(const PlainName& a, const PlainName& b) {
  const uint32_t differing = a.towers ^ b.towers;
  return (differing & (differing - 1)) == 0;
}

/// The tower that names without one are of, by the embeddings that CLIP has of text and of images: 0 where both are
/// there, or neither. The layers of its two models are called alike, and can have the same shapes.
uint32_t sole_tower(const TensorTable& tensors);

/// `name` in that tower, where it says none itself.
inline PlainName in_tower(PlainName name, uint32_t tower) {
  if (name.towers == 0) name.towers = tower;
  return name;
}

}  // namespace ckmerge
