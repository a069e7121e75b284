// SPDX-License-Identifier: Apache-2.0
// Loops of dense algebra: the bits of plain loops, on every table, for every edge.
#include "kernels/algebra.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

using Doubles = std::vector<double>;

Doubles doubles(unsigned seed, size_t count) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, 1);
  Doubles all(count);
  for (double& value : all) value = normal(random);
  return all;
}

// Through memory, so that nothing can be fused or reordered.
double rounded(double value) {
  volatile double stored = value;
  return stored;
}

double plain_dot(const double* x, const double* y, size_t n) {
  double lanes[8] = {};
  for (size_t i = 0; i < n; ++i) lanes[i % 8] = rounded(lanes[i % 8] + rounded(x[i] * y[i]));
  double sum = 0;
  for (const double lane : lanes) sum = rounded(sum + lane);
  return sum;
}

bool same(const Doubles& a, const Doubles& b) {
  if (a.size() != b.size() || a.empty()) return a.size() == b.size();
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

// What `compute` writes with every table is what `plain` writes.
void check_every_table(const Doubles& before, const std::function<void(Doubles&)>& plain,
                       const std::function<void(const AlgebraKernel&, Doubles&)>& compute) {
  Doubles expected = before;
  plain(expected);
  for (const BlockKernels* kernels : available_kernels()) {
    Doubles got = before;
    compute(algebra_kernel(*kernels), got);
    CHECK_MESSAGE(same(got, expected), kernels->isa);
  }
}

struct Extents {
  size_t rows, depth, columns;
};
constexpr Extents kExtents[] = {{1, 1, 1},   {7, 4, 15},  {13, 33, 16}, {25, 5, 17}, {6, 64, 100},
                                {40, 0, 20}, {12, 3, 70}, {2, 129, 8},  {5, 16, 33}};

}  // namespace

TEST_CASE("products of f64 are the plain loop's, bit for bit, on every table") {
  for (const Extents& e : kExtents) {
    CAPTURE(e.rows);
    CAPTURE(e.columns);
    const size_t left_row = e.depth + 3, out_row = e.columns + 2;
    const Doubles left = doubles(1, e.rows * left_row), right = doubles(2, e.depth * e.columns);
    const size_t wide = (e.columns + kWidePanelColumns - 1) / kWidePanelColumns * kWidePanelColumns;
    Doubles panels(e.depth * wide);
    for (size_t k = 0; k < e.depth; ++k)
      for (size_t j = 0; j < e.columns; ++j)
        panels[(j / kWidePanelColumns * e.depth + k) * kWidePanelColumns + j % kWidePanelColumns] =
            right[k * e.columns + j];
    check_every_table(
        doubles(3, e.rows * out_row),
        [&](Doubles& out) {
          for (size_t i = 0; i < e.rows; ++i)
            for (size_t j = 0; j < e.columns; ++j)
              for (size_t k = 0; k < e.depth; ++k) {
                double& sum = out[i * out_row + j];
                sum = rounded(sum + rounded(left[i * left_row + k] * right[k * e.columns + j]));
              }
        },
        [&](const AlgebraKernel& kernel, Doubles& out) {
          kernel.add_product(left.data(), left_row, e.rows, e.depth, panels.data(), e.columns, out.data(), out_row);
        });
  }
}

TEST_CASE("products of rows of f64 are dot products, bit for bit, on every table") {
  for (const Extents& e : kExtents) {
    CAPTURE(e.rows);
    CAPTURE(e.columns);
    const Doubles left = doubles(4, e.rows * e.depth), right = doubles(5, e.columns * e.depth);
    const size_t out_row = e.columns + 1;
    check_every_table(
        doubles(6, e.rows * out_row),
        [&](Doubles& out) {
          for (size_t i = 0; i < e.rows; ++i)
            for (size_t j = 0; j < e.columns; ++j)
              out[i * out_row + j] = plain_dot(left.data() + i * e.depth, right.data() + j * e.depth, e.depth);
        },
        [&](const AlgebraKernel& kernel, Doubles& out) {
          kernel.row_products(left.data(), e.rows, right.data(), e.columns, e.depth, out.data(), out_row);
        });
    check_every_table(
        {0}, [&](Doubles& out) { out[0] = plain_dot(left.data(), right.data(), e.depth); },
        [&](const AlgebraKernel& kernel, Doubles& out) { out[0] = kernel.dot(left.data(), right.data(), e.depth); });
  }
}

TEST_CASE("rows of f64 are turned, subtracted and reflected as by plain loops, on every table") {
  for (const size_t n : {0, 1, 7, 8, 33, 100}) {
    CAPTURE(n);
    const Doubles ws = doubles(7, n), vs = doubles(8, n);
    check_every_table(
        doubles(9, n),
        [&](Doubles& to) {
          for (size_t i = 0; i < n; ++i) to[i] = rounded(to[i] - rounded(0.7 * ws[i]));
        },
        [&](const AlgebraKernel& kernel, Doubles& to) { kernel.subtract_row(0.7, ws.data(), to.data(), n); });
    check_every_table(
        doubles(10, 2 * n),
        [&](Doubles& rows) {
          for (size_t i = 0; i < n; ++i) {
            const double x = rows[i], y = rows[n + i];
            rows[i] = rounded(rounded(0.8 * x) - rounded(0.6 * y));
            rows[n + i] = rounded(rounded(0.6 * x) + rounded(0.8 * y));
          }
        },
        [&](const AlgebraKernel& kernel, Doubles& rows) {
          kernel.turn_rows(rows.data(), rows.data() + n, {.c = 0.8, .s = 0.6}, n);
        });
    check_every_table(
        doubles(11, 2 * n),
        [&](Doubles& row_and_sums) {
          for (size_t j = 0; j < n; ++j) {
            double& element = row_and_sums[j];
            element = rounded(element - rounded(rounded(0.3 * ws[j]) + rounded(0.9 * vs[j])));
            row_and_sums[n + j] = rounded(row_and_sums[n + j] + rounded(1.7 * element));
          }
        },
        [&](const AlgebraKernel& kernel, Doubles& row_and_sums) {
          kernel.reflect_row(row_and_sums.data(), 0.3, ws.data(), 0.9, vs.data(), 1.7, row_and_sums.data() + n, n);
        });
  }
}

TEST_CASE("a strip is turned as its rows are, pair by pair, on every table") {
  constexpr size_t kRows = 9, kLast = 7;
  for (const size_t count : {0, 1, 4, 7}) {
    CAPTURE(count);
    std::vector<Turn> turns;
    for (const double angle : doubles(12, count)) turns.push_back({.c = angle, .s = 1 - angle});
    const auto by_rows = [&](const AlgebraKernel& kernel, Doubles& strip) {
      for (size_t k = 0; k < count; ++k) {
        double* const upper = strip.data() + (kLast - 1 - k) * kStripColumns;
        kernel.turn_rows(upper, upper + kStripColumns, turns[k], kStripColumns);
      }
    };
    check_every_table(
        doubles(13, kRows * kStripColumns), [&](Doubles& strip) { by_rows(algebra_kernel(), strip); },
        [&](const AlgebraKernel& kernel, Doubles& strip) {
          kernel.turn_strip(strip.data(), kLast, turns.data(), count);
        });
  }
}

}  // namespace ckmerge
