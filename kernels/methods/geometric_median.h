// SPDX-License-Identifier: Apache-2.0
// geometric_median: the point from which the distances to all checkpoints add up to the least, tensor by tensor. One
// checkpoint that went astray moves it little, however far it went. Weiszfeld's steps are averages with other weights,
// and distances to an average follow from those of pairs, so that one reading does for any number of steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct geometric_median {
  static constexpr MethodSpec spec{
      .name = "geometric_median",
      .summary = "the point from which the distances to all checkpoints add up to the least, tensor by tensor",
      .formula =
          "w1 * A + w2 * B + ... with each w in proportion to 1 / max(distance to the result of the step before, eps), "
          "from the average on, up to max_iter steps, until the sum of distances changes by ftol of itself at most",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "sd-mecha's \"geometric_median\"; E. Weiszfeld (1937)",
      .note =
          "Reads the checkpoints twice: distances of all pairs are gathered once, steps are computed of those in f64, "
          "and the result is a linear combination of the checkpoints. Where NaN or Inf leaves no distances it is the "
          "average. sd-mecha stops where two sums of f32 are the same, which is 1e-4 to 1e-3 of the tensor's largest "
          "element short of this; with its merge_dtype of float64 both are the same within 1e-6 of that.",
      .parameters = {{{"eps", ParameterKind::number, 1e-6, "0.000001", "the least distance that counts"},
                      {"max_iter", ParameterKind::number, 100, "100", "how many steps at most: a whole number from 0",
                       "max-iter"},
                      {"ftol", ParameterKind::number, 1e-20, "1e-20", "which change of the sum of distances ends it"}}},
      .parameter_count = 3};

  static size_t coefficient_count(size_t inputs) { return inputs + 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double eps = arguments.values[0].number, most = arguments.values[1].number;
    if (eps < 1e-100) return "eps must be 1e-100 at least: a distance of 0 would have a weight without end";
    if (most < 0 || most > 100'000 || most != std::floor(most))
      return "max_iter must be a whole number from 0 to 100000";
    if (arguments.values[2].number < 0) return "ftol must not be below 0";
    for (double& weight : c) weight = 1 / static_cast<double>(arguments.inputs);
    for (size_t k = 0; k < 3; ++k) c[arguments.inputs + k] = arguments.values[k].number;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) { return distance_reductions(in); }

  static bool needs_statistics(std::span<const double> c) { return c.size() > 4; }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const size_t count = c.size() - 3;
    const double eps = c[count], most = c[count + 1], ftol = c[count + 2];
    if (!std::ranges::all_of(found.numbers, [](double sum) { return std::isfinite(sum); })) return;
    const std::vector<double> squares = pair_matrix(count, found.numbers);
    const std::span<double> weights = out.first(count);
    std::vector<double> distances = distances_to(weights, squares);
    double all = sum_of(distances);
    for (double step = 0; step < most; ++step) {
      for (size_t i = 0; i < count; ++i) weights[i] = 1 / std::max(distances[i], eps);
      const double sum = sum_of(weights), before = all;
      for (double& weight : weights) weight /= sum;
      distances = distances_to(weights, squares);
      all = sum_of(distances);
      if (std::fabs(before - all) <= ftol * all) break;
    }
  }

  static double sum_of(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }

  // Of each point to the average with these weights, which add up to one.
  static std::vector<double> distances_to(std::span<const double> weights, std::span<const double> squares) {
    const size_t count = weights.size();
    std::vector<double> distances;
    double spread = 0;
    for (size_t i = 0; i < count; ++i) {
      double square = 0;
      for (size_t j = 0; j < count; ++j) square += weights[j] * squares[i * count + j];
      distances.push_back(square);
      spread += weights[i] * square / 2;
    }
    for (double& distance : distances) distance = std::sqrt(std::max(distance - spread, 0.0));
    return distances;
  }

  // From A on, so that what the checkpoints have in common has no rounding of weights in it.
  static auto formula(const auto& in) {
    if (in.inputs() == 1) return in.x(0);
    auto sum = in.c(1) * (in.x(1) - in.x(0));
    for (size_t k = 2; k < in.inputs(); ++k) sum = sum + in.c(k) * (in.x(k) - in.x(0));
    return in.x(0) + sum;
  }
};

}  // namespace ckmerge::method
