// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/turn_power.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <span>
#include <stdexcept>
#include <utility>

#include "kernels/algebra.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

constexpr double kPi = 0x1.921fb54442d18p+1;
// Steps for one or two eigenvalues; two or three do. Every tenth shifts by something else, since eigenvalues that stand
// around the unit circle at equal distances can hold each other up.
constexpr int kMostSteps = 300, kStepsAlike = 10;

// Columns that go by at once, so that what belongs to each stays in the fastest cache; fewer are not worth a thread,
// nor are rows of fewer elements.
constexpr uint64_t kMostColumns = 1024, kLeastColumns = 256, kLeastElements = 1 << 16;
constexpr uint64_t kReflectionsUnasked = 32;  // some milliseconds of them

uint64_t columns_at_once(uint64_t count, const Hands& hands) {
  return std::clamp((count + hands.threads - 1) / hands.threads, kLeastColumns, kMostColumns);
}

uint64_t rows_at_once(uint64_t columns) { return 1 + kLeastElements / (columns + 1); }

// I - v v^T, v beginning at an element of that number. Its squared length is 2.
struct Reflection {
  uint64_t first;
  std::vector<double> v;
};

// x := x - v (v x) of the columns [begin, end). `along` has room for as many.
void reflect_columns(Matrix& matrix, const Reflection& by, uint64_t begin, uint64_t end, double* along) {
  const uint64_t count = end - begin;
  std::fill_n(along, count, 0.0);
  for (uint64_t i = 0; i < by.v.size(); ++i)
    algebra_kernel().subtract_row(-by.v[i], matrix.row(by.first + i) + begin, along, count);
  for (uint64_t i = 0; i < by.v.size(); ++i)
    algebra_kernel().subtract_row(by.v[i], along, matrix.row(by.first + i) + begin, count);
}

// The same of all columns, one reflection after another.
void reflect_all_columns(Matrix& matrix, std::span<const Reflection> all, const Hands& hands) {
  hands.share(matrix.columns, columns_at_once(matrix.columns, hands), [&](uint64_t begin, uint64_t end) {
    std::vector<double> along(end - begin);
    for (size_t k = 0; k < all.size(); ++k) {
      if (k % kReflectionsUnasked == 0) hands.check();
      reflect_columns(matrix, all[k], begin, end, along.data());
    }
  });
}

void reflect_all_rows(Matrix& matrix, const Reflection& by, const Hands& hands) {
  hands.share(matrix.rows, rows_at_once(by.v.size()), [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) {
      double* const row = matrix.row(i) + by.first;
      algebra_kernel().subtract_row(dot(row, by.v.data(), by.v.size()), by.v.data(), row, by.v.size());
    }
  });
}

// v, such that I - v v^T turns it into a multiple of its first unit vector; false where it is nothing.
bool make_reflection(std::vector<double>& v) {
  double largest = 0;
  for (const double element : v) largest = std::max(largest, std::fabs(element));
  if (largest == 0) return false;
  for (double& element : v) element /= largest;
  const double length = std::sqrt(dot(v.data(), v.data(), v.size()));
  v[0] += v[0] > 0 ? length : -length;
  const double scale = std::sqrt(2 / dot(v.data(), v.data(), v.size()));
  for (double& element : v) element *= scale;
  return true;
}

// The matrix is always the transpose of `basis` times `h` times `basis`.
class Reduction {
 public:
  Reduction(Matrix orthogonal, const Hands& hands)
      : h_(std::move(orthogonal)), basis_(h_.rows, h_.rows), hands_(hands) {
    for (uint64_t i = 0; i < h_.rows; ++i) basis_.row(i)[i] = 1;
  }

  PlaneTurns run() {
    make_hessenberg();
    for (uint64_t end = h_.rows; end > 0;) end -= take_block(end);
    std::ranges::reverse(turned_round_);
    pair_turned_round();
    turns_.basis = std::move(basis_);
    return std::move(turns_);
  }

 private:
  double& h(uint64_t i, uint64_t j) { return h_.row(i)[j]; }

  void make_hessenberg() {
    const uint64_t n = h_.rows;
    for (uint64_t k = 0; k + 2 < n; ++k) {
      std::vector<double> v(n - k - 1);
      for (uint64_t i = 0; i < v.size(); ++i) v[i] = h(k + 1 + i, k);
      if (std::all_of(v.begin() + 1, v.end(), [](double element) { return element == 0; })) continue;
      make_reflection(v);
      const Reflection reflection{.first = k + 1, .v = std::move(v)};
      reflect_all_columns(h_, {&reflection, 1}, hands_);
      reflect_all_rows(h_, reflection, hands_);
      reflect_all_columns(basis_, {&reflection, 1}, hands_);
      for (uint64_t i = k + 2; i < n; ++i) h(i, k) = 0;
    }
  }

  // Of the rows before `end`, those that hang together with the last one.
  uint64_t first_of_block(uint64_t end) {
    uint64_t first = end - 1;
    while (first > 0) {
      const double beside = std::fabs(h(first, first - 1));
      if (beside <= DBL_EPSILON * (std::fabs(h(first, first)) + std::fabs(h(first - 1, first - 1)))) break;
      if (beside <= DBL_EPSILON * DBL_EPSILON) break;  // both may be 0 in a turn by a right angle
      --first;
    }
    return first;
  }

  // Takes the last one or two rows before `end` off, and returns how many.
  uint64_t take_block(uint64_t end) {
    for (int step = 1;; ++step) {
      const uint64_t first = first_of_block(end);
      if (first + 1 == end) {
        take_row(end - 1);
        return 1;
      }
      if (first + 2 == end) {
        take_rows(end - 2);
        return 2;
      }
      if (step == kMostSteps) throw std::logic_error("an eigenvalue of an orthogonal matrix was not found");
      make_step(first, end, step % kStepsAlike == 0);
    }
  }

  void take_row(uint64_t row) {
    if (h(row, row) < 0) turned_round_.push_back(row);
  }

  void take_rows(uint64_t row) {
    const double a = h(row, row), b = h(row, row + 1), c = h(row + 1, row), d = h(row + 1, row + 1);
    if (a * d - b * c > 0) {
      turns_.planes.push_back({.first = row, .second = row + 1, .angle = angle_of((a + d) / 2, (c - b) / 2)});
      return;
    }
    split(row, (a - d) / 2, (b + c) / 2);
  }

  // One direction stays, the other is turned round: the cosine and sine of twice the angle of the first are given.
  void split(uint64_t row, double cosine, double sine) {
    const double length = std::sqrt(cosine * cosine + sine * sine);
    const double larger = std::sqrt((1 + std::fabs(cosine) / length) / 2), smaller = sine / length / (2 * larger);
    const double c = cosine > 0 ? larger : std::fabs(smaller);
    const double s = cosine > 0 ? smaller : std::copysign(larger, sine);
    double *const x = basis_.row(row), *const y = basis_.row(row + 1);
    for (uint64_t k = 0; k < basis_.columns; ++k) {
      const double first = x[k], second = y[k];
      x[k] = c * first + s * second;
      y[k] = c * second - s * first;
    }
    turned_round_.push_back(row + 1);
  }

  static double angle_of(double cosine, double sine) {
    const double length = std::sqrt(cosine * cosine + sine * sine), s = std::fabs(sine) / length, c = cosine / length;
    double angle = 0;
    if (s > std::fabs(c))
      angle = math::acos(c);
    else
      angle = c < 0 ? kPi - math::asin(s) : math::asin(s);
    return sine < 0 ? -angle : angle;
  }

  // A double step of QR of the rows from `first` to `end`, at least three.
  void make_step(uint64_t first, uint64_t end, bool by_others) {
    double a = h(end - 2, end - 2), b = h(end - 2, end - 1), c = h(end - 1, end - 2), d = h(end - 1, end - 1);
    if (by_others) {
      const double beside = std::fabs(h(end - 1, end - 2)) + std::fabs(h(end - 2, end - 3));
      a = d = 0.75 * beside + d;
      b = -0.4375 * beside;
      c = beside;
    }
    const double sum = a + d, determinant = a * d - b * c;
    std::vector<double> v = {
        h(first, first) * (h(first, first) - sum) + determinant + h(first, first + 1) * h(first + 1, first),
        h(first + 1, first) * (h(first, first) + h(first + 1, first + 1) - sum),
        h(first + 1, first) * h(first + 2, first + 1)};
    reflections_.clear();
    for (uint64_t k = first; k + 1 < end; ++k) {
      if ((k - first) % kReflectionsUnasked == 0) hands_.check();
      if (k > first) {
        v = {h(k, k - 1), h(k + 1, k - 1)};
        if (k + 2 < end) v.push_back(h(k + 2, k - 1));
      }
      if (!make_reflection(v)) continue;
      reflections_.push_back({.first = k, .v = v});
      reflect_within(reflections_.back(), first, end);
      for (uint64_t i = k + 1; k > first && i < std::min(k + 3, end); ++i) h(i, k - 1) = 0;
    }
    reflect_all_columns(basis_, reflections_, hands_);
  }

  // Of the block alone, from the left and from the right.
  void reflect_within(const Reflection& by, uint64_t first, uint64_t end) {
    const uint64_t k = by.first;
    reflect_columns(h_, by, k > first ? k - 1 : first, end, along_.data());
    for (uint64_t i = first; i < std::min(end, k + 4); ++i) {
      double* const row = h_.row(i) + k;
      double along = 0;
      for (uint64_t j = 0; j < by.v.size(); ++j) along += by.v[j] * row[j];
      for (uint64_t j = 0; j < by.v.size(); ++j) row[j] -= along * by.v[j];
    }
  }

  void pair_turned_round() {
    uint64_t k = 0;
    for (; k + 1 < turned_round_.size(); k += 2)
      turns_.planes.push_back({.first = turned_round_[k], .second = turned_round_[k + 1], .angle = kPi});
    if (k < turned_round_.size()) turns_.reflected.push_back(turned_round_[k]);
  }

  Matrix h_, basis_;
  const Hands& hands_;
  std::vector<double> along_ = std::vector<double>(h_.rows);
  std::vector<Reflection> reflections_;  // of a step, for which the basis waits
  std::vector<uint64_t> turned_round_;
  PlaneTurns turns_;
};

}  // namespace

PlaneTurns plane_turns(Matrix orthogonal, const Hands& hands) { return Reduction(std::move(orthogonal), hands).run(); }

Matrix turned_by(const PlaneTurns& turns, double power, const Hands& hands) {
  Matrix turned = turns.basis;
  for (const PlaneTurns::Plane& plane : turns.planes) {
    const double c = math::cos(power * plane.angle), s = math::sin(power * plane.angle);
    const double *const x = turns.basis.row(plane.first), *const y = turns.basis.row(plane.second);
    double *const to_x = turned.row(plane.first), *const to_y = turned.row(plane.second);
    for (uint64_t k = 0; k < turned.columns; ++k) {
      to_x[k] = c * x[k] - s * y[k];
      to_y[k] = s * x[k] + c * y[k];
    }
  }
  for (const uint64_t row : turns.reflected) {
    const double factor = math::cos(power * kPi);
    for (uint64_t k = 0; k < turned.columns; ++k) turned.row(row)[k] *= factor;
  }
  return product(transposed(turns.basis), turned, hands);
}

int determinant(Matrix matrix, const Hands& hands) {
  int sign = 1;
  for (uint64_t k = 0; k < matrix.rows; ++k) {
    uint64_t pivot = k;
    for (uint64_t i = k + 1; i < matrix.rows; ++i)
      if (std::fabs(matrix.row(i)[k]) > std::fabs(matrix.row(pivot)[k])) pivot = i;
    if (pivot != k) {
      std::swap_ranges(matrix.row(k), matrix.row(k) + matrix.columns, matrix.row(pivot));
      sign = -sign;
    }
    const double* const upper = matrix.row(k);
    if (upper[k] < 0) sign = -sign;
    const uint64_t below = k + 1, count = matrix.columns - k;
    hands.share(matrix.rows - below, rows_at_once(count), [&](uint64_t begin, uint64_t end) {
      for (uint64_t i = below + begin; i < below + end; ++i) {
        double* const row = matrix.row(i) + k;
        algebra_kernel().subtract_row(row[0] / upper[k], upper + k, row, count);
      }
    });
  }
  return sign;
}

uint64_t turn_power_memory(uint64_t rows) { return 6 * rows * rows * sizeof(double); }

}  // namespace ckmerge
