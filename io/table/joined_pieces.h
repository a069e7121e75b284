// SPDX-License-Identifier: Apache-2.0
// Where the elements of joined tensors lie: runs of them, one after another, each in a place of its own. As flat
// arrays, like the table whose tensors they are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dtype.h"

namespace ckmerge {

using Shape = std::span<const uint64_t>;

/// A run of consecutive elements of a joined tensor, and where they lie.
struct Piece {
  uint64_t count = 0;  ///< elements; of a dtype of less than a byte, whole bytes of them
  uint32_t shard = 0;
  uint64_t offset = 0;             ///< bytes from the start of that file, of the first element
  Shape shape = {}, strides = {};  ///< both empty: its elements lie in order; else as those of a view
};

/// Bytes [begin, end) of a piece, counted as if its elements lay in order.
struct PiecePart {
  Piece piece;
  uint64_t begin = 0, end = 0;
};

/// Without such as have no elements, without strides where elements lie in order all the same, and those that go on
/// where the one before ends as one with it.
std::vector<Piece> fewest_pieces(std::span<const Piece> pieces, Dtype dtype);

class JoinedPieces {
 public:
  /// Appends those of one tensor. REQUIRES: no view of these pieces is among them.
  void add(std::span<const Piece> pieces, Dtype dtype);

  size_t size() const { return rows_.size(); }
  uint32_t shard(size_t index) const { return rows_[index].shard; }
  /// Which parts of pieces are bytes [begin, end) of the tensor of `dtype` whose first piece is `first`. Views hold
  /// until the next add(). REQUIRES: it has those bytes.
  std::vector<PiecePart> parts(size_t first, Dtype dtype, uint64_t begin, uint64_t end) const;
  uint64_t memory() const;
  void release_unused();

 private:
  struct Row {
    uint64_t end;     // bytes of the tensor up to the end of this piece
    uint64_t offset;  // in its file
    uint64_t numbers_begin;
    uint32_t shard, rank;  // rank 0: in order; else its dimensions and then as many strides lie in numbers_
  };

  std::vector<Row> rows_;
  std::vector<uint64_t> numbers_;
};

}  // namespace ckmerge
