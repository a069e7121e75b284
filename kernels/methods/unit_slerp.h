// SPDX-License-Identifier: Apache-2.0
// unit_slerp: the arc between two tensors' directions, and the straight line between their lengths. slerp turns the
// tensors as they are, so that the result of unlike ones is longer than both; here it is as long as lies between them.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/math.h"
#include "kernels/method.h"
#include "kernels/point_sums.h"

namespace ckmerge::method {

struct unit_slerp {
  static constexpr MethodSpec spec{
      .name = "unit_slerp",
      .summary =
          "the direction on the arc between those of two checkpoints, t of the way, with a length between theirs",
      .formula =
          "((1 - t) * |A| + t * |B|) * (sin((1 - t) * theta) * A / |A| + sin(t * theta) * B / |B|) / sin(theta), theta "
          "the angle between the two tensors",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"slerp\"",
      .note =
          "However close two tensors are, they have an angle. The straight line is taken where the sine is below 1e-6, "
          "of tensors that are equal or opposite or nearly so, where one is zero, and where NaN or Inf leaves no "
          "angle; "
          "sd-mecha takes it where f32 leaves none, and has noise for opposite ones. Otherwise within 1e-6 of the "
          "tensor's largest element of sd-mecha's in f32.",
      .parameters = {{{"t", ParameterKind::number, 0.5, "0.5",
                       "how far to go from A (0) to B (1), 100000 at most either way", "alpha", kShare}}},
      .parameter_count = 1};

  // math::sin must take any angle times this.
  static constexpr double kLargestT = 100'000;
  static_assert((kLargestT + 1) * 3.15 < math::kLargestAngle);

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double t = arguments.values[0].number;
    if (std::fabs(t) > kLargestT) return "t is too far from 0; it must lie between -100000 and 100000";
    c[0] = 1 - t;
    c[1] = t;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) { return point_reductions(in, 0); }

  static bool needs_statistics(std::span<const double> c) { return c[0] != 0 && c[1] != 0; }

  static constexpr double kLeastSine = 1e-6;

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const PointSums points(2, found.numbers);
    if (!points.are_finite() || points.norm(0) == 0 || points.norm(1) == 0) return;
    const double chord = points.squared_chord(0, 1), squared_sine = chord - chord * chord / 4;
    if (squared_sine < kLeastSine * kLeastSine) return;
    const double theta = angle_of(1 - chord / 2, squared_sine);
    const double length = (c[0] * points.norm(0) + c[1] * points.norm(1)) / math::sin(theta);
    for (size_t k = 0; k < 2; ++k) out[k] = length * (math::sin(c[k] * theta) / points.norm(k));
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); }
};

}  // namespace ckmerge::method
