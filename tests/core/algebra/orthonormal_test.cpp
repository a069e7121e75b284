// SPDX-License-Identifier: Apache-2.0
// Rows made orthonormal in blocks, against what orthonormal rows are: those that hang on others across blocks, that
// nearly do, or that are tiny.
#include "core/algebra/orthonormal.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

using namespace ckmerge;

namespace {

double length(const Matrix& matrix, uint64_t row) {
  return std::sqrt(dot(matrix.row(row), matrix.row(row), matrix.columns));
}

// Row `row` becomes the sum of others and so much of itself.
void hang(Matrix& matrix, uint64_t row, const std::vector<uint64_t>& others, double rest) {
  double* const to = matrix.row(row);
  for (uint64_t j = 0; j < matrix.columns; ++j) {
    to[j] *= rest;
    for (const uint64_t other : others) to[j] += matrix.row(other)[j];
  }
}

// How far rows are from right angles to each other, and all but `hanging` from a length of 1.
double error_of(const Matrix& rows, const std::set<uint64_t>& hanging) {
  const Matrix products = row_products(rows, rows);
  double out = 0;
  for (uint64_t i = 0; i < rows.rows; ++i)
    for (uint64_t j = 0; j < rows.rows; ++j)
      out = std::max(out, std::fabs(products.row(i)[j] - (i == j && !hanging.contains(i) ? 1 : 0)));
  return out;
}

// They are made orthonormal, and the triangle leads back.
void is_orthonormal(const Matrix& before, const std::set<uint64_t>& hanging) {
  Matrix rows = before;
  const Matrix triangle = make_orthonormal(rows), back = product(triangle, rows);
  double lost = 0, above = 0;
  for (uint64_t i = 0; i < rows.rows; ++i) {
    CHECK((triangle.row(i)[i] == 0) == hanging.contains(i));
    for (uint64_t j = i + 1; j < rows.rows; ++j) above = std::max(above, std::fabs(triangle.row(i)[j]));
    const double nothing = 3e-14 * length(before, i);
    for (uint64_t j = 0; j < rows.columns; ++j)
      lost = std::max(lost, std::fabs(back.row(i)[j] - before.row(i)[j]) - nothing);
  }
  CHECK(error_of(rows, hanging) < 3e-15);
  CHECK(lost <= 0);
  CHECK(above == 0);
}

std::set<uint64_t> from(uint64_t first, uint64_t end) {
  std::set<uint64_t> out;
  for (uint64_t i = first; i < end; ++i) out.insert(i);
  return out;
}

}  // namespace

TEST_CASE("rows of many blocks are made orthonormal: few, as many as columns, and more than can be") {
  for (const auto& [rows, columns] : std::vector<std::pair<uint64_t, uint64_t>>{
           {1, 1}, {1, 9}, {31, 64}, {32, 32}, {33, 40}, {64, 65}, {97, 700}, {150, 150}, {200, 90}, {70, 1}})
    is_orthonormal(random_rows(rows, columns, rows), from(std::min(rows, columns), rows));
  Matrix nothing(0, 4);
  CHECK(make_orthonormal(nothing).elements.empty());
}

TEST_CASE("rows that hang on others of their block or of blocks before become zeros, those that nearly do do not") {
  const std::set<uint64_t> hanging{3, 33, 64, 70, 139};
  for (const double rest : {1e-4, 1e-8, 1e-11}) {
    Matrix rows = random_rows(140, 300, 1);
    hang(rows, 3, {0, 2}, 0);
    hang(rows, 20, {4, 19}, rest);
    hang(rows, 33, {32}, 0);
    hang(rows, 64, {0, 3, 40, 63}, 0);
    hang(rows, 70, {}, 0);  // is nothing itself
    hang(rows, 90, {88, 89}, rest);
    hang(rows, 100, {2, 50, 99}, rest);
    hang(rows, 101, {2, 50, 100}, rest);  // on rows of blocks before and of its own
    hang(rows, 139, {1, 100, 136}, 0);
    is_orthonormal(rows, hanging);
  }
}

TEST_CASE("rows that are tiny or huge are as orthonormal as others") {
  Matrix rows = random_rows(100, 160, 2);
  for (uint64_t i = 0; i < rows.rows; ++i)
    for (uint64_t j = 0; j < rows.columns; ++j) rows.row(i)[j] *= i % 3 == 0 ? 1e-120 : i % 3 == 1 ? 1 : 1e120;
  is_orthonormal(rows, {});
  Matrix alike = random_rows(100, 160, 3);  // nearly one direction
  for (uint64_t i = 1; i < alike.rows; ++i) hang(alike, i, {0}, 1e-7);
  is_orthonormal(alike, {});
}

TEST_CASE("rows are orthonormal with the same bits for any number of hands") {
  const Matrix before = random_rows(130, 700, 4);
  Matrix one = before;
  const Matrix triangle = make_orthonormal(one);
  for (const unsigned threads : {2u, 3u}) {
    Matrix rows = before;
    CHECK(make_orthonormal(rows, {.threads = threads}).elements == triangle.elements);
    CHECK(rows.elements == one.elements);
    CHECK(complement(one, {.threads = threads}).elements == complement(one).elements);
  }
}

TEST_CASE("what orthonormal rows lack of a basis stands at right angles to them and is complete") {
  for (const auto& [count, columns] : std::vector<std::pair<uint64_t, uint64_t>>{
           {0, 5}, {1, 1}, {1, 40}, {50, 130}, {129, 130}, {130, 130}, {90, 100}})
    for (const bool of_units : {false, true}) {
      Matrix rows = random_rows(count, columns, count + 1);
      if (of_units)  // so that the first units hang on them
        for (uint64_t i = 0; i < count; ++i)
          for (uint64_t j = 0; j < columns; ++j) rows.row(i)[j] = i == j ? 1 : 0;
      make_orthonormal(rows);
      const Matrix others = complement(rows);
      REQUIRE(others.rows == columns - count);
      Matrix all(columns, columns);
      std::ranges::copy(rows.elements, all.elements.begin());
      std::ranges::copy(others.elements, all.elements.begin() + static_cast<ptrdiff_t>(rows.elements.size()));
      CHECK(error_of(all, {}) < 3e-15);
    }
}
