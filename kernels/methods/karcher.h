// SPDX-License-Identifier: Apache-2.0
// karcher: the centre of checkpoints as directions, the point of the sphere from which the squares of the angles to all
// of them are least. Each step towards it is a linear combination of the checkpoints, so that lengths and distances of
// pairs, gathered once, are all that the steps need: they run on as many numbers as there are checkpoints.
#pragma once

#include <cmath>
#include <optional>
#include <vector>

#include "kernels/math.h"
#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct karcher {
  static constexpr MethodSpec spec{
      .name = "karcher",
      .summary = "the centre of the checkpoints' directions on the sphere, as long as they are on average",
      .formula =
          "average of |A|, |B|, ... * m, from the average direction on m = exp(m, average of log(m, A/|A|), log(m, "
          "B/|B|), ...) up to max_iter times, until a step is shorter than tol",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "mergekit's \"karcher\"; H. Karcher, Riemannian center of mass (1977); arXiv:2603.04972",
      .note =
          "Reads the checkpoints twice: lengths and distances of all pairs are gathered once, steps are computed of "
          "those in f64, and the result is a linear combination of the checkpoints. A tensor that is not longer than "
          "tol has no direction and counts with its length alone; where none is longer, where one lies opposite to "
          "the centre (a sine below 1e-6), and where NaN or Inf leaves no lengths, the result is the average. "
          "mergekit's has zeros in the first of these cases and noise of full length in the second. Otherwise within "
          "1e-6 of the tensor's largest element of mergekit's in f32.",
      .parameters = {{{"max_iter", ParameterKind::number, 10, "10", "how many steps at most: a whole number from 0",
                       "max-iter"},
                      {"tol", ParameterKind::number, 1e-5, "0.00001",
                       "which steps, angles and lengths of tensors are too small to count"}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t inputs) { return inputs + 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double most = arguments.values[0].number, tol = arguments.values[1].number;
    if (most < 0 || most > 100'000 || most != std::floor(most))
      return "max_iter must be a whole number from 0 to 100000";
    if (tol < 0) return "tol must not be below 0";
    for (double& weight : c) weight = 1 / static_cast<double>(arguments.inputs);
    c[arguments.inputs] = most;
    c[arguments.inputs + 1] = tol;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) { return point_reductions(in, 0); }

  static bool needs_statistics(std::span<const double> c) { return c.size() > 3; }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const size_t count = c.size() - 2;
    const PointSums points(count, found.numbers);
    if (!points.are_finite()) return;
    double length = 0;
    std::vector<size_t> longer;
    for (size_t k = 0; k < count; ++k) {
      length += points.norm(k) / static_cast<double>(count);
      if (points.norm(k) > c[count + 1]) longer.push_back(k);
    }
    std::vector<double> chords;
    for (const size_t i : longer)
      for (const size_t j : longer) chords.push_back(points.squared_chord(i, j));
    const std::optional<std::vector<double>> centre = centre_of(chords, longer.size(), c[count], c[count + 1]);
    if (!centre) return;
    for (double& weight : out) weight = 0;
    for (size_t i = 0; i < longer.size(); ++i) out[longer[i]] = length / points.norm(longer[i]) * (*centre)[i];
  }

  // Opposite directions have no step towards each other, and below this sine there is no telling its direction.
  static constexpr double kLeastSine = 1e-6;

  // The centre of unit vectors as a linear combination of them, by the squared chords of all pairs. Empty where there
  // is none.
  static std::optional<std::vector<double>> centre_of(const std::vector<double>& chords, size_t count, double most,
                                                      double tol) {
    if (count == 0) return std::nullopt;
    std::vector<double> centre(count, 1 / static_cast<double>(count));
    const double norm = std::sqrt(PointCombination(centre, chords).squared_norm());
    if (norm < tol || norm == 0) {  // as mergekit does
      centre.assign(count, 0);
      centre[0] = 1;
    }
    make_unit(centre, chords);
    for (double step = 0; step < most; ++step) {
      const std::optional<std::vector<double>> tangent = tangent_at(centre, chords, tol);
      if (!tangent) return std::nullopt;
      const double angle = std::sqrt(PointCombination(*tangent, chords).squared_norm());
      if (angle < tol || angle == 0) break;
      const double ahead = math::cos(angle), aside = math::sin(angle) / angle;
      for (size_t i = 0; i < count; ++i) centre[i] = ahead * centre[i] + aside * (*tangent)[i];
      make_unit(centre, chords);
    }
    return centre;
  }

  static void make_unit(std::vector<double>& centre, const std::vector<double>& chords) {
    const double norm = std::sqrt(PointCombination(centre, chords).squared_norm());
    for (double& coefficient : centre) coefficient /= norm;
  }

  // The average of what leads from `centre`, of length 1, to each vector. Empty where one lies opposite.
  static std::optional<std::vector<double>> tangent_at(const std::vector<double>& centre,
                                                       const std::vector<double>& chords, double tol) {
    const PointCombination at(centre, chords);
    const auto count = static_cast<double>(centre.size());
    std::vector<double> tangent(centre.size());
    double back = 0;
    for (size_t i = 0; i < centre.size(); ++i) {
      const double cosine = at.with(i), squared_sine = at.squared_rest(i), angle = angle_of(cosine, squared_sine);
      const bool is_straight = squared_sine < kLeastSine * kLeastSine;
      if (is_straight && cosine < 0) return std::nullopt;
      if (angle < tol) continue;
      tangent[i] = (is_straight ? 1 : angle / math::sin(angle)) / count;
      back += tangent[i] * cosine;
    }
    for (size_t i = 0; i < centre.size(); ++i) tangent[i] -= back * centre[i];
    return tangent;
  }

  static auto formula(const auto& in) {
    auto sum = in.c(0) * in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) sum = sum + in.c(k) * in.x(k);
    return sum;
  }
};

}  // namespace ckmerge::method
