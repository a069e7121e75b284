// SPDX-License-Identifier: Apache-2.0
// Parts of turns: of one whose planes and angles are known, and of any, by what powers have to do with each other.
#include "core/algebra/turn_power.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/algebra/orthonormal.h"

using namespace ckmerge;

namespace {

constexpr double kPi = 3.14159265358979323846;

double distance(const Matrix& a, const Matrix& b) {
  REQUIRE(a.elements.size() == b.elements.size());
  double largest = 0;
  for (size_t i = 0; i < a.elements.size(); ++i) largest = std::max(largest, std::fabs(a.elements[i] - b.elements[i]));
  return largest;
}

Matrix unit(uint64_t rows) {
  Matrix out(rows, rows);
  for (uint64_t i = 0; i < rows; ++i) out.row(i)[i] = 1;
  return out;
}

Matrix orthonormal(uint64_t rows, uint64_t seed) {
  Matrix out = random_rows(rows, rows, seed);
  make_orthonormal(out);
  return out;
}

// Turned by these angles in planes of a basis; what is left stays.
Matrix with_angles(const Matrix& basis, const std::vector<double>& angles, double part) {
  Matrix turned = basis;
  for (size_t k = 0; k < angles.size(); ++k) {
    const double c = std::cos(part * angles[k]), s = std::sin(part * angles[k]);
    for (uint64_t j = 0; j < basis.columns; ++j) {
      const double x = basis.row(2 * k)[j], y = basis.row(2 * k + 1)[j];
      turned.row(2 * k)[j] = c * x - s * y;
      turned.row(2 * k + 1)[j] = s * x + c * y;
    }
  }
  return product(transposed(basis), turned);
}

void is_turned_well(const Matrix& orthogonal) {
  const PlaneTurns turns = plane_turns(orthogonal);
  const uint64_t n = orthogonal.rows;
  CHECK(distance(row_products(turns.basis, turns.basis), unit(n)) < 1e-13);
  CHECK(distance(turned_by(turns, 1), orthogonal) < 1e-13);
  CHECK(distance(turned_by(turns, 0), unit(n)) < 1e-13);
  CHECK(distance(turned_by(turns, -1), transposed(orthogonal)) < 1e-13);
  CHECK(distance(turned_by(turns, 2), product(orthogonal, orthogonal)) < 1e-13);
  CHECK(turns.reflected.size() == (determinant(orthogonal) < 0 ? 1 : 0));
  if (!turns.reflected.empty()) return;
  const Matrix third = turned_by(turns, 1 / 3.0);
  CHECK(distance(row_products(third, third), unit(n)) < 1e-13);
  CHECK(distance(product(third, product(third, third)), orthogonal) < 1e-13);
}

}  // namespace

TEST_CASE("parts of a turn are parts of its angles, whether small, equal, or nearly a half turn") {
  const std::vector<std::vector<double>> all = {
      {0.7},          {2, -1, 0.3}, {1e-9, 1e-5, 3.1415}, {1, 1, 1, 1}, {kPi / 2, kPi / 2, -1}, {3.14, -3.14, 0.5},
      {1e-16, 2e-16}, {2, kPi - 2}};
  for (const std::vector<double>& angles : all)
    for (const uint64_t more : {0, 1, 3}) {
      const Matrix basis = orthonormal(2 * angles.size() + more, angles.size() + 10 * more);
      const PlaneTurns turns = plane_turns(with_angles(basis, angles, 1));
      for (const double part : {0.5, 0.25, -0.3, 1.7})
        CHECK(distance(turned_by(turns, part), with_angles(basis, angles, part)) < 1e-12);
    }
}

TEST_CASE("powers of orthogonal matrices, reflections, permutations and none at all") {
  for (const uint64_t n : {1, 2, 3, 4, 7, 30, 101}) is_turned_well(orthonormal(n, n));
  for (const uint64_t n : {1, 2, 5, 24}) {
    is_turned_well(unit(n));
    Matrix round = unit(n), cycle(n, n);
    Matrix exchanged(n, n);
    for (uint64_t i = 0; i < n; ++i) {
      round.row(i)[i] = i % 3 == 0 ? 1 : -1;
      cycle.row(i)[(i + 1) % n] = 1;
      exchanged.row(i)[n - 1 - i] = 1;
    }
    for (const Matrix& matrix : {round, cycle, exchanged}) is_turned_well(matrix);
  }
  const Matrix nothing;
  CHECK(turned_by(plane_turns(nothing), 0.5).elements.empty());
}

TEST_CASE("what is turned round becomes the real part of its complex power, two of them are half a turn") {
  Matrix one(1, 1), two = unit(2);
  one.elements = {-1};
  two.elements = {-1, 0, 0, -1};
  CHECK(distance(turned_by(plane_turns(one), 0.5), Matrix(1, 1)) < 1e-15);
  CHECK(std::fabs(turned_by(plane_turns(one), 0.25).elements[0] - std::sqrt(0.5)) < 1e-15);
  const Matrix half = turned_by(plane_turns(two), 0.5);
  CHECK(distance(product(half, half), two) < 1e-15);
  CHECK(std::fabs(half.elements[0]) < 1e-15);
}
