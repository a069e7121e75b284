// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/nearest_rank.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "core/algebra/full_svd.h"
#include "core/algebra/orthonormal.h"
#include "core/algebra/symmetric_eigen.h"
#include "kernels/algebra.h"

namespace ckmerge {
namespace {

constexpr uint64_t kSeed = 0x72616e6b;  // any number
// Of the largest eigenvalue: what may be missing of a vector's product.
constexpr double kMissing = 1e-14;
// Of a row's length: what is left of it beside the others is rounding.
constexpr double kHangsOnOthers = 1e-13;
// More rows than values that are wanted, so that the last of them are told apart from what follows.
constexpr uint64_t kMoreRows = 8;

// Orthonormal rows, which grow by blocks.
class Basis {
 public:
  Basis(uint64_t columns, uint64_t most) : rows_(0, columns) { rows_.elements.reserve(most * columns); }

  const Matrix& rows() const { return rows_; }

  /// Adds what of `block` is beyond the rows; those that hang on them are left out. Returns the triangle that makes
  /// what was beyond of the rows that were added.
  Matrix add(Matrix block, const Hands& hands) {
    const uint64_t first = rows_.rows;
    Matrix triangle(block.rows, block.rows);
    for (uint64_t j = 0; j < block.rows; ++j) {
      hands.check();
      add_row(block.row(j), first, triangle.row(j));
    }
    return triangle;
  }

 private:
  void add_row(double* row, uint64_t first, double* beyond) {
    const uint64_t count = rows_.columns;
    const double before = std::sqrt(dot(row, row, count));
    for (int pass = 0; pass < 2; ++pass)
      for (uint64_t i = 0; i < rows_.rows; ++i) {
        const double* const other = rows_.row(i);
        const double along = dot(row, other, count);
        if (i >= first) beyond[i - first] += along;
        algebra_kernel().subtract_row(along, other, row, count);
      }
    const double length = std::sqrt(dot(row, row, count));
    if (length <= before * kHangsOnOthers) return;
    beyond[rows_.rows - first] = length;
    for (uint64_t k = 0; k < count; ++k) rows_.elements.push_back(row[k] / length);
    ++rows_.rows;
  }

  Matrix rows_;
};

// What the basis makes of the squared matrix, and the eigenvectors of that.
class Projection {
 public:
  // Products of all rows of the basis, of which the last are new, with the products of these.
  void add(const Matrix& products) {
    const uint64_t before = inner_.rows, size = products.rows;
    Matrix grown(size, size);
    for (uint64_t i = 0; i < before; ++i) std::copy_n(inner_.row(i), before, grown.row(i));
    for (uint64_t i = 0; i < size; ++i)
      for (uint64_t j = before; j < size; ++j) grown.row(i)[j] = grown.row(j)[i] = products.row(i)[j - before];
    inner_ = std::move(grown);
  }

  // The vectors, in rows of the basis, that belong to the largest values; empty where they are not known yet.
  std::optional<Matrix> found(uint64_t rank, uint64_t last, const Matrix& beyond, const Hands& hands) const {
    if (inner_.rows < rank) return std::nullopt;
    const SymmetricEigen eigen = symmetric_eigen(inner_, hands);
    Matrix out(rank, inner_.rows);
    std::copy_n(eigen.vectors.elements.begin(), out.elements.size(), out.elements.begin());
    const double bound = kMissing * eigen.values[0];
    for (uint64_t k = 0; k < rank; ++k)
      if (missing(out.row(k) + last, beyond) > bound) return std::nullopt;
    return out;
  }

 private:
  static double missing(const double* vector, const Matrix& beyond) {
    double sum = 0;
    for (uint64_t j = 0; j < beyond.columns; ++j) {
      double along = 0;
      for (uint64_t i = 0; i < beyond.rows; ++i) along += vector[i] * beyond.row(i)[j];
      sum += along * along;
    }
    return std::sqrt(sum);
  }

  Matrix inner_;
};

Matrix first_rows(const Matrix& matrix, uint64_t count) {
  Matrix out(count, matrix.columns);
  std::copy_n(matrix.elements.begin(), out.elements.size(), out.elements.begin());
  return out;
}

// Rows that span what the largest values of `matrix`, which has no more rows than columns, belong to.
std::optional<Matrix> largest_vectors(const Matrix& matrix, uint64_t rank, const Hands& hands) {
  const uint64_t size = matrix.rows, most = size / 2, block = std::min(rank + kMoreRows, size);
  Basis basis(size, most + block);
  Projection projection;  // whose eigenvectors are looked at where it has grown by a quarter
  basis.add(random_rows(block, size, kSeed), hands);
  uint64_t next_look = 0;
  for (uint64_t last = 0; basis.rows().rows <= most;) {
    Matrix fresh(basis.rows().rows - last, size);
    std::copy_n(basis.rows().row(last), fresh.elements.size(), fresh.elements.begin());
    Matrix products = row_products(product(fresh, matrix, hands), matrix, hands);
    projection.add(row_products(basis.rows(), products, hands));
    const uint64_t before = std::exchange(last, basis.rows().rows);
    const Matrix beyond = basis.add(std::move(products), hands);
    const bool is_all = basis.rows().rows == last;  // nothing else can be reached
    if (!is_all && last < next_look) continue;
    next_look = last + last / 4;
    if (const auto found = projection.found(rank, before, beyond, hands))
      return product(*found, first_rows(basis.rows(), last), hands);
    if (is_all) return std::nullopt;  // fewer than are wanted
  }
  return std::nullopt;
}

std::optional<Matrix> nearest_by_blocks(const Matrix& lying, uint64_t rank, const Hands& hands) {
  const auto vectors = largest_vectors(lying, rank, hands);
  if (!vectors) return std::nullopt;
  return product(transposed(*vectors), product(*vectors, lying, hands), hands);
}

}  // namespace

Matrix nearest_of_rank(const Matrix& matrix, uint64_t rank, const Hands& hands) {
  if (matrix.rows <= matrix.columns) {
    if (auto out = nearest_by_blocks(matrix, rank, hands)) return *std::move(out);
  } else if (const auto out = nearest_by_blocks(transposed(matrix), rank, hands)) {
    return transposed(*out);
  }
  Svd svd = full_svd(matrix, hands);
  for (uint64_t k = rank; k < svd.values.size(); ++k) svd.values[k] = 0;
  return put_together(svd, hands);
}

uint64_t nearest_of_rank_memory(uint64_t rows, uint64_t columns) {
  return full_svd_memory(rows, columns) + 2 * rows * columns * sizeof(double);
}

}  // namespace ckmerge
