// SPDX-License-Identifier: Apache-2.0
// similarity_add_difference: add_difference where A and B differ, their average where they are alike.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct similarity_add_difference {
  static constexpr MethodSpec spec{
      .name = "similarity_add_difference",
      .summary = "add_difference where A and B are unlike, a weighted sum of both where they are alike",
      .formula =
          "(1 - s) * (A + alpha * (B - C)) + s * ((1 - alpha/2) * A + alpha/2 * B) with "
          "s = beta * (A * B / max(|A|, |B|)^2 + 1) / 2",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-meh's \"similarity_add_difference\"; Chattiori's \"SIM\"",
      .aliases = {"SIM"},
      .note =
          "Where A and B both are 0 they are alike: s is beta. Where A + alpha * (B - C) is beyond the range of f32, as "
          "of weights of 1e38, the result is NaN, though it might lie within.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the difference, and twice the share of B",
                       nullptr, kShare},
                      {"beta", ParameterKind::number, 0.5, "0.5", "how much the likeness counts", nullptr, kShare}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number, beta = arguments.values[1].number;
    c[0] = alpha;
    c[1] = 1 - alpha / 2;
    c[2] = alpha / 2;
    c[3] = beta / 2;
    return nullptr;
  }

  static auto formula(const auto& in) {
    const auto one = in.number(1.0);
    const auto a = in.x(0), b = in.x(1), most = larger(absolute(a), absolute(b));
    const auto share = in.c(3) * (quotient_or(a, most, one) * quotient_or(b, most, one) + one);
    const auto moved = a + in.c(0) * (b - in.x(2)), mixed = in.c(1) * a + in.c(2) * b;
    return moved + share * (mixed - moved);
  }
};

}  // namespace ckmerge::method
