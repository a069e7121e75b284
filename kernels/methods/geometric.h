// SPDX-License-Identifier: Apache-2.0
// geometric: the weighted geometric mean of two checkpoints: the real part of A^(1 - alpha) * B^alpha.
#pragma once

#include "kernels/math.h"
#include "kernels/method.h"

namespace ckmerge::method {

struct geometric {
  static constexpr MethodSpec spec{
      .name = "geometric",
      .summary = "the weighted geometric mean of two checkpoints, alpha of the way from A to B",
      .formula = "|A|^(1 - alpha) * |B|^alpha with the sign of A, times cos(pi * alpha) where the signs differ",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"geometric_sum\"; Chattiori's \"GEO\"",
      .aliases = {"geometric_sum", "GEO"},
      .note =
          "This is the real part of A^(1 - alpha) * B^alpha, powers being complex, as sd-mecha has it. Chattiori's is "
          "NaN where a weight is negative.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "how far to go from A (0) to B (1), not beyond"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number;
    if (alpha < 0 || alpha > 1) return "alpha must lie between 0 and 1: a weight of 0 has no negative power";
    constexpr double kPi = 0x1.921fb54442d18p+1;
    c[0] = 1 - alpha;
    c[1] = alpha;
    c[2] = math::sin(kPi * (0.5 - alpha));
    return nullptr;
  }

  static auto formula(const auto& in) {
    if (in.c(1).is(1)) return in.x(1);
    const auto a = in.x(0), b = in.x(1);
    const auto mean = power(absolute(a), in.number(in.c(0))) * power(absolute(b), in.number(in.c(1)));
    const auto alike = with_sign(mean, a);
    const auto opposed = with_sign(in.number(1.0), a) * b;  // below 0 where the signs differ
    return in.keeping_equal(where_negative(opposed, in.c(2) * alike, alike));
  }
};

}  // namespace ckmerge::method
