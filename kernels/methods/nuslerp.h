// SPDX-License-Identifier: Apache-2.0
// nuslerp: the arc between two checkpoints, or between what they have beyond a third. The angle comes from the distance
// of both, so that checkpoints that differ by a thousandth have theirs, too.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/math.h"
#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct nuslerp {
  static constexpr MethodSpec spec{
      .name = "nuslerp",
      .summary = "the point on the arc between two checkpoints by their weights, or between their differences from A",
      .formula =
          "(sin((1 - t) * theta) * A + sin(t * theta) * B) / sin(theta), theta the angle between the two tensors and t "
          "= "
          "w2 / (w1 + w2); of three checkpoints A + (sin((1 - t) * theta) * (B - A) + sin(t * theta) * (C - A)) / "
          "sin(theta), theta that between the two differences and t = w3 / (w2 + w3)",
      .min_inputs = 2,
      .max_inputs = 3,
      .source = "mergekit's \"nuslerp\", of three checkpoints A is the base",
      .note =
          "Weights that sum to less than 1e-6 either way stand for t = 0.5, as in mergekit. Lengths count as 1e-7 at "
          "the least, so that a tensor of zeros is at a right angle to everything. The straight line is taken where "
          "the sine is below 1e-6, of tensors that are equal or opposite or nearly so, and where NaN or Inf leaves no "
          "angle; mergekit takes it for the former where the computed cosine is exactly 1 or -1, and has noise of full "
          "length for others that are opposite. Otherwise within 1e-6 of the tensor's largest element of mergekit's "
          "in f32.",
      .parameters = {{{"weights", ParameterKind::numbers, 0, "1 each",
                       "one weight per checkpoint; of three, that of A changes nothing", nullptr, kShare}}},
      .parameter_count = 1};

  // math::sin must take any angle times this.
  static constexpr double kLargestT = 100'000;
  static_assert((kLargestT + 1) * 3.15 < math::kLargestAngle);

  // A share for every checkpoint; a base has none.
  static size_t coefficient_count(size_t inputs) { return inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[0].numbers;
    const size_t first = arguments.inputs - 2;
    const double one = weights.empty() ? 1 : weights[first], other = weights.empty() ? 1 : weights[first + 1];
    const double sum = one + other, t = std::fabs(sum) < 1e-6 ? 0.5 : other / sum;
    if (!std::isfinite(sum)) return "the weights are too large to be added up";
    if (!(std::fabs(t) <= kLargestT))
      return "the weights nearly cancel: their sum must be a hundred thousandth of each at least";
    c[0] = 0;
    c[first] = 1 - t;
    c[first + 1] = t;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) { return point_reductions(in, in.inputs() - 2); }

  static bool needs_statistics(std::span<const double> c) { return c[c.size() - 2] != 0 && c[c.size() - 1] != 0; }

  static constexpr double kLeastNorm = 1e-7, kLeastSine = 1e-6;

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const PointSums points(2, found.numbers);
    if (!points.are_finite() || points.are_equal(0, 1)) return;
    const double longer = std::max(points.norm(0), points.norm(1)), shorter = std::min(points.norm(0), points.norm(1));
    double cosine = 0, squared_sine = 1;
    if (shorter > 0) {
      const double chord = points.squared_chord(0, 1);
      const double share = std::min(shorter / kLeastNorm, 1.0) * std::min(longer / kLeastNorm, 1.0);
      cosine = share * (1 - chord / 2);
      squared_sine = share < 1 ? 1 - cosine * cosine : chord - chord * chord / 4;
    }
    if (squared_sine < kLeastSine * kLeastSine) return;
    const double theta = angle_of(cosine, squared_sine), sine = math::sin(theta);
    for (size_t k = c.size() - 2; k < c.size(); ++k) out[k] = math::sin(c[k] * theta) / sine;
  }

  static auto formula(const auto& in) {
    if (in.inputs() == 2) return in.c(0) * in.x(0) + in.c(1) * in.x(1);
    if (in.c(2).is(0)) return in.x(1);
    if (in.c(1).is(0)) return in.x(2);
    return in.x(0) + (in.c(1) * (in.x(1) - in.x(0)) + in.c(2) * (in.x(2) - in.x(0)));
  }
};

}  // namespace ckmerge::method
