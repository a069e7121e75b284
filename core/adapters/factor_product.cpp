// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/factor_product.h"

#include <algorithm>

#include "kernels/matrix.h"

namespace ckmerge {

FactorPanels::FactorPanels(const FactorMatrix& right)
    : depth_(right.rows), columns_(right.columns), panels_(panels_size(right.rows, right.columns)) {
  make_panels(right.elements.data(), depth_, columns_, panels_.data());
}

void FactorPanels::add(const float* left, uint64_t count, float factor, float* out) const {
  add_product(left, count, depth_, panels_.data(), columns_, factor, out);
}

uint64_t FactorPanels::memory(uint64_t depth, uint64_t columns) { return sizeof(float) * panels_size(depth, columns); }

uint64_t FactorProduct::memory(uint64_t rows, uint64_t depth, uint64_t columns) {
  return sizeof(float) * (rows * depth + depth * columns) + FactorPanels::memory(depth, columns);
}

std::unique_ptr<ModuleChange> added_product(FactorMatrix up, FactorMatrix down, bool turned, double factor) {
  if (!turned) return std::make_unique<AddedProduct>(std::move(up), down, factor);
  return std::make_unique<AddedProduct>(transposed(down), transposed(up), factor);
}

void StackedChanges::apply(uint64_t first, uint64_t count, std::span<float> weight) const {
  while (count > 0) {
    const uint64_t row = first % rows_, here = std::min(count, rows_ - row);
    changes_[first / rows_]->apply(row, here, weight.first(here * columns_));
    weight = weight.subspan(here * columns_);
    first += here;
    count -= here;
  }
}

uint64_t StackedChanges::memory() const {
  uint64_t sum = sizeof(*this);
  for (const auto& change : changes_) sum += change->memory();
  return sum;
}

FactorMatrix block_diagonal(const FactorMatrix& blocks, uint64_t count) {
  FactorMatrix whole{blocks.rows, blocks.columns * count, std::vector<float>(blocks.elements.size() * count)};
  for (uint64_t i = 0; i < blocks.rows; ++i)
    std::copy_n(blocks.row(i), blocks.columns, whole.row(i) + i / (blocks.rows / count) * blocks.columns);
  return whole;
}

FactorMatrix product(const FactorMatrix& left, const FactorMatrix& right) {
  FactorMatrix result{left.rows, right.columns, std::vector<float>(left.rows * right.columns)};
  FactorPanels(right).add(left.elements.data(), left.rows, 1, result.elements.data());
  return result;
}

FactorMatrix joined_core(const FactorMatrix& core, const FactorMatrix& right) {
  const uint64_t rank = right.rows, columns = right.columns, kernel = core.columns / rank;
  FactorMatrix joined{core.rows, columns * kernel, std::vector<float>(core.rows * columns * kernel)};
  for (uint64_t i = 0; i < core.rows; ++i)
    for (uint64_t j = 0; j < rank; ++j)
      for (uint64_t n = 0; n < columns; ++n)
        for (uint64_t k = 0; k < kernel; ++k)
          joined.row(i)[n * kernel + k] += core.row(i)[j * kernel + k] * right.row(j)[n];
  return joined;
}

}  // namespace ckmerge
