// SPDX-License-Identifier: Apache-2.0
// Tensors whose every element can be told from all others: by where it lies in the file.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge::test {

/// A checkpoint whose tensors lie one after another, in the order in which they are added. There is no file.
class TracedTable {
 public:
  TracedTable& add(const std::string& name, const std::vector<uint64_t>& shape, Dtype dtype = Dtype::F32);
  /// As one of torch's, whose elements lie in the order of the dimensions turned round.
  TracedTable& add_turned(const std::string& name, const std::vector<uint64_t>& shape);
  Checkpoint checkpoint() const;

 private:
  TensorTable tensors_;
  uint64_t end_ = 0;
};

/// Another with the same tables.
Checkpoint copy(const Checkpoint& checkpoint);

/// Where each element of tensor `index` lies, in order: the offset of its first byte.
std::vector<uint64_t> places(const TensorTable& tensors, size_t index);

/// Name, dtype, shape, and the places of elements, a line per tensor.
std::vector<std::string> lines(const TensorTable& tensors);
/// The same with how the table holds them, so that tables are equal only if they are byte for byte.
std::vector<std::string> rows(const TensorTable& tensors);

}  // namespace ckmerge::test
