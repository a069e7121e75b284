// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct euclidean_add_difference {
  static constexpr MethodSpec spec{
      .name = "euclidean_add_difference",
      .summary =
          "C, and what A and B have beyond it added up as the sides of a right triangle, as long as their weighted "
          "sum",
      .formula =
          "C + d * |u| / |d| with d = sqrt((1 - alpha) * (a / |a|)^2 + alpha * (b / |b|)^2) with the sign of u, u = "
          "(1 - alpha) * a + alpha * b, a = A - C and b = B - C",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-meh's \"euclidean_add_difference\"",
      .note =
          "Reads the checkpoints twice. A difference that is zero all over counts as that, and C is the result where "
          "both are; where NaN or Inf leaves no lengths it is, too, save that such elements have no value.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1",
                       "whose difference, from A's (0) to B's (1), not beyond"}}},
      .parameter_count = 1};

  // Of a and of b under the root; alpha, as given; and of the root.
  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number;
    if (alpha < 0 || alpha > 1) return "alpha must lie between 0 and 1: beyond, there is no root";
    c[0] = 0;
    c[1] = 0;
    c[2] = alpha;
    c[3] = 1;
    return nullptr;
  }

  static Symbol weighted(const Tracing& in) {
    return in.number(1 - in.given(2).given) * (in.x(0) - in.x(2)) + in.given(2) * (in.x(1) - in.x(2));
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    const Symbol a = in.x(0) - in.x(2), b = in.x(1) - in.x(2), u = weighted(in);
    return {{.value = a, .factor = a}, {.value = b, .factor = b}, {.value = u, .factor = u}};
  }

  static bool needs_statistics(std::span<const double> c) { return c[2] != 0 && c[2] != 1; }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const double a = std::sqrt(found.numbers[0]), b = std::sqrt(found.numbers[1]), u = std::sqrt(found.numbers[2]);
    if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(u)) return;
    const double left = a > 0 ? 1 - c[2] : 0, right = b > 0 ? c[2] : 0;
    if (left + right == 0) return;
    const double length = u / std::sqrt(left + right);
    // A power of two, so that squares of tiny or huge elements do not leave F32; they are the same else, to the bit.
    const double scale = length > 0 ? std::ldexp(1.0, std::clamp(-std::ilogb(length), -kMostScale, kMostScale)) : 1;
    out[0] = a > 0 ? scale * length * std::sqrt(left) / a : 0;
    out[1] = b > 0 ? scale * length * std::sqrt(right) / b : 0;
    out[3] = 1 / scale;
  }

  static constexpr int kMostScale = 100;

  static auto formula(const auto& in) {
    if (in.given(2).is(0)) return in.x(0);
    if (in.given(2).is(1)) return in.x(1);
    const auto a = in.c(0) * (in.x(0) - in.x(2)), b = in.c(1) * (in.x(1) - in.x(2));
    return in.keeping_equal(in.x(2) + with_sign(in.c(3) * square_root(a * a + b * b), weighted(in)));
  }
};

}  // namespace ckmerge::method
