// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/orthonormal.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/algebra.h"

#define CKMERGE_INLINE inline
namespace ckmerge {
namespace {
#include "kernels/placed.inl"

// Of a row's length: what is left of it is rounding.
constexpr double kHangsOnOthers = 1e-13;
// What is within blocks of so many is row by row on one thread, a hundredth of what thousands of rows take.
constexpr uint64_t kBlockRows = 32;

void scale(double* row, uint64_t count, double factor) {
  for (uint64_t i = 0; i < count; ++i) row[i] *= factor;
}

std::vector<double> lengths(MatrixRows rows) {
  std::vector<double> out(rows.rows);
  for (uint64_t i = 0; i < rows.rows; ++i) out[i] = std::sqrt(dot(rows.row(i), rows.row(i), rows.columns));
  return out;
}

// How a block's rows were made of those before them, and of each other.
struct BlockTriangle {
  Matrix before, within;
};

// Rows of a block from which was taken what lies along those before it; `before` are their lengths before that.
Matrix orthonormal_within(Matrix& vectors, uint64_t first, const std::vector<double>& before, const Hands& hands) {
  const uint64_t columns = vectors.columns;
  Matrix triangle(before.size(), before.size());
  for (uint64_t j = 0; j < before.size(); ++j) {
    hands.check();
    double* const row = vectors.row(first + j);
    for (int pass = 0; pass < 2; ++pass)
      for (uint64_t i = 0; i < j; ++i) {
        const double* const other = vectors.row(first + i);
        const double along = dot(row, other, columns);
        triangle.row(j)[i] += along;
        algebra_kernel().subtract_row(along, other, row, columns);
      }
    const double length = std::sqrt(dot(row, row, columns));
    const bool stands_alone = length > before[j] * kHangsOnOthers;
    triangle.row(j)[j] = stands_alone ? length : 0;
    scale(row, columns, stands_alone ? 1 / length : 0);
  }
  return triangle;
}

// What lies along the rows before the block is taken off all its rows at once.
BlockTriangle orthonormal_once(Matrix& vectors, uint64_t first, uint64_t count, const Hands& hands) {
  const MatrixRows block(vectors, first, count), others(vectors, 0, first);
  const std::vector<double> before = lengths(block);
  Matrix along = row_products(block, others, hands);
  Matrix opposite = along;
  for (double& element : opposite.elements) element = -element;
  add_product(opposite, others, vectors.row(first), hands);
  return {.before = std::move(along), .within = orthonormal_within(vectors, first, before, hands)};
}

// Rows that lose most of their length within the block lose their right angles to the rows before it: once more then,
// of rows that have a length of 1 and lose next to nothing.
BlockTriangle make_block_orthonormal(Matrix& vectors, uint64_t first, uint64_t count, const Hands& hands) {
  BlockTriangle once = orthonormal_once(vectors, first, count, hands);
  if (first == 0) return once;
  const BlockTriangle again = orthonormal_once(vectors, first, count, hands);
  add_product(once.within, again.before, once.before.elements.data(), hands);
  return {.before = std::move(once.before), .within = product(once.within, again.within, hands)};
}

}  // namespace

Matrix make_orthonormal(Matrix& vectors, const Hands& hands) {
  Matrix triangle(vectors.rows, vectors.rows);
  for (uint64_t first = 0; first < vectors.rows; first += kBlockRows) {
    const uint64_t count = std::min(kBlockRows, vectors.rows - first);
    const BlockTriangle block = make_block_orthonormal(vectors, first, count, hands);
    for (uint64_t i = 0; i < count; ++i) {
      std::copy_n(block.before.row(i), first, triangle.row(first + i));
      std::copy_n(block.within.row(i), count, triangle.row(first + i) + first);
    }
  }
  return triangle;
}

Matrix complement(const Matrix& rows, const Hands& hands) {
  const uint64_t columns = rows.columns;
  if (rows.rows == columns) return {0, columns};
  Matrix all(columns, columns);
  std::ranges::copy(rows.elements, all.elements.begin());
  for (uint64_t first = 0; first < rows.rows; first += kBlockRows)
    make_block_orthonormal(all, first, std::min(kBlockRows, rows.rows - first), hands);
  // No more rows than columns have right angles to each other: once so many stand, all other units hang on them.
  uint64_t standing = rows.rows;
  for (uint64_t unit = 0; unit < columns && standing < columns;) {
    const uint64_t first = standing, count = std::min({kBlockRows, columns - standing, columns - unit});
    std::fill_n(all.row(first), count * columns, 0.0);
    for (uint64_t i = 0; i < count; ++i) all.row(first + i)[unit++] = 1;
    const Matrix triangle = make_block_orthonormal(all, first, count, hands).within;
    for (uint64_t i = 0; i < count; ++i)
      if (triangle.row(i)[i] > 0) {
        if (standing < first + i) std::copy_n(all.row(first + i), columns, all.row(standing));
        ++standing;
      }
  }
  Matrix out(standing - rows.rows, columns);
  std::copy_n(all.row(rows.rows), out.elements.size(), out.elements.begin());
  return out;
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
