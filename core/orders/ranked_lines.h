// SPDX-License-Identifier: Apache-2.0
// How the lines along which magnitudes are put in order lie in a tensor.
#pragma once

#include <algorithm>
#include <cstdint>

#include "io/table/joined_pieces.h"

namespace ckmerge {

/// Lines along the second dimension; of a vector, its only one. Those of one index of the first dimension are a slab.
struct RankedLines {
  uint64_t slabs = 1, length = 1;
  uint64_t apart = 1;  ///< elements from one of a line to the next, and lines of a slab

  /// `as_one`: the whole tensor is a line.
  explicit RankedLines(Shape shape, bool as_one = false) {
    if (as_one || shape.size() < 2) {
      for (const uint64_t dimension : shape) length *= dimension;
      return;
    }
    slabs = shape[0];
    length = shape[1];
    for (const uint64_t dimension : shape.subspan(2)) apart *= dimension;
  }
  uint64_t slab() const { return length * apart; }

  /// Slabs that are made one after another have so many elements, which stay in the second cache.
  static constexpr uint64_t kElementsAtATime = 16 << 10;
  uint64_t at_a_time() const { return std::min(slabs, std::max<uint64_t>(1, kElementsAtATime / slab())); }
};

}  // namespace ckmerge
