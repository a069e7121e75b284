// SPDX-License-Identifier: Apache-2.0
// Blocks along the diagonal of a matrix that a weight is multiplied by, from the right (its columns are turned) or from
// the left (its rows). What is kept of a block R is strength * (R - I), in f32: small where R is near I, so that what
// it changes is exact to 24 bits, and strength costs nothing. Sums are f64, from zero and in order, rounded once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/adapters/turning/square_matrix.h"

namespace ckmerge {

class TurnedBlocks {
 public:
  /// `count` blocks of `size` by `size`; one block stands for as many as there is room for.
  TurnedBlocks(uint64_t size, uint64_t count) : size_(size), count_(count), blocks_(size * size * count) {}

  /// x becomes x + strength (R - I) x, x a column of elements that belong to block `index`.
  void set(uint64_t index, const SquareMatrix& r, double strength);

  uint64_t size() const { return size_; }
  uint64_t memory() const { return memory(size_, count_); }
  static uint64_t memory(uint64_t size, uint64_t count) { return size * size * count * sizeof(float); }

  /// Each of the elements of `row`, a block's worth after the other, is such a column.
  void turn_row(std::span<float> row) const { turn(0, row); }
  void turn_row(std::span<double> row) const { turn(0, row); }
  /// The same of elements of which the first belongs to block `first`.
  void turn_blocks(uint64_t first, std::span<double> elements) const { turn(first, elements); }
  /// `rows` are whole groups of size() rows of `columns` elements each, the first of which is group `first_group`; each
  /// column of a group is such a column. REQUIRES: a group that is not whole is turned by no block.
  void turn_rows(uint64_t first_group, uint64_t columns, std::span<float> rows) const;

 private:
  const float* block(uint64_t index) const { return &blocks_[(count_ == 1 ? 0 : index) * size_ * size_]; }
  template <typename Value>
  void turn(uint64_t first, std::span<Value> row) const;

  uint64_t size_, count_;
  std::vector<float> blocks_;  // of each, [from][to]: what the element `from` gives to the element `to`
};

}  // namespace ckmerge
