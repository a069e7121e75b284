// SPDX-License-Identifier: Apache-2.0
// A tensor made of rows that other tensors have, in another order, and of such as no tensor has. Rows that follow each
// other in a file are read where they lie; all else is asked for, row by row, when a tile needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Of a row that is not one of the tensor's own.
inline constexpr uint32_t kNoRow = UINT32_MAX;

struct GatheredRows {
  std::vector<uint32_t> own;  ///< per row: which of the tensor's it is, or kNoRow
  /// Writes a row of the result that is kNoRow. Thread-safe. May be null where all rows are the tensor's own.
  std::function<void(uint64_t row, std::byte* out)> other = {};
};

/// `tensor` of `checkpoint` with rows as `gathered` says; what is the shape's first dimension but for those before
/// `axis`, which are 1. The table is not changed before put_tensors().
struct GatheredTensor {
  std::string name;
  Dtype dtype;
  std::vector<uint64_t> shape;
  std::vector<Piece> pieces;
  std::vector<std::vector<uint64_t>> numbers;  // what views among the pieces point to
};

/// Part of a checkpoint that tensors can be read from as long as somebody has it, whatever becomes of the checkpoint.
std::shared_ptr<const Checkpoint> part_of(const Checkpoint& checkpoint, const std::vector<size_t>& tensors);

/// The tensor of `rows` of `source` that is called `name`, rows along dimension `axis`, as `gathered` says. May add a
/// shard to `checkpoint`. Throws Error(usage) where it would have more bytes than there are addresses.
GatheredTensor gather_rows(Checkpoint& checkpoint, const std::shared_ptr<const Checkpoint>& source,
                           std::string_view name, size_t axis, GatheredRows gathered);

/// Puts each into the table of `checkpoint`, in place of the tensor of its name, if any.
void put_tensors(Checkpoint& checkpoint, const std::vector<GatheredTensor>& tensors);

}  // namespace ckmerge
