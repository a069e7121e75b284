// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/full_svd.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/algebra/symmetric_eigen.h"

namespace ckmerge {
namespace {

// Cosines that count as right angles: what a dot product of some thousand elements is right to.
constexpr double kRightAngle = 1e-14;
// Of the longest row: what is shorter is rounding of it.
constexpr double kNothing = 1e-15;
// The eigenvectors leave little to turn: two or three do, and more of rows that are nearly nothing.
constexpr int kMostSweeps = 30;

void turn(double* x, double* y, double c, double s, uint64_t count) {
  for (uint64_t k = 0; k < count; ++k) {
    const double a = x[k], b = y[k];
    x[k] = c * a - s * b;
    y[k] = s * a + c * b;
  }
}

// Rows, what they are made of, and their squared lengths.
struct Rows {
  Matrix images, vectors;
  std::vector<double> squares;
};

// Turns rows i and j to a right angle (Rutishauser's formulas); false where they stand so already.
bool turn_pair(Rows& rows, uint64_t i, uint64_t j, double nothing) {
  if (rows.squares[i] <= nothing || rows.squares[j] <= nothing) return false;
  double *const x = rows.images.row(i), *const y = rows.images.row(j);
  const uint64_t count = rows.images.columns;
  const double along = dot(x, y, count);
  if (std::fabs(along) <= kRightAngle * std::sqrt(rows.squares[i]) * std::sqrt(rows.squares[j])) return false;
  const double zeta = (rows.squares[j] - rows.squares[i]) / (2 * along);
  const double root = std::sqrt(1 + zeta * zeta), t = 1 / (zeta < 0 ? zeta - root : zeta + root);
  const double c = 1 / std::sqrt(1 + t * t), s = c * t;
  turn(x, y, c, s, count);
  turn(rows.vectors.row(i), rows.vectors.row(j), c, s, rows.vectors.columns);
  rows.squares[i] = dot(x, x, count);
  rows.squares[j] = dot(y, y, count);
  return true;
}

void turn_all(Rows& rows, const Hands& hands) {
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    const double longest = rows.squares.empty() ? 0 : std::ranges::max(rows.squares);
    bool turned = false;
    for (uint64_t i = 0; i < rows.images.rows; ++i) {
      hands.check();
      for (uint64_t j = i + 1; j < rows.images.rows; ++j)
        turned |= turn_pair(rows, i, j, longest * kNothing * kNothing);
    }
    if (!turned) return;
  }
}

// Of a matrix whose smaller side are its rows: `vectors` of the rows, `images` of the columns.
Rows turned_rows(const Matrix& matrix, const Hands& hands) {
  Rows rows{
      .images = {}, .vectors = symmetric_eigen(row_products(matrix, matrix, hands), hands).vectors, .squares = {}};
  rows.images = product(rows.vectors, matrix, hands);
  for (uint64_t k = 0; k < matrix.rows; ++k)
    rows.squares.push_back(dot(rows.images.row(k), rows.images.row(k), matrix.columns));
  turn_all(rows, hands);
  return rows;
}

}  // namespace

Svd full_svd(const Matrix& matrix, const Hands& hands) {
  const bool is_tall = matrix.rows > matrix.columns;
  Rows rows = turned_rows(is_tall ? transposed(matrix) : matrix, hands);
  const uint64_t count = rows.images.rows;
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](uint64_t a, uint64_t b) { return rows.squares[a] > rows.squares[b]; });
  Svd out{.values = {}, .left = Matrix(count, rows.vectors.columns), .right = Matrix(count, rows.images.columns)};
  for (uint64_t k = 0; k < count; ++k) {
    const double value = std::sqrt(rows.squares[order[k]]);
    const bool counts = value > kNothing * std::sqrt(rows.squares[order[0]]);
    out.values.push_back(counts ? value : 0);
    out.energy += value * value;
    if (!counts) continue;
    std::copy_n(rows.vectors.row(order[k]), out.left.columns, out.left.row(k));
    for (uint64_t i = 0; i < out.right.columns; ++i) out.right.row(k)[i] = rows.images.row(order[k])[i] / value;
  }
  if (is_tall) std::swap(out.left, out.right);
  return out;
}

uint64_t full_svd_memory(uint64_t rows, uint64_t columns) {
  const uint64_t small = std::min(rows, columns), large = std::max(rows, columns);
  // Transposed, images, right vectors; products, reflections, their basis, eigenvectors in order, left vectors.
  return sizeof(double) * (3 * small * large + 5 * small * small);
}

Matrix put_together(const Svd& svd, const Hands& hands) {
  Matrix standing = transposed(svd.left);
  for (uint64_t i = 0; i < standing.rows; ++i)
    for (uint64_t k = 0; k < standing.columns; ++k) standing.row(i)[k] *= svd.values[k];
  return product(standing, svd.right, hands);
}

Matrix orthogonal_factor(const Matrix& matrix, const Hands& hands) {
  const Svd svd = full_svd(matrix, hands);
  return product(transposed(svd.left), svd.right, hands);  // vectors of zeros add nothing
}

}  // namespace ckmerge
