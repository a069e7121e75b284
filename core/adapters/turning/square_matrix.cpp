// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/turning/square_matrix.h"

#include <algorithm>
#include <cmath>

namespace ckmerge {

SquareMatrix SquareMatrix::identity(size_t size) {
  SquareMatrix result(size);
  for (size_t i = 0; i < size; ++i) result(i, i) = 1;
  return result;
}

SquareMatrix SquareMatrix::antisymmetric(size_t size, std::span<const float> upper) {
  SquareMatrix result(size);
  size_t next = 0;
  for (size_t row = 0; row < size; ++row)
    for (size_t column = row + 1; column < size; ++column, ++next) {
      result(row, column) = upper[next];
      result(column, row) = -result(row, column);
    }
  return result;
}

SquareMatrix SquareMatrix::antisymmetric_part(size_t size, std::span<const float> block) {
  SquareMatrix result(size);
  for (size_t row = 0; row < size; ++row)
    for (size_t column = 0; column < size; ++column)
      result(row, column) = double{block[row * size + column]} - double{block[column * size + row]};
  return result;
}

SquareMatrix& SquareMatrix::operator*=(double factor) {
  for (double& value : values) value *= factor;
  return *this;
}

void SquareMatrix::add(const SquareMatrix& other, double factor) {
  for (size_t i = 0; i < values.size(); ++i) values[i] += factor * other.values[i];
}

double SquareMatrix::sum_of_squares() const {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

SquareMatrix operator*(const SquareMatrix& x, const SquareMatrix& y) {
  SquareMatrix result(x.n);
  for (size_t row = 0; row < x.n; ++row)
    for (size_t k = 0; k < x.n; ++k) {
      const double factor = x(row, k);
      for (size_t column = 0; column < x.n; ++column) result(row, column) += factor * y(k, column);
    }
  return result;
}

namespace {

// Brings the largest element of `column` on or below the diagonal up to it, in both matrices.
void bring_up_pivot(SquareMatrix& x, SquareMatrix& result, size_t column) {
  size_t pivot = column;
  for (size_t row = column + 1; row < x.n; ++row)
    if (std::fabs(x(row, column)) > std::fabs(x(pivot, column))) pivot = row;
  if (pivot == column) return;
  for (size_t i = 0; i < x.n; ++i) {
    std::swap(x(pivot, i), x(column, i));
    std::swap(result(pivot, i), result(column, i));
  }
}

}  // namespace

SquareMatrix transposed(const SquareMatrix& x) {
  SquareMatrix result(x.n);
  for (size_t row = 0; row < x.n; ++row)
    for (size_t column = 0; column < x.n; ++column) result(column, row) = x(row, column);
  return result;
}

SquareMatrix inverse(SquareMatrix x) {
  SquareMatrix result = SquareMatrix::identity(x.n);
  for (size_t column = 0; column < x.n; ++column) {
    bring_up_pivot(x, result, column);
    const double pivot = x(column, column);
    for (size_t i = 0; i < x.n; ++i) {
      x(column, i) /= pivot;
      result(column, i) /= pivot;
    }
    for (size_t row = 0; row < x.n; ++row) {
      const double factor = x(row, column);
      if (row == column || factor == 0) continue;
      for (size_t i = 0; i < x.n; ++i) {
        x(row, i) -= factor * x(column, i);
        result(row, i) -= factor * result(column, i);
      }
    }
  }
  return result;
}

SquareMatrix cayley(const SquareMatrix& k) {
  SquareMatrix minus = SquareMatrix::identity(k.n), plus = minus;
  minus.add(k, -1);
  plus.add(k, 1);
  return minus * inverse(std::move(plus));
}

}  // namespace ckmerge
