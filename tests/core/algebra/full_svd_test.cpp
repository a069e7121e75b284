// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/full_svd.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "core/algebra/nearest_rank.h"
#include "core/algebra/orthonormal.h"

using namespace ckmerge;

namespace {

double largest(const Matrix& matrix) {
  double out = 0;
  for (const double element : matrix.elements) out = std::max(out, std::fabs(element));
  return out;
}

Matrix difference(Matrix a, const Matrix& b) {
  REQUIRE(a.elements.size() == b.elements.size());
  for (size_t i = 0; i < a.elements.size(); ++i) a.elements[i] -= b.elements[i];
  return a;
}

Matrix with_values(uint64_t rows, uint64_t columns, const std::vector<double>& values, uint64_t seed) {
  Matrix left = random_rows(values.size(), rows, seed), right = random_rows(values.size(), columns, seed + 100);
  make_orthonormal(left);
  make_orthonormal(right);
  for (uint64_t k = 0; k < values.size(); ++k)
    for (uint64_t i = 0; i < rows; ++i) left.row(k)[i] *= values[k];
  return product(transposed(left), right);
}

Matrix of_full_svd(const Matrix& matrix, uint64_t rank) {
  Svd svd = full_svd(matrix);
  for (uint64_t k = rank; k < svd.values.size(); ++k) svd.values[k] = 0;
  return put_together(svd);
}

}  // namespace

TEST_CASE("full_svd: put together it is the matrix, and its vectors are orthonormal") {
  for (const auto& [rows, columns] :
       {std::pair<uint64_t, uint64_t>{1, 1}, {1, 7}, {7, 1}, {12, 12}, {60, 20}, {20, 60}}) {
    const Matrix matrix = random_rows(rows, columns, rows);
    const Svd svd = full_svd(matrix);
    CHECK(largest(difference(put_together(svd), matrix)) < 1e-13);
    for (const Matrix* const vectors : {&svd.left, &svd.right}) {
      Matrix inner = row_products(*vectors, *vectors);
      for (uint64_t k = 0; k < inner.rows; ++k) inner.row(k)[k] -= 1;
      CHECK(largest(inner) < 1e-13);
    }
    CHECK(std::ranges::is_sorted(svd.values, std::ranges::greater()));
  }
}

TEST_CASE("full_svd: small values have as many digits as large ones, and of a lower rank the others are zeros") {
  const Svd graded = full_svd(with_values(20, 12, {1, 1e-4, 1e-8}, 5));
  CHECK(std::fabs(graded.values[1] / 1e-4 - 1) < 1e-11);
  CHECK(std::fabs(graded.values[2] / 1e-8 - 1) < 1e-7);  // what the matrix itself has of it
  const Svd zeros = full_svd(Matrix(4, 6));
  CHECK(zeros.values == std::vector<double>(4, 0));
  CHECK(largest(zeros.left) == 0);
  CHECK(largest(orthogonal_factor(Matrix(4, 6))) == 0);
}

TEST_CASE("full_svd: of a matrix of low rank with a little noise the small values stand right, too") {
  Matrix matrix = with_values(90, 130, {3, 2, 1}, 8);
  const Matrix noise = random_rows(90, 130, 9);
  for (size_t i = 0; i < noise.elements.size(); ++i) matrix.elements[i] += 1e-9 * noise.elements[i];
  const Svd svd = full_svd(matrix);
  CHECK(largest(difference(put_together(svd), matrix)) < 1e-14);
  CHECK(svd.values[3] < 1e-7);
  CHECK(svd.values[89] > 1e-10);
  Matrix inner = row_products(svd.right, svd.right);
  for (uint64_t k = 0; k < inner.rows; ++k) inner.row(k)[k] -= 1;
  CHECK(largest(inner) < 1e-13);
  // Rounding of the matrix has no values of its own.
  const Svd low = full_svd(with_values(90, 130, {3, 2, 1}, 8));
  CHECK(std::ranges::count_if(low.values, [](double value) { return value > 0; }) == 3);
}

TEST_CASE("full_svd: the same bits for any number of hands, of a matrix that they share") {
  const Matrix matrix = random_rows(530, 600, 7);
  const Svd alone = full_svd(matrix), shared = full_svd(matrix, {.threads = 3});
  CHECK(alone.values == shared.values);
  CHECK(alone.left.elements == shared.left.elements);
  CHECK(alone.right.elements == shared.right.elements);
}

TEST_CASE("nearest_of_rank: what the largest of all values make, however they fall") {
  for (const auto& [rows, columns] : {std::pair<uint64_t, uint64_t>{60, 60}, {90, 50}, {50, 90}, {200, 120}, {3, 40}})
    for (const double fall : {1.0, 0.97, 0.8, 0.3})
      for (const uint64_t rank : {uint64_t{1}, uint64_t{2}, uint64_t{9}}) {
        std::vector<double> values(std::min(rows, columns), 1);
        for (size_t k = 1; k < values.size(); ++k) values[k] = values[k - 1] * fall;
        const Matrix matrix = fall == 1 ? random_rows(rows, columns, 5) : with_values(rows, columns, values, 3);
        CHECK(largest(difference(nearest_of_rank(matrix, std::min(rank, values.size())),
                                 of_full_svd(matrix, std::min(rank, values.size())))) < 1e-12);
      }
}

TEST_CASE("nearest_of_rank: of equal values as many as are wanted, of a lower rank all, of zeros none") {
  const std::vector<double> twos(20, 2);
  std::vector<double> mixed(40, 1);
  std::fill_n(mixed.begin(), 6, 3);
  const Matrix equal = with_values(50, 40, twos, 1), few = with_values(60, 50, {4, 2, 1}, 2);
  const Svd kept = full_svd(nearest_of_rank(equal, 5));
  for (size_t k = 0; k < 5; ++k) CHECK(std::fabs(kept.values[k] - 2) < 1e-12);
  CHECK(kept.values[5] < 1e-12);
  const Matrix of_mixed = with_values(60, 40, mixed, 4);
  CHECK(largest(difference(nearest_of_rank(of_mixed, 6), of_full_svd(of_mixed, 6))) < 1e-12);
  CHECK(largest(difference(nearest_of_rank(few, 3), few)) < 1e-13);
  CHECK(largest(difference(nearest_of_rank(few, 30), few)) < 1e-13);
  CHECK(largest(nearest_of_rank(Matrix(50, 40), 3)) == 0);
}
