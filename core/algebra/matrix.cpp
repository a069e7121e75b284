// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/matrix.h"

#include <algorithm>
#include <vector>

#include "kernels/algebra.h"

namespace ckmerge {
namespace {

// Panels of 256 KiB, which stay in a core's cache while many rows go by, and rows for as long as some milliseconds.
constexpr uint64_t kDepth = 256, kColumns = 128, kRows = 192;
// Rows of pairs: those of the right one stay in a core's cache, too.
constexpr uint64_t kPairBytes = 256 << 10;
// An edge of squares whose rows and columns both fit pages that are known.
constexpr uint64_t kSquare = 32;

// The elements [first, first + depth) x [column, column + columns) of `right` in panels.
void fill_panels(MatrixRows right, uint64_t first, uint64_t depth, uint64_t column, uint64_t columns,
                 std::vector<double>& panels) {
  double* to = panels.data();
  for (uint64_t j = 0; j < columns; j += kWidePanelColumns) {
    const uint64_t count = std::min<uint64_t>(kWidePanelColumns, columns - j);
    for (uint64_t k = 0; k < depth; ++k, to += kWidePanelColumns) {
      std::copy_n(right.row(first + k) + column + j, count, to);
      std::fill(to + count, to + kWidePanelColumns, 0.0);
    }
  }
}

// Rows [row, row + rows) and columns [column, column + columns) of the product.
void add_block(MatrixRows left, MatrixRows right, uint64_t row, uint64_t rows, uint64_t column, uint64_t columns,
               double* out) {
  const uint64_t wide = (columns + kWidePanelColumns - 1) / kWidePanelColumns * kWidePanelColumns;
  std::vector<double> panels(std::min(kDepth, left.columns) * wide);
  for (uint64_t k = 0; k < left.columns; k += kDepth) {
    const uint64_t depth = std::min(kDepth, left.columns - k);
    fill_panels(right, k, depth, column, columns, panels);
    algebra_kernel().add_product(left.row(row) + k, left.columns, rows, depth, panels.data(), columns,
                                 out + row * right.columns + column, right.columns);
  }
}

// Copies what is below the diagonal to the other side of it.
void mirror(Matrix& matrix) {
  for (uint64_t first = 0; first < matrix.rows; first += kSquare)
    for (uint64_t column = 0; column <= first; column += kSquare)
      for (uint64_t i = first; i < std::min(matrix.rows, first + kSquare); ++i)
        for (uint64_t j = column; j < std::min(i, column + kSquare); ++j) matrix.row(j)[i] = matrix.row(i)[j];
}

}  // namespace

Matrix transposed(const Matrix& matrix) {
  Matrix turned(matrix.columns, matrix.rows);
  for (uint64_t first = 0; first < matrix.rows; first += kSquare)
    for (uint64_t column = 0; column < matrix.columns; column += kSquare)
      for (uint64_t i = first; i < std::min(matrix.rows, first + kSquare); ++i)
        for (uint64_t j = column; j < std::min(matrix.columns, column + kSquare); ++j)
          turned.row(j)[i] = matrix.row(i)[j];
  return turned;
}

void add_product(MatrixRows left, MatrixRows right, double* rows, const Hands& hands) {
  const uint64_t across = (right.columns + kColumns - 1) / kColumns, down = (left.rows + kRows - 1) / kRows;
  hands.share(across * down, 1, [&](uint64_t part, uint64_t) {
    const uint64_t column = part % across * kColumns, row = part / across * kRows;
    add_block(left, right, row, std::min(kRows, left.rows - row), column, std::min(kColumns, right.columns - column),
              rows);
  });
}

Matrix product(MatrixRows left, MatrixRows right, const Hands& hands) {
  Matrix out(left.rows, right.columns);
  add_product(left, right, out.elements.data(), hands);
  return out;
}

double dot(const double* x, const double* y, uint64_t count) { return algebra_kernel().dot(x, y, count); }

Matrix row_products(MatrixRows left, MatrixRows right, const Hands& hands) {
  Matrix out(left.rows, right.rows);
  const uint64_t at_once = std::max<uint64_t>(12, kPairBytes / (sizeof(double) * std::max<uint64_t>(1, left.columns)));
  const uint64_t across = (right.rows + at_once - 1) / at_once, down = (left.rows + kRows - 1) / kRows;
  const bool is_square =
      left.elements == right.elements && left.rows == right.rows;  // the upper half is the lower one's mirror image
  hands.share(across * down, 1, [&](uint64_t part, uint64_t) {
    const uint64_t column = part % across * at_once, row = part / across * kRows;
    const uint64_t end = std::min(left.rows, row + kRows), begin = is_square ? std::max(row, column) : row;
    if (begin >= end) return;
    algebra_kernel().row_products(left.row(begin), end - begin, right.row(column),
                                  std::min(at_once, right.rows - column), left.columns, out.row(begin) + column,
                                  out.columns);
  });
  if (is_square) mirror(out);
  return out;
}

}  // namespace ckmerge
