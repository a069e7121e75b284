// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/turning/turned_blocks.h"

#include <algorithm>

namespace ckmerge {

void TurnedBlocks::set(uint64_t index, const SquareMatrix& r, double strength) {
  float* block = &blocks_[index * size_ * size_];
  for (size_t to = 0; to < size_; ++to)
    for (size_t from = 0; from < size_; ++from)
      block[from * size_ + to] = static_cast<float>(strength * (r(to, from) - (to == from ? 1 : 0)));
}

template <typename Value>
void TurnedBlocks::turn(uint64_t first, std::span<Value> row) const {
  std::vector<double> sums(size_);
  for (uint64_t begin = 0, index = first; begin < row.size(); begin += size_, ++index) {
    Value* x = &row[begin];
    const float* given = block(index);
    std::ranges::fill(sums, 0);
    for (size_t from = 0; from < size_; ++from, given += size_)
      for (size_t to = 0; to < size_; ++to) sums[to] += double{x[from]} * double{given[to]};
    for (size_t to = 0; to < size_; ++to) x[to] = static_cast<Value>(double{x[to]} + sums[to]);
  }
}

template void TurnedBlocks::turn(uint64_t first, std::span<float> row) const;
template void TurnedBlocks::turn(uint64_t first, std::span<double> row) const;

void TurnedBlocks::turn_rows(uint64_t first_group, uint64_t columns, std::span<float> rows) const {
  constexpr size_t kSlab = 64;  // columns that are turned together: their rows of a block of 128 stay in L2
  std::vector<double> old(size_ * kSlab), sums(kSlab);
  for (uint64_t group = 0; group * size_ * columns < rows.size(); ++group) {
    const float* given = block(first_group + group);
    float* x = &rows[group * size_ * columns];
    for (uint64_t begin = 0; begin < columns; begin += kSlab) {
      const size_t width = std::min<uint64_t>(kSlab, columns - begin);
      for (size_t from = 0; from < size_; ++from)
        for (size_t i = 0; i < width; ++i) old[from * kSlab + i] = x[from * columns + begin + i];
      for (size_t to = 0; to < size_; ++to) {
        std::ranges::fill(sums, 0);
        for (size_t from = 0; from < size_; ++from)
          for (size_t i = 0; i < width; ++i) sums[i] += double{given[from * size_ + to]} * old[from * kSlab + i];
        for (size_t i = 0; i < width; ++i)
          x[to * columns + begin + i] = static_cast<float>(old[to * kSlab + i] + sums[i]);
      }
    }
  }
}

}  // namespace ckmerge
