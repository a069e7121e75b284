// SPDX-License-Identifier: Apache-2.0
#include "kernels/lines.h"

namespace ckmerge {

// A vector's only column is taken for its row, of which elements follow each other.
Lines lines_of(Over over, std::span<const uint64_t> shape) {
  if (shape.empty()) return {};
  if (over == Over::rows) return {.length = shape.back(), .inner = 1};
  uint64_t inner = 1;
  for (const uint64_t dimension : shape.subspan(1)) inner *= dimension;
  return {.length = shape[0], .inner = inner};
}

}  // namespace ckmerge
