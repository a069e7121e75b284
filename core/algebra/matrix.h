// SPDX-License-Identifier: Apache-2.0
// Matrices as the algebra of whole tensors has them: of f64, and small beside the tensors that they are made from.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/threads/hands.h"

namespace ckmerge {

/// Rows one after another.
struct Matrix {
  uint64_t rows = 0, columns = 0;
  std::vector<double> elements;

  Matrix() = default;
  Matrix(uint64_t row_count, uint64_t column_count)
      : rows(row_count), columns(column_count), elements(row_count * column_count) {}
  const double* row(uint64_t index) const { return elements.data() + index * columns; }
  double* row(uint64_t index) { return elements.data() + index * columns; }
};

/// Rows of a matrix that is held elsewhere, or all of one.
struct MatrixRows {
  const double* elements;
  uint64_t rows, columns;

  MatrixRows(const Matrix& matrix) : MatrixRows(matrix, 0, matrix.rows) {}
  MatrixRows(const Matrix& matrix, uint64_t first, uint64_t count)
      : elements(matrix.row(first)), rows(count), columns(matrix.columns) {}
  const double* row(uint64_t index) const { return elements + index * columns; }
};

Matrix transposed(const Matrix& matrix);

// Products of two matrices share the rows of the left one among the hands: the same bits for any number of them.

/// left * right, sums in the order of the inner index. REQUIRES: left.columns == right.rows.
Matrix product(MatrixRows left, MatrixRows right, const Hands& hands = {});

/// Adds left * right to rows of as many columns as right has, one term after another in the order of the inner index.
/// REQUIRES: none of them are rows of left or right.
void add_product(MatrixRows left, MatrixRows right, double* rows, const Hands& hands = {});

/// left * the transpose of right: products of all pairs of rows. REQUIRES: left.columns == right.columns.
Matrix row_products(MatrixRows left, MatrixRows right, const Hands& hands = {});

/// Sum of x[i] * y[i] in eight lanes, element i in lane i mod 8, which are added in order.
double dot(const double* x, const double* y, uint64_t count);

/// A matrix that is too large to be held: rows of it are asked for, a few at a time, as f32 and one after another.
struct RowSource {
  uint64_t rows = 0, columns = 0;
  /// Rows [first, first + count). Called from one thread.
  std::function<void(uint64_t first, uint64_t count, float* out)> read = {};
};

}  // namespace ckmerge
