// SPDX-License-Identifier: Apache-2.0
// multislerp: the weighted average of directions, as long as the tensors are on a weighted average. mergekit's way
// there ends with a walk along the average of the tangents at the average direction, which is zero: each is its vector
// less what lies along that direction, and so is their sum. So there is nothing to walk.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct multislerp {
  static constexpr MethodSpec spec{
      .name = "multislerp",
      .summary = "the weighted average of the checkpoints' directions, as long as they are on a weighted average",
      .formula =
          "(w1 * |A| + w2 * |B| + ...) * m / |m| with m = w1 * A / (|A| + eps) + w2 * B / (|B| + eps) + ...; with "
          "--base A is added to what that is of B - A, C - A, ...",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "mergekit's \"multislerp\"",
      .note =
          "Reads the checkpoints twice: lengths and distances of all pairs are gathered once, and the result is a "
          "linear combination of the checkpoints. Where m is shorter than eps, or than a millionth of the weights, as "
          "of two opposite tensors with one weight, directions cancel and what is left of them is noise: the result is "
          "w1 * A + w2 * B + ..., as of tensors whose lengths NaN or Inf leaves unknown; mergekit has that for two "
          "tensors that cancel to 1e-8, and an error for more. One checkpoint, or one beside the base, is itself, "
          "whatever its weight. Otherwise within 1e-6 of the tensor's largest element of mergekit's in f32.",
      .parameters = {{{"weights", ParameterKind::numbers, 0, "1 each",
                       "one weight per checkpoint, with --base one for A too, which changes nothing", nullptr, kShare},
                      {"normalize", ParameterKind::flag, 1, "on", "divide the weights by their sum"},
                      {"base", ParameterKind::flag, 0, "off",
                       "A is what the others' differences from it are merged of and added to"},
                      {"eps", ParameterKind::number, 1e-8, "1e-8", "what is added to lengths"}}},
      .parameter_count = 4};

  // Weights, eps, and whether there is a base.
  static size_t coefficient_count(size_t inputs) { return inputs + 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[0].numbers;
    const bool has_base = arguments.values[2].number != 0;
    const size_t count = arguments.inputs;
    if (has_base && count < 2) return "a base by itself has nothing to be added to it; give more checkpoints";
    if (arguments.values[3].number < 0) return "eps must not be below 0";
    double sum = 0, magnitude = 0;
    for (size_t k = 0; k < count; ++k) {
      c[k] = has_base && k == 0 ? 0 : weights.empty() ? 1 : weights[k];
      sum += c[k];
      magnitude += std::fabs(c[k]);
    }
    c[count] = arguments.values[3].number;
    c[count + 1] = has_base ? 1 : 0;
    if (arguments.values[1].number == 0) return nullptr;
    if (!std::isfinite(magnitude)) return "the weights are too large to be added up";
    if (std::fabs(sum) <= 1e-12 * magnitude)
      return "the weights sum to 0 and cannot be normalized; give others, or --no-normalize";
    for (size_t k = 0; k < count; ++k) c[k] /= sum;
    return nullptr;
  }

  // Of the first of what is merged.
  static size_t first_of(std::span<const double> c) { return c.back() != 0 ? 1 : 0; }

  static std::vector<Reduced> reductions(const Tracing& in) {
    return point_reductions(in, in.given(in.inputs() + 1).is(1) ? 1 : 0);
  }

  static bool needs_statistics(std::span<const double> c) { return c.size() - 2 - first_of(c) > 1; }

  // Below this share of the weights the average direction is what rounding left of it.
  static constexpr double kLeastShare = 1e-6;

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const size_t first = first_of(c), count = c.size() - 2 - first;
    const double eps = c[c.size() - 2];
    const PointSums points(count, found.numbers);
    if (!points.are_finite()) return;
    std::vector<double> weights, chords;
    double length = 0, magnitude = 0;
    for (size_t i = 0; i < count; ++i) {
      const double weight = c[first + i], norm = points.norm(i);
      weights.push_back(norm == 0 ? 0 : weight * (norm / (norm + eps)));
      length += weight * norm;
      magnitude += std::fabs(weights.back());
      for (size_t j = 0; j < count; ++j)
        chords.push_back(norm == 0 || points.norm(j) == 0 ? 0 : points.squared_chord(i, j));
    }
    const double average = std::sqrt(PointCombination(weights, chords).squared_norm());
    if (!(average >= eps && average > kLeastShare * magnitude)) return;
    for (size_t i = 0; i < count; ++i)
      out[first + i] = weights[i] == 0 ? 0 : length / average * (weights[i] / points.norm(i));
  }

  static auto formula(const auto& in) {
    const size_t first = in.given(in.inputs() + 1).is(1) ? 1 : 0;
    if (in.inputs() == first + 1) return in.x(first);
    const auto term = [&](size_t k) { return in.c(k) * (first > 0 ? in.x(k) - in.x(0) : in.x(k)); };
    auto sum = term(first);
    for (size_t k = first + 1; k < in.inputs(); ++k) sum = sum + term(k);
    return first > 0 ? in.x(0) + sum : sum;
  }
};

}  // namespace ckmerge::method
