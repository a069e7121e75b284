// SPDX-License-Identifier: Apache-2.0
#include "core/engine/made_step.h"

#include <algorithm>
#include <cstring>

namespace ckmerge {
namespace {

// Parts end where tiles do, which may be within an element.
void fill_counts(uint64_t row, ByteRange part, std::byte* out) {
  for (uint64_t at = part.begin; at < part.end;) {
    const uint64_t element = at / sizeof(int64_t), within = at % sizeof(int64_t);
    const auto value = static_cast<int64_t>(element % row);
    const uint64_t size = std::min(sizeof(int64_t) - within, part.end - at);
    std::memcpy(out + (at - part.begin), reinterpret_cast<const std::byte*>(&value) + within, size);
    at += size;
  }
}

}  // namespace

bool fill_made_step(const Step& step, std::span<const Checkpoint> checkpoints, ByteRange part, std::byte* out) {
  if (step.program == Step::kZero) {
    std::memset(out, 0, part.size());
    return true;
  }
  if (step.program != Step::kCount) return false;
  fill_counts(checkpoints[step.named.checkpoint].tensors[step.named.tensor].shape.back(), part, out);
  return true;
}

}  // namespace ckmerge
