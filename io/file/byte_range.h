// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ckmerge {

/// Half-open range of bytes of a file; in core/, unless said otherwise, of the output (core/plan/output_files.h).
struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

}  // namespace ckmerge
