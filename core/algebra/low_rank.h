// SPDX-License-Identifier: Apache-2.0
// Matrices of low rank that come nearest to others: singular values and vectors, the largest ones alone. All in
// + - * / and sqrt in a fixed order, so that the bits are the same on every machine and for any number of threads.
#pragma once

#include <string>
#include <vector>

#include "core/algebra/matrix.h"

namespace ckmerge {

/// A matrix as a sum of values[k] * (row k of left, standing) * (row k of right, lying).
struct Svd {
  std::vector<double> values;  ///< singular values, descending, none below 0
  Matrix left, right;          ///< a row each of as many elements as the matrix has rows, or columns
  double energy = 0;           ///< sum of the squares of all its elements

  /// Share of the energy that the first `rank` values have; 1 of a matrix of zeros.
  double kept(uint64_t rank) const;
  /// The fewest values that have this share of the energy, at least one.
  uint64_t rank_for(double share) const;
};

/// The `rank` largest singular values of `matrix`, or as many as it has: a randomized subspace (Halko, Martinsson and
/// Tropp, arXiv:0909.4061) of some more dimensions, which is multiplied by matrix and transpose until what it holds of
/// the energy grows by less than 5e-5 of itself, at most 12 times. `matrix` is read once for each. What is kept is
/// within 0.1 % of the best of that rank (docs/adapters.md). Products are of f32, of some 64 rows at a time.
Svd truncated_svd(const RowSource& matrix, uint64_t rank);

/// Bytes that it holds meanwhile.
uint64_t truncated_svd_memory(uint64_t rows, uint64_t columns, uint64_t rank);

/// That of the product left * right of two factors, which is never made: left has as many columns as right rows. All
/// values, right to some 1e-8 of the largest.
Svd product_svd(Matrix left, Matrix right);

/// Upper bound of the bytes that it holds meanwhile, the factors among them: rows x rank and rank x columns.
uint64_t product_svd_memory(uint64_t rows, uint64_t rank, uint64_t columns);

}  // namespace ckmerge
