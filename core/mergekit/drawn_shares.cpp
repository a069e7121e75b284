// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/drawn_shares.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/recipe/recipe.h"

namespace ckmerge {

bool works_in_bf16(const std::string& dtype, std::span<const Checkpoint> checkpoints) {
  if (!dtype.empty()) return parse_dtype(dtype) == Dtype::BF16;
  return std::ranges::all_of(checkpoints, [](const Checkpoint& checkpoint) {
    for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
      if (is_real(checkpoint.tensors[i].dtype) && checkpoint.tensors[i].dtype != Dtype::BF16) return false;
    return true;
  });
}

double drawn_share(double share) {
  if (share <= 0 || share >= 1) return share;
  uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(share));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  return std::min(double{std::bit_cast<float>(bits)}, 0x1.fffffffffffffp-1);
}

}  // namespace ckmerge
