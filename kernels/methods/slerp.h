// SPDX-License-Identifier: Apache-2.0
// slerp: the arc between two checkpoints instead of the straight line, tensor by tensor. The angle is that between the
// two tensors as vectors; it weights the tensors as they are, so their lengths are interpolated too. Where A has
// channels that B lacks, the vectors are the channels that both have, unless B's count as zero (--expand).
#pragma once

#include <cfloat>
#include <cmath>

#include "kernels/math.h"
#include "kernels/method.h"

namespace ckmerge::method {

struct slerp {
  static constexpr MethodSpec spec{
      .name = "slerp",
      .summary = "the point on the arc between two checkpoints, t of the way from A to B",
      .formula =
          "(sin((1 - t) * theta) * A + sin(t * theta) * B) / sin(theta), theta the angle between the two tensors; "
          "(1 - t) * A + t * B where |cos(theta)| > 0.9995",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "mergekit's \"slerp\"; K. Shoemake, Animating rotation with quaternion curves (1985)",
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

  // The squared norms of A and B, and their dot product.
  static std::vector<Reduced> reductions(const Tracing& in) {
    return {{.value = in.x(0), .factor = in.x(0)},
            {.value = in.x(1), .factor = in.x(1)},
            {.value = in.x(0), .factor = in.x(1)}};
  }

  static bool needs_statistics(std::span<const double> c) { return c[0] != 0 && c[1] != 0; }

  // A vector that is shorter than 1e-8 is not made a unit vector, as in mergekit; its angle then comes out as a right
  // one.
  static double divisor(double squared_norm) {
    const double norm = std::sqrt(squared_norm);
    return norm > 1e-8 ? norm : 1;
  }

  // Where NaN or Inf leaves no angle, mergekit makes all of the tensor NaN. Here the straight line is taken, and only
  // the elements that have no value have none in the output.
  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const std::span<const double> sums = found.numbers;
    const double divisors = divisor(sums[0]) * divisor(sums[1]), cosine = sums[2] / divisors;
    const bool has_angle = divisors <= DBL_MAX && std::fabs(cosine) <= 0.9995;
    const double theta = has_angle ? math::acos(cosine) : 0, sine = math::sin(theta);
    for (size_t k = 0; k < 2; ++k) out[k] = has_angle ? math::sin(c[k] * theta) / sine : c[k];
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); }
};

}  // namespace ckmerge::method
