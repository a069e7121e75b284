// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ckmerge {

/// Half-open range of bytes of a file; in core/, of the output file unless said otherwise.
struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

}  // namespace ckmerge
