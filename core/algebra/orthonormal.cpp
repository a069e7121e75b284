// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/orthonormal.h"

#include <algorithm>
#include <cmath>

#define CKMERGE_INLINE inline
namespace ckmerge {
namespace {
#include "kernels/placed.inl"

// Of a row's length: what is left of it is rounding.
constexpr double kHangsOnOthers = 1e-13;

void scale(double* row, uint64_t count, double factor) {
  for (uint64_t i = 0; i < count; ++i) row[i] *= factor;
}

}  // namespace

Matrix make_orthonormal(Matrix& vectors) {
  const uint64_t count = vectors.columns;
  Matrix triangle(vectors.rows, vectors.rows);
  for (uint64_t j = 0; j < vectors.rows; ++j) {
    double* const row = vectors.row(j);
    const double before = std::sqrt(dot(row, row, count));
    for (int pass = 0; pass < 2; ++pass)
      for (uint64_t i = 0; i < j; ++i) {
        const double* const other = vectors.row(i);
        const double along = dot(row, other, count);
        triangle.row(j)[i] += along;
        for (uint64_t k = 0; k < count; ++k) row[k] -= along * other[k];
      }
    const double length = std::sqrt(dot(row, row, count));
    const bool stands_alone = length > before * kHangsOnOthers;
    triangle.row(j)[j] = stands_alone ? length : 0;
    scale(row, count, stands_alone ? 1 / length : 0);
  }
  return triangle;
}

Matrix random_rows(uint64_t rows, uint64_t columns, uint64_t seed) {
  constexpr uint64_t kSummed = 12;  // of variance 1/12 each
  Matrix out(rows, columns);
  for (uint64_t at = 0; at < out.elements.size(); ++at) {
    double sum = -0.5 * static_cast<double>(kSummed);
    for (uint64_t k = 0; k < kSummed; k += 4) {
      const RandomWords words = random_words(at * (kSummed / 4) + k / 4, seed);
      sum += unit_of<double>(words.a) + unit_of<double>(words.b) + unit_of<double>(words.c) + unit_of<double>(words.d);
    }
    out.elements[at] = sum;
  }
  return out;
}

}  // namespace ckmerge
