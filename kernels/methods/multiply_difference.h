// SPDX-License-Identifier: Apache-2.0
// multiply_difference: the weighted geometric mean of two differences from C, in the direction of their weighted sum.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct multiply_difference {
  static constexpr MethodSpec spec{
      .name = "multiply_difference",
      .summary = "C, and the geometric mean of what A and B have beyond it, in the direction of their weighted sum",
      .formula = "C + |A - C|^(1 - alpha) * |B - C|^alpha with the sign of (1 - beta) * A + beta * B - C",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-meh's \"multiply_difference\"; Chattiori's \"MD\"",
      .aliases = {"MD"},
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5",
                       "whose difference sets the size, from A's (0) to B's (1), not beyond"},
                      {"beta", ParameterKind::number, 0.5, "0.5", "whose direction counts, from A's (0) to B's (1)",
                       nullptr, kShare}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number, beta = arguments.values[1].number;
    if (alpha < 0 || alpha > 1) return "alpha must lie between 0 and 1: a difference of 0 has no negative power";
    c[0] = 1 - alpha;
    c[1] = alpha;
    c[2] = 1 - beta;
    c[3] = beta;
    return nullptr;
  }

  static auto formula(const auto& in) {
    const auto a = in.x(0), b = in.x(1), c = in.x(2);
    const auto size = power(absolute(a - c), in.number(in.c(0))) * power(absolute(b - c), in.number(in.c(1)));
    return in.keeping_equal(c + with_sign(size, (in.c(2) * a + in.c(3) * b) - c));
  }
};

}  // namespace ckmerge::method
