// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/full_svd.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/algebra/symmetric_eigen.h"
#include "kernels/algebra.h"

namespace ckmerge {
namespace {

// Cosines that count as right angles: what a dot product of some thousand elements is right to.
constexpr double kRightAngle = 1e-14;
// Of the longest row: what is shorter has lost to rounding what it would be turned by.
constexpr double kShort = 1e-4;
// The eigenvectors leave little to turn: two or three do, and more of rows that are nearly nothing.
constexpr int kMostSweeps = 30;

// Rows, what they are made of, and their squared lengths.
struct Rows {
  Matrix images, vectors;
  std::vector<double> squares;
};

// Of the longest row: what is shorter is rounding of the matrix, as the rank of one is told in other programs.
double nothing_of(const Matrix& images) {
  return DBL_EPSILON * static_cast<double>(std::max(images.rows, images.columns));
}

bool is_right_angle(double along, double square, double other) {
  return std::fabs(along) <= kRightAngle * std::sqrt(square) * std::sqrt(other);
}

// Turns rows i and j to a right angle (Rutishauser's formulas), where they do not stand so already.
void turn_pair(Rows& rows, uint64_t i, uint64_t j) {
  double *const x = rows.images.row(i), *const y = rows.images.row(j);
  const uint64_t count = rows.images.columns;
  const double along = dot(x, y, count);
  if (is_right_angle(along, rows.squares[i], rows.squares[j])) return;
  const double zeta = (rows.squares[j] - rows.squares[i]) / (2 * along);
  const double root = std::sqrt(1 + zeta * zeta), t = 1 / (zeta < 0 ? zeta - root : zeta + root);
  const double c = 1 / std::sqrt(1 + t * t);
  const Turn turn{.c = c, .s = c * t};
  algebra_kernel().turn_rows(x, y, turn, count);
  algebra_kernel().turn_rows(rows.vectors.row(i), rows.vectors.row(j), turn, rows.vectors.columns);
  rows.squares[i] = dot(x, x, count);
  rows.squares[j] = dot(y, y, count);
}

// Most pairs stand right from the beginning: products of all of them tell which do not, faster than one by one.
void turn_all(Rows& rows, const Hands& hands) {
  const uint64_t count = rows.images.rows;
  rows.squares.resize(count);
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    const Matrix products = row_products(rows.images, rows.images, hands);
    for (uint64_t k = 0; k < count; ++k) rows.squares[k] = products.row(k)[k];
    const double share = nothing_of(rows.images);
    const double nothing = (count == 0 ? 0 : std::ranges::max(rows.squares)) * share * share;
    bool turned = false;
    for (uint64_t i = 0; i < count; ++i) {
      hands.check();
      for (uint64_t j = i + 1; j < count; ++j) {
        const double square = products.row(i)[i], other = products.row(j)[j];
        if (square <= nothing || other <= nothing || is_right_angle(products.row(i)[j], square, other)) continue;
        turn_pair(rows, i, j);
        turned = true;
      }
    }
    if (!turned) return;
  }
}

// Products of all rows from `first` on.
Matrix squares_from(const Matrix& rows, uint64_t first, const Hands& hands) {
  Matrix some(rows.rows - first, rows.columns);
  std::copy_n(rows.row(first), some.elements.size(), some.elements.begin());
  return row_products(some, some, hands);
}

// Rows from `first` on become `turns` times them.
void turn_from(Matrix& rows, uint64_t first, const Matrix& turns, const Hands& hands) {
  constexpr uint64_t kColumnsAtOnce = 512;  // so that they need not be held twice
  for (uint64_t column = 0; column < rows.columns; column += kColumnsAtOnce) {
    Matrix some(rows.rows - first, std::min(kColumnsAtOnce, rows.columns - column));
    for (uint64_t i = 0; i < some.rows; ++i) std::copy_n(rows.row(first + i) + column, some.columns, some.row(i));
    some = product(turns, some, hands);
    for (uint64_t i = 0; i < some.rows; ++i) std::copy_n(some.row(i), some.columns, rows.row(first + i) + column);
  }
}

// Squares of lengths say nothing of rows that are shorter than the longest by more than half of the digits. Where the
// rows, longest first, come to such, these are taken by themselves.
void turn_short_ones(Rows& rows, const Hands& hands) {
  const auto square = [&](uint64_t k) { return dot(rows.images.row(k), rows.images.row(k), rows.images.columns); };
  const uint64_t count = rows.images.rows;
  const double all = count == 0 ? 0 : square(0) * nothing_of(rows.images) * nothing_of(rows.images);
  for (uint64_t first = 0; first < count;) {
    const double longest = square(first);
    while (first < count && square(first) > longest * kShort * kShort) ++first;
    if (first == count || square(first) <= all) return;
    const Matrix turns = symmetric_eigen(squares_from(rows.images, first, hands), hands).vectors;
    turn_from(rows.images, first, turns, hands);
    turn_from(rows.vectors, first, turns, hands);
  }
}

// Of a matrix whose smaller side are its rows: `vectors` of the rows, `images` of the columns.
Rows turned_rows(const Matrix& matrix, const Hands& hands) {
  Rows rows{
      .images = {}, .vectors = symmetric_eigen(row_products(matrix, matrix, hands), hands).vectors, .squares = {}};
  rows.images = product(rows.vectors, matrix, hands);
  turn_short_ones(rows, hands);
  turn_all(rows, hands);
  return rows;
}

}  // namespace

Svd full_svd(const Matrix& matrix, const Hands& hands) {
  const bool is_tall = matrix.rows > matrix.columns;
  Rows rows = turned_rows(is_tall ? transposed(matrix) : matrix, hands);
  const uint64_t count = rows.images.rows;
  const double nothing = nothing_of(rows.images);
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](uint64_t a, uint64_t b) { return rows.squares[a] > rows.squares[b]; });
  Svd out{.values = {}, .left = Matrix(count, rows.vectors.columns), .right = Matrix(count, rows.images.columns)};
  for (uint64_t k = 0; k < count; ++k) {
    const double value = std::sqrt(rows.squares[order[k]]);
    const bool counts = value > nothing * std::sqrt(rows.squares[order[0]]);
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
  // Transposed, images, right vectors; products, reflections, their basis, eigenvectors in order, left vectors; turns
  // that wait, and panels of a few threads.
  const uint64_t turns = 258 * small, panels = 2 * 128 * std::min<uint64_t>(small, 256);
  return sizeof(double) * (3 * small * large + 5 * small * small + turns + panels);
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
