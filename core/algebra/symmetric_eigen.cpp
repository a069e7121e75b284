// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/symmetric_eigen.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace ckmerge {
namespace {

// Sweeps for one eigenvalue; two or three do. Where that many do not, elements are rounding of others that are larger
// by more than f64 has digits, and what is nothing beside the largest is taken for nothing.
constexpr int kManySweeps = 30, kMostSweeps = 60;

// Three diagonals, and the reflections that led to them: row k of `reflections` is the vector of number k, whose first
// k + 1 elements are zero; I - v v^T, since its length is made the square root of 2.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
  Matrix reflections;
};

// v, such that I - v v^T turns `from` into a multiple of its first unit vector, which is returned.
double reflection(const double* from, uint64_t count, double* v) {
  double largest = 0;
  for (uint64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(from[i]));
  std::fill(v, v + count, 0.0);
  if (largest == 0) return 0;
  for (uint64_t i = 0; i < count; ++i) v[i] = from[i] / largest;  // squares neither overflow nor vanish
  const double length = std::sqrt(dot(v, v, count)), target = v[0] > 0 ? -length : length;
  v[0] -= target;
  const double scale = std::sqrt(2 / dot(v, v, count));
  for (uint64_t i = 0; i < count; ++i) v[i] *= scale;
  return target * largest;
}

// a := (I - v v^T) a (I - v v^T) for the rows and columns from `first` on.
void reflect_both_sides(Matrix& a, uint64_t first, const double* v, std::vector<double>& w) {
  const uint64_t n = a.rows;
  std::fill(w.begin(), w.end(), 0.0);
  for (uint64_t i = first; i < n; ++i)
    for (uint64_t j = first; j < n; ++j) w[j] += v[i] * a.row(i)[j];
  const double half = 0.5 * dot(v + first, w.data() + first, n - first);
  for (uint64_t j = first; j < n; ++j) w[j] -= half * v[j];
  for (uint64_t i = first; i < n; ++i)
    for (uint64_t j = first; j < n; ++j) a.row(i)[j] -= v[i] * w[j] + w[i] * v[j];
}

Tridiagonal tridiagonal(Matrix& a, const Hands& hands) {
  const uint64_t n = a.rows;
  Tridiagonal out{std::vector<double>(n), std::vector<double>(n), Matrix(n, n)};
  std::vector<double> w(n);
  for (uint64_t k = 0; k + 1 < n; ++k) {
    hands.check();
    double* const v = out.reflections.row(k);
    out.beside[k] = reflection(a.row(k) + k + 1, n - k - 1, v + k + 1);
    reflect_both_sides(a, k + 1, v, w);
  }
  for (uint64_t k = 0; k < n; ++k) out.diagonal[k] = a.row(k)[k];
  return out;
}

// The product of all reflections, the last one first: row k is what belongs to the k-th element of the diagonal.
Matrix basis(const Matrix& reflections, const Hands& hands) {
  const uint64_t n = reflections.rows;
  Matrix out(n, n);
  for (uint64_t i = 0; i < n; ++i) out.row(i)[i] = 1;
  for (uint64_t k = n - 1; k-- > 0;) {
    hands.check();
    const double* const v = reflections.row(k) + k + 1;
    for (uint64_t i = k + 1; i < n; ++i) {
      double* const row = out.row(i) + k + 1;
      const double along = dot(row, v, n - k - 1);
      for (uint64_t j = 0; j < n - k - 1; ++j) row[j] -= along * v[j];
    }
  }
  return out;
}

void rotate(double* upper, double* lower, double c, double s, uint64_t count) {
  for (uint64_t k = 0; k < count; ++k) {
    const double x = upper[k], y = lower[k];
    upper[k] = c * x - s * y;
    lower[k] = s * x + c * y;
  }
}

// One sweep of QL over [first, last], with the shift of Wilkinson.
void sweep(std::vector<double>& d, std::vector<double>& e, uint64_t first, uint64_t last, Matrix& vectors) {
  const double step = (d[first + 1] - d[first]) / (2 * e[first]);
  const double root = std::sqrt(step * step + 1);
  double g = d[last] - d[first] + e[first] / (step < 0 ? step - root : step + root);
  double s = 1, c = 1, shift = 0;
  for (uint64_t i = last; i-- > first;) {
    const double f = s * e[i], b = c * e[i], r = std::sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r == 0) {
      d[i + 1] -= shift;
      e[last] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - shift;
    const double t = (d[i] - g) * s + 2 * c * b;
    shift = s * t;
    d[i + 1] = g + shift;
    g = c * t - b;
    rotate(vectors.row(i), vectors.row(i + 1), c, s, vectors.columns);
  }
  d[first] -= shift;
  e[first] = g;
  e[last] = 0;
}

void diagonalise(std::vector<double>& d, std::vector<double>& e, Matrix& vectors, const Hands& hands) {
  const uint64_t n = d.size();
  double largest = 0;
  for (const double element : d) largest = std::max(largest, std::fabs(element));
  for (uint64_t first = 0; first < n; ++first)
    for (int sweeps = 0;; ++sweeps) {
      const double nothing = sweeps < kManySweeps ? 0 : DBL_EPSILON * largest;
      const auto counts = [&](uint64_t k) {
        return std::fabs(e[k]) > std::max(DBL_EPSILON * (std::fabs(d[k]) + std::fabs(d[k + 1])), nothing);
      };
      uint64_t last = first;
      while (last + 1 < n && counts(last)) ++last;
      if (last == first) break;
      if (sweeps == kMostSweeps) throw std::logic_error("an eigenvalue of a symmetric matrix was not found");
      hands.check();
      sweep(d, e, first, last, vectors);
    }
}

}  // namespace

SymmetricEigen symmetric_eigen(Matrix matrix, const Hands& hands) {
  const uint64_t n = matrix.rows;
  Tridiagonal reduced = tridiagonal(matrix, hands);
  Matrix vectors = n == 0 ? Matrix() : basis(reduced.reflections, hands);
  diagonalise(reduced.diagonal, reduced.beside, vectors, hands);
  std::vector<uint64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](uint64_t a, uint64_t b) { return reduced.diagonal[a] > reduced.diagonal[b]; });
  SymmetricEigen out{std::vector<double>(n), Matrix(n, n)};
  for (uint64_t k = 0; k < n; ++k) {
    out.values[k] = reduced.diagonal[order[k]];
    std::copy_n(vectors.row(order[k]), n, out.vectors.row(k));
  }
  return out;
}

}  // namespace ckmerge
