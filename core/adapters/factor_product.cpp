// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/factor_product.h"

#include <utility>

#include "kernels/matrix.h"

namespace ckmerge {

FactorProduct::FactorProduct(FactorMatrix left, const FactorMatrix& right)
    : left_(std::move(left)), columns_(right.columns), panels_(panels_size(right.rows, right.columns)) {
  make_panels(right.elements.data(), right.rows, right.columns, panels_.data());
}

void FactorProduct::add(uint64_t first, uint64_t count, float factor, std::span<float> out) const {
  add_product(left_.row(first), count, left_.columns, panels_.data(), columns_, factor, out.data());
}

uint64_t FactorProduct::memory(uint64_t rows, uint64_t depth, uint64_t columns) {
  return sizeof(float) * (rows * depth + depth * columns + panels_size(depth, columns));
}

FactorMatrix product(const FactorMatrix& left, const FactorMatrix& right) {
  FactorMatrix result{left.rows, right.columns, std::vector<float>(left.rows * right.columns)};
  const uint64_t rows = left.rows;
  FactorProduct(left, right).add(0, rows, 1, result.elements);
  return result;
}

}  // namespace ckmerge
