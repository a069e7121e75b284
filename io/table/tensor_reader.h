// SPDX-License-Identifier: Apache-2.0
// Bytes of a tensor in order, wherever its elements lie: one range of a file, a view, or pieces of several.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/table/checkpoint.h"
#include "io/table/strided_reader.h"

namespace ckmerge {

class TensorReader {
 public:
  /// Writes bytes [begin, end) of tensor `row` of `checkpoint`, counted as if its elements lay in order, to `out`.
  /// REQUIRES: where they do not, whole elements. Throws as InputFile::read_at() does.
  void read(const Checkpoint& checkpoint, size_t row, uint64_t begin, uint64_t end, std::byte* out);

 private:
  StridedReader strided_;
};

}  // namespace ckmerge
