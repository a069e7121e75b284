// SPDX-License-Identifier: Apache-2.0
// Householder's reflections, as LAPACK makes them: of each column what lies on and below the diagonal is brought onto
// the diagonal, to the side away from it. The orthogonal factor is what they make of the first columns of I.
#include "core/adapters/turning/householder.h"

#include <algorithm>
#include <cmath>

namespace ckmerge {
namespace {

// Rows of vectors with a 1 in front, of the reflections I - scale v v^T.
struct Reflections {
  uint64_t rows, count;
  std::vector<double> x;  // row after row, a reflection a column
  std::vector<double> scales;

  double& at(uint64_t row, uint64_t k) { return x[row * count + k]; }

  // Of column `j` of `of`, which has as many columns.
  void apply(uint64_t k, std::vector<double>& of, uint64_t j) {
    double sum = 0;
    for (uint64_t i = k; i < rows; ++i) sum += at(i, k) * of[i * count + j];
    for (uint64_t i = k; i < rows; ++i) of[i * count + j] -= scales[k] * sum * at(i, k);
  }
};

// Makes a reflection of column `k`, and brings it to those behind.
void reflect(Reflections& r, uint64_t k) {
  double below = 0;
  for (uint64_t i = k + 1; i < r.rows; ++i) below += r.at(i, k) * r.at(i, k);
  if (below == 0) return;
  const double first = r.at(k, k), length = std::sqrt(first * first + below),
               end = std::signbit(first) ? length : -length;
  r.scales[k] = (end - first) / end;
  for (uint64_t i = k + 1; i < r.rows; ++i) r.at(i, k) /= first - end;
  r.at(k, k) = 1;
  for (uint64_t j = k + 1; j < r.count; ++j) r.apply(k, r.x, j);
}

}  // namespace

FactorMatrix orthogonal_factor(const FactorMatrix& p) {
  Reflections reflections{p.rows, p.columns, {p.elements.begin(), p.elements.end()}, std::vector<double>(p.columns)};
  for (uint64_t k = 0; k < p.columns; ++k) reflect(reflections, k);
  std::vector<double> q(p.elements.size());
  for (uint64_t k = 0; k < p.columns; ++k) q[k * p.columns + k] = 1;
  for (uint64_t k = p.columns; k-- > 0;)
    for (uint64_t j = k; j < p.columns && reflections.scales[k] != 0; ++j) reflections.apply(k, q, j);
  FactorMatrix result{p.rows, p.columns, std::vector<float>(q.size())};
  std::ranges::transform(q, result.elements.begin(), [](double value) { return static_cast<float>(value); });
  return result;
}

}  // namespace ckmerge
