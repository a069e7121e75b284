// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/matrix.h"

#include <algorithm>

namespace ckmerge {
namespace {

// Rows that take a millisecond or so.
uint64_t rows_at_a_time(uint64_t row_operations) {
  return std::max<uint64_t>(1, (uint64_t{1} << 21) / std::max<uint64_t>(1, row_operations));
}

}  // namespace

Matrix transposed(const Matrix& matrix) {
  Matrix turned(matrix.columns, matrix.rows);
  for (uint64_t i = 0; i < matrix.rows; ++i)
    for (uint64_t j = 0; j < matrix.columns; ++j) turned.row(j)[i] = matrix.row(i)[j];
  return turned;
}

Matrix product(const Matrix& left, const Matrix& right, const Hands& hands) {
  Matrix out(left.rows, right.columns);
  const auto some_rows = [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i)
      for (uint64_t k = 0; k < left.columns; ++k) {
        const double factor = left.row(i)[k];
        const double* const from = right.row(k);
        double* const to = out.row(i);
        for (uint64_t j = 0; j < right.columns; ++j) to[j] += factor * from[j];
      }
  };
  hands.share(left.rows, rows_at_a_time(left.columns * right.columns), some_rows);
  return out;
}

double dot(const double* x, const double* y, uint64_t count) {
  constexpr uint64_t kLanes = 8;
  double lanes[kLanes] = {};
  uint64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (uint64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * y[i + lane];
  for (uint64_t lane = 0; i < count; ++i, ++lane) lanes[lane] += x[i] * y[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

Matrix row_products(const Matrix& left, const Matrix& right, const Hands& hands) {
  Matrix out(left.rows, right.rows);
  hands.share(left.rows, rows_at_a_time(left.columns * right.rows), [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i)
      for (uint64_t j = 0; j < right.rows; ++j) out.row(i)[j] = dot(left.row(i), right.row(j), left.columns);
  });
  return out;
}

}  // namespace ckmerge
