// SPDX-License-Identifier: Apache-2.0
// Tensors as points: how long each is, how far each pair lies apart. It is all that means, medians and arcs need to
// know of them, however often they iterate: angles, and distances to any linear combination, follow from it. Of points
// that lie close the distance is a sum over differences: |x|^2 + |y|^2 - 2xy of two checkpoints that differ by a
// millionth has lost twelve of its sixteen digits. Of others it is that of inner products, whose terms are exact in
// f64, while differences are rounded to f32: by these alone opposite points would look as if they were not.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/method.h"

namespace ckmerge {

/// What is summed up of the inputs from `first` on: the squares of each, then of each pair the products and the squares
/// of the difference. From 1 on, the first input is the origin.
std::vector<Reduced> point_reductions(const Tracing& in, size_t first);

/// Of the differences of pairs alone.
std::vector<Reduced> distance_reductions(const Tracing& in);

/// The squared distance of two points where they are scaled to length 1: from 0 (one direction) to 4 (opposite ones),
/// by their lengths, their inner product and the square of their distance. REQUIRES: neither length is 0.
double squared_chord(const std::array<double, 2>& lengths, double product, double squared_distance);

class PointSums {
 public:
  /// `found` are the sums of point_reductions() of `count` points.
  PointSums(size_t count, std::span<const double> found);

  size_t count() const { return norms_.size(); }
  double norm(size_t i) const { return norms_[i]; }
  bool are_equal(size_t i, size_t j) const { return distances_[i * count() + j] == 0; }

  /// Of points i and j. REQUIRES: neither norm is 0.
  double squared_chord(size_t i, size_t j) const;

  /// False where NaN or Inf, or squares beyond f64, leave no distances.
  bool are_finite() const { return finite_; }

 private:
  std::vector<double> norms_, products_, distances_;  // of pairs: matrices, row by row
  bool finite_ = true;
};

/// Numbers of pairs as a symmetric matrix, row by row: every `step`-th of `found` from `first` on is one, of the pairs
/// (0, 1), (0, 2), ..., (1, 2), ...
std::vector<double> pair_matrix(size_t count, std::span<const double> found, size_t first = 0, size_t step = 1);

/// A linear combination of points of length 1, of which the squared chords of all pairs are known (row by row).
class PointCombination {
 public:
  PointCombination(std::span<const double> coefficients, std::span<const double> squared_chords);

  /// Of the combination. The sum of coefficients comes in as it is, and all else as distances, so that nothing is lost
  /// where the points nearly are one.
  double squared_norm() const;
  /// The inner product with point i.
  double with(size_t i) const { return sum_ - towards_[i] / 2; }
  /// The squared norm of what of point i is at a right angle to the combination, times that of the combination.
  double squared_rest(size_t i) const { return sum_ * towards_[i] - spread_ - towards_[i] * towards_[i] / 4; }

 private:
  double sum_ = 0, spread_ = 0;  // of coefficients; half of the products of two with their squared chord
  std::vector<double> towards_;  // of each point, products of coefficients with squared chords
};

/// The angle between two vectors by its cosine and the square of its sine, whichever of both tells it better.
double angle_of(double cosine, double squared_sine);

}  // namespace ckmerge
