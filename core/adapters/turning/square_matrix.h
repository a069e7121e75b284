// SPDX-License-Identifier: Apache-2.0
// Small square matrices in f64: the blocks that adapters of the orthogonal kinds are made of. Sums run over k in order
// from zero, so that their bits are the same everywhere.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace ckmerge {

struct SquareMatrix {
  size_t n = 0;
  std::vector<double> values;  ///< row after row

  explicit SquareMatrix(size_t size) : n(size), values(size * size) {}
  static SquareMatrix identity(size_t size);
  /// The antisymmetric one whose upper triangle, row after row, is `upper`: n (n - 1) / 2 values.
  static SquareMatrix antisymmetric(size_t size, std::span<const float> upper);
  /// X - X^T of the block X, n * n values.
  static SquareMatrix antisymmetric_part(size_t size, std::span<const float> block);

  double& operator()(size_t row, size_t column) { return values[row * n + column]; }
  double operator()(size_t row, size_t column) const { return values[row * n + column]; }

  SquareMatrix& operator*=(double factor);
  /// this += factor * other.
  void add(const SquareMatrix& other, double factor);
  /// Sum of the squares of all elements.
  double sum_of_squares() const;

  friend SquareMatrix operator*(const SquareMatrix& x, const SquareMatrix& y);
};

SquareMatrix transposed(const SquareMatrix& x);

/// By elimination with the largest pivot of each column. Of singular ones the result holds NaN or Inf.
SquareMatrix inverse(SquareMatrix x);

/// (I - K) (I + K)^-1, which is orthogonal where K is antisymmetric: I + K is never singular then.
SquareMatrix cayley(const SquareMatrix& k);

}  // namespace ckmerge
