// SPDX-License-Identifier: Apache-2.0
// What tests of kinds that act on weights compute with, in plain loops over f64.
#pragma once

#include <cmath>
#include <utility>

#include "tests/core/adapters/small_adapters.h"

namespace ckmerge::test {

inline Dense operator-(const Dense& a, const Dense& b) { return a + -1.0 * b; }

inline Dense identity(uint64_t n) {
  return dense(n, n, [](uint64_t i, uint64_t j) { return i == j ? 1.0 : 0.0; });
}

/// By rows of the identity beside it; pivots are where they are.
inline Dense inverted(Dense x) {
  Dense result = identity(x.rows);
  for (uint64_t k = 0; k < x.rows; ++k)
    for (uint64_t i = 0; i < x.rows; ++i) {
      if (i == k) continue;
      const double factor = x(i, k) / x(k, k);
      for (uint64_t j = 0; j < x.rows; ++j) {
        x(i, j) -= factor * x(k, j);
        result(i, j) -= factor * result(k, j);
      }
    }
  return dense(x.rows, x.rows, [&](uint64_t i, uint64_t j) { return result(i, j) / x(i, i); });
}

/// Rows [first, first + size * size) / size of a factor whose first dimension counts blocks, as a matrix.
inline Dense block(const Dense& blocks, uint64_t size, uint64_t index) {
  return dense(size, size, [&](uint64_t i, uint64_t j) { return blocks.values[(index * size + i) * size + j]; });
}

/// Puts `part` at (first, first) of `whole`.
inline void put(Dense& whole, const Dense& part, uint64_t first) {
  for (uint64_t i = 0; i < part.rows; ++i)
    for (uint64_t j = 0; j < part.columns; ++j) whole(first + i, first + j) = part(i, j);
}

/// A matrix of the same elements with so many rows.
inline Dense with_rows(Dense x, uint64_t rows) {
  x.columns = x.values.size() / rows;
  x.rows = rows;
  return x;
}

}  // namespace ckmerge::test
