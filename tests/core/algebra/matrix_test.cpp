// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/matrix.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/algebra/orthonormal.h"

using namespace ckmerge;

TEST_CASE("products of matrices that are cut into blocks are those of plain loops, for any number of hands") {
  const Matrix left = random_rows(401, 521, 1), right = random_rows(521, 263, 2), standing = transposed(right);
  Matrix expected(left.rows, right.columns), of_rows(left.rows, standing.rows);
  for (uint64_t i = 0; i < left.rows; ++i)
    for (uint64_t j = 0; j < right.columns; ++j) {
      for (uint64_t k = 0; k < left.columns; ++k) expected.row(i)[j] += left.row(i)[k] * right.row(k)[j];
      of_rows.row(i)[j] = dot(left.row(i), standing.row(j), left.columns);
    }
  Matrix squares(left.rows, left.rows);
  for (uint64_t i = 0; i < left.rows; ++i)
    for (uint64_t j = 0; j < left.rows; ++j) squares.row(i)[j] = dot(left.row(i), left.row(j), left.columns);
  for (const unsigned threads : {1u, 3u}) {
    CHECK(product(left, right, {.threads = threads}).elements == expected.elements);
    CHECK(row_products(left, standing, {.threads = threads}).elements == of_rows.elements);
    CHECK(row_products(left, left, {.threads = threads}).elements == squares.elements);
  }
}

TEST_CASE("matrices without rows, columns or depth have products without, or of zeros") {
  CHECK(product(Matrix(0, 3), Matrix(3, 2)).elements.empty());
  CHECK(product(Matrix(2, 3), Matrix(3, 0)).elements.empty());
  CHECK(product(Matrix(2, 0), Matrix(0, 2)).elements == std::vector<double>(4));
  CHECK(row_products(Matrix(2, 0), Matrix(2, 0)).elements == std::vector<double>(4));
  CHECK(row_products(Matrix(0, 2), Matrix(2, 2)).elements.empty());
  CHECK(transposed(Matrix(3, 0)).rows == 0);
}
