// SPDX-License-Identifier: Apache-2.0
#include "kernels/point_sums.h"

#include <algorithm>
#include <cmath>

#include "kernels/math.h"

namespace ckmerge {

std::vector<Reduced> point_reductions(const Tracing& in, size_t first) {
  std::vector<Reduced> all;
  const auto point = [&](size_t i) { return first > 0 ? in.x(i) - in.x(0) : in.x(i); };
  for (size_t i = first; i < in.inputs(); ++i) all.push_back({.value = point(i), .factor = point(i)});
  for (size_t i = first; i < in.inputs(); ++i)
    for (size_t j = i + 1; j < in.inputs(); ++j) {
      const Symbol apart = in.x(j) - in.x(i);
      all.push_back({.value = point(i), .factor = point(j)});
      all.push_back({.value = apart, .factor = apart});
    }
  return all;
}

std::vector<Reduced> distance_reductions(const Tracing& in) {
  std::vector<Reduced> all;
  for (size_t i = 0; i < in.inputs(); ++i)
    for (size_t j = i + 1; j < in.inputs(); ++j) {
      const Symbol apart = in.x(j) - in.x(i);
      all.push_back({.value = apart, .factor = apart});
    }
  return all;
}

std::vector<double> pair_matrix(size_t count, std::span<const double> found, size_t first, size_t step) {
  std::vector<double> matrix(count * count);
  for (size_t i = 0, at = first; i < count; ++i)
    for (size_t j = i + 1; j < count; ++j, at += step) matrix[i * count + j] = matrix[j * count + i] = found[at];
  return matrix;
}

PointSums::PointSums(size_t count, std::span<const double> found)
    : products_(pair_matrix(count, found.subspan(count), 0, 2)),
      distances_(pair_matrix(count, found.subspan(count), 1, 2)) {
  for (size_t i = 0; i < count; ++i) norms_.push_back(std::sqrt(found[i]));
  finite_ = std::ranges::all_of(found, [](double sum) { return std::isfinite(sum); });
}

double squared_chord(const std::array<double, 2>& lengths, double product, double squared_distance) {
  constexpr double kClose = 0.01;  // the rounding of differences is 6e-8 of it at most
  const double both = lengths[0] * lengths[1], longer = lengths[0] - lengths[1];
  const double chord =
      squared_distance < kClose * both ? (squared_distance - longer * longer) / both : 2 - 2 * (product / both);
  return std::clamp(chord, 0.0, 4.0);
}

double PointSums::squared_chord(size_t i, size_t j) const {
  if (i == j) return 0;
  return ckmerge::squared_chord({norms_[i], norms_[j]}, products_[i * count() + j], distances_[i * count() + j]);
}

PointCombination::PointCombination(std::span<const double> coefficients, std::span<const double> squared_chords) {
  const size_t count = coefficients.size();
  for (size_t i = 0; i < count; ++i) {
    double towards = 0;
    for (size_t j = 0; j < count; ++j) towards += coefficients[j] * squared_chords[i * count + j];
    towards_.push_back(towards);
    sum_ += coefficients[i];
    spread_ += coefficients[i] * towards / 2;
  }
}

double PointCombination::squared_norm() const { return std::max(sum_ * sum_ - spread_, 0.0); }

double angle_of(double cosine, double squared_sine) {
  if (squared_sine > 0.25) return math::acos(std::clamp(cosine, -1.0, 1.0));
  const double near = math::asin(std::sqrt(std::max(squared_sine, 0.0)));
  return cosine < 0 ? math::acos(-1) - near : near;
}

}  // namespace ckmerge
