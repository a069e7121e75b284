// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/low_rank.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/algebra/orthonormal.h"
#include "core/algebra/symmetric_eigen.h"

using namespace ckmerge;

namespace {

double largest(const Matrix& matrix) {
  double out = 0;
  for (const double element : matrix.elements) out = std::max(out, std::fabs(element));
  return out;
}

Matrix difference(Matrix a, const Matrix& b) {
  for (size_t i = 0; i < a.elements.size(); ++i) a.elements[i] -= b.elements[i];
  return a;
}

Matrix unit(uint64_t size) {
  Matrix out(size, size);
  for (uint64_t i = 0; i < size; ++i) out.row(i)[i] = 1;
  return out;
}

// What the singular values and vectors say the matrix is.
Matrix put_together(const Svd& svd) {
  Matrix scaled = svd.left;
  for (uint64_t k = 0; k < scaled.rows; ++k)
    for (uint64_t i = 0; i < scaled.columns; ++i) scaled.row(k)[i] *= svd.values[k];
  return product(transposed(scaled), svd.right);
}

RowSource source_of(const Matrix& matrix) {
  const auto read = [&matrix](uint64_t first, uint64_t count, float* out) {
    for (uint64_t i = 0; i < count * matrix.columns; ++i)
      out[i] = static_cast<float>(matrix.elements[first * matrix.columns + i]);
  };
  return {.rows = matrix.rows, .columns = matrix.columns, .read = read};
}

// Of this many rows, columns and rank; values fall by `fall` each.
Matrix of_rank(uint64_t rows, uint64_t columns, uint64_t rank, double fall) {
  Matrix left = random_rows(rank, rows, 1), right = random_rows(rank, columns, 2);
  make_orthonormal(left);
  make_orthonormal(right);
  double value = 1;
  for (uint64_t k = 0; k < rank; ++k, value *= fall)
    for (uint64_t i = 0; i < rows; ++i) left.row(k)[i] *= value;
  return product(transposed(left), right);
}

}  // namespace

TEST_CASE("eigenvectors of a symmetric matrix are turned into their multiples, and are orthonormal") {
  for (const uint64_t size : {1, 2, 3, 8, 65, 130}) {
    const Matrix random = random_rows(size, size, size), turned = transposed(random);
    Matrix matrix = random;
    for (size_t i = 0; i < matrix.elements.size(); ++i) matrix.elements[i] += turned.elements[i];
    const SymmetricEigen found = symmetric_eigen(matrix);
    Matrix scaled = found.vectors;
    for (uint64_t k = 0; k < size; ++k)
      for (uint64_t i = 0; i < size; ++i) scaled.row(k)[i] *= found.values[k];
    CHECK(largest(difference(product(found.vectors, matrix), scaled)) < 1e-12 * static_cast<double>(size));
    CHECK(largest(difference(row_products(found.vectors, found.vectors), unit(size))) <
          1e-13 * static_cast<double>(size));
    for (uint64_t k = 1; k < size; ++k) CHECK(found.values[k - 1] >= found.values[k]);
  }
}

TEST_CASE("eigenvalues of tiny and of huge matrices are in proportion, their vectors the same bits") {
  const Matrix rows = random_rows(40, 55, 3), matrix = row_products(rows, rows);
  const SymmetricEigen usual = symmetric_eigen(matrix);
  for (const double factor : {0x1p-950, 0x1p-400, 0x1p900}) {
    Matrix scaled = matrix;
    for (double& element : scaled.elements) element *= factor;
    SymmetricEigen found = symmetric_eigen(scaled);
    for (double& value : found.values) value /= factor;
    CHECK(found.values == usual.values);
    CHECK(found.vectors.elements == usual.vectors.elements);
  }
}

TEST_CASE("a matrix that is diagonal, or zero, is its own eigenvalues") {
  Matrix matrix(3, 3);
  CHECK(symmetric_eigen(matrix).values == std::vector<double>{0, 0, 0});
  matrix.row(0)[0] = 2, matrix.row(1)[1] = 5, matrix.row(2)[2] = -1;
  CHECK(symmetric_eigen(matrix).values == std::vector<double>{5, 2, -1});
  CHECK(symmetric_eigen(Matrix()).values.empty());
}

TEST_CASE("rows are made orthonormal, those that hang on others zero, and the triangle takes them back") {
  Matrix rows = random_rows(5, 40, 3);
  std::copy_n(rows.row(1), 40, rows.row(3));  // twice the same
  const Matrix before = rows;
  const Matrix triangle = make_orthonormal(rows);
  CHECK(largest(difference(product(triangle, rows), before)) < 1e-13);
  Matrix expected = unit(5);
  expected.row(3)[3] = 0;
  CHECK(largest(difference(row_products(rows, rows), expected)) < 1e-14);
}

TEST_CASE("random numbers are those of Philox, wherever they are made: mean 0, variance 1") {
  const Matrix random = random_rows(100, 100, 7);
  CHECK(random_rows(2, 5000, 7).elements == random.elements);
  CHECK(random_rows(100, 100, 8).elements != random.elements);
  const double mean = dot(random.elements.data(), std::vector<double>(10000, 1e-4).data(), 10000);
  CHECK(std::fabs(mean) < 0.05);
  CHECK(std::fabs(dot(random.elements.data(), random.elements.data(), 10000) / 10000 - 1) < 0.05);
}

TEST_CASE("a matrix of rank 8 is found whole, wide, tall and small") {
  for (const auto& [rows, columns] : {std::pair<uint64_t, uint64_t>{90, 700}, {700, 90}, {130, 130}, {12, 9}}) {
    const Matrix matrix = of_rank(rows, columns, 8, 0.7);
    const Svd svd = truncated_svd(source_of(matrix), 8);
    REQUIRE(svd.values.size() == 8);
    CHECK(largest(difference(put_together(svd), matrix)) < 3e-6);
    CHECK(svd.kept(8) > 1 - 1e-6);
    for (uint64_t k = 0; k < 8; ++k) CHECK(std::fabs(svd.values[k] - std::pow(0.7, k)) < 2e-6);
  }
}

TEST_CASE("what is kept of a matrix of full rank is within a thousandth of the best of that rank") {
  const Matrix matrix = of_rank(150, 260, 150, 0.97);
  double best = 0, all = 0;
  for (int k = 0; k < 150; ++k) (k < 16 ? best : all) += std::pow(0.97, 2 * k);
  const double share = best / (all + best), kept = truncated_svd(source_of(matrix), 16).kept(16);
  CHECK(kept <= share * (1 + 1e-5));
  CHECK(kept >= share * 0.999);
}

TEST_CASE("more values than a matrix has are not given, and one of zeros has none above 0") {
  const Svd svd = truncated_svd(source_of(of_rank(6, 40, 6, 0.5)), 20);
  CHECK(svd.values.size() == 6);
  CHECK(svd.kept(6) > 1 - 1e-6);
  const Matrix zeros(7, 5);
  const Svd none = truncated_svd(source_of(zeros), 2);
  CHECK(none.values == std::vector<double>{0, 0});
  CHECK(none.kept(1) == 1);
  CHECK(none.rank_for(0.95) == 1);
}

TEST_CASE("the product of two factors has the values of the matrix that they make") {
  const Matrix left = random_rows(60, 10, 4), right = random_rows(10, 75, 5);
  const Svd svd = product_svd(left, right);
  REQUIRE(svd.values.size() == 10);
  const Matrix whole = product(left, right);
  CHECK(largest(difference(put_together(svd), whole)) < 1e-12);
  CHECK(std::fabs(svd.energy / dot(whole.elements.data(), whole.elements.data(), whole.elements.size()) - 1) < 1e-12);
  CHECK(largest(difference(row_products(svd.left, svd.left), unit(10))) < 1e-8);
}

TEST_CASE("factors with more columns than rows are of the rank of their product") {
  const Svd svd = product_svd(random_rows(4, 20, 6), random_rows(20, 30, 7));
  for (uint64_t k = 4; k < 20; ++k) CHECK(svd.values[k] < 1e-6 * svd.values[0]);
  CHECK(svd.rank_for(1 - 1e-9) == 4);
}

TEST_CASE("the rank for a share of the energy is the lowest that has it") {
  Svd svd;
  svd.values = {3, 2, 1};
  svd.energy = 14;
  CHECK(svd.rank_for(9.0 / 14) == 1);
  CHECK(svd.rank_for(0.7) == 2);
  CHECK(svd.rank_for(1) == 3);
  CHECK(svd.kept(2) == doctest::Approx(13.0 / 14));
}

TEST_CASE("values and vectors have the bits that they had elsewhere") {
  const Svd svd = truncated_svd(source_of(of_rank(70, 600, 12, 0.8)), 6);
  uint64_t sum = 14695981039346656037ULL;  // FNV-1a
  const auto take = [&sum](const std::vector<double>& values) {
    for (const double value : values) {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      for (int i = 0; i < 8; ++i, bits >>= 8) sum = (sum ^ (bits & 0xff)) * 1099511628211ULL;
    }
  };
  take(svd.values);
  take(svd.left.elements);
  take(svd.right.elements);
  CHECK(sum == 13496262196036691060ULL);
}
