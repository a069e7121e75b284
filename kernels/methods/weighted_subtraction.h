// SPDX-License-Identifier: Apache-2.0
// weighted_subtraction: what A was before a share of B was mixed into it.
#pragma once

#include <cmath>

#include "kernels/method.h"

namespace ckmerge::method {

struct weighted_subtraction {
  static constexpr MethodSpec spec{
      .name = "weighted_subtraction",
      .summary = "A without a share of B: what gives A when it is mixed with alpha * beta of B",
      .formula = "(A - alpha * beta * B) / (1 - alpha * beta)",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-meh's \"weighted_subtraction\"",
      .note =
          "Where alpha * beta is 1 nothing of A is left to divide, and it is refused; sd-meh takes 1e-10 off beta and "
          "writes noise.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "share of B in A, times beta", nullptr, kShare},
                      {"beta", ParameterKind::number, 0.5, "0.5", "share of B in A, times alpha", nullptr, kShare}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double share = arguments.values[0].number * arguments.values[1].number;
    // 1 / 1.1 * 1.1 is 1 to whoever wrote it.
    if (std::fabs(1 - share) <= 1e-12) return "alpha times beta is 1, which leaves nothing of A to divide";
    c[0] = 1 / (1 - share);
    c[1] = -share / (1 - share);
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); }
};

}  // namespace ckmerge::method
