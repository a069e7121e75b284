// SPDX-License-Identifier: Apache-2.0
// add_strict_opposite: as add_opposite, and nothing where A and B lie on one side of C.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct add_strict_opposite {
  static constexpr MethodSpec spec{
      .name = "add_strict_opposite",
      .summary = "what B has beyond C, added to A where they differ from C in opposite directions and nowhere else",
      .formula = "A + 2 * alpha * max(0, (C - A) * (B - C)) / max(|A - C|, |B - C|)^2 * (B - C)",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-mecha's \"add_strict_opposite_mask\"",
      .note = "Where both differences are 0 nothing is added.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the difference to add", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = 2 * arguments.values[0].number;
    return nullptr;
  }

  // Quotients are multiplied, because a square of small differences would vanish.
  static auto formula(const auto& in) {
    const auto zero = in.number(0.0);
    const auto a = in.x(2) - in.x(0), b = in.x(1) - in.x(2), most = larger(absolute(a), absolute(b));
    const auto share = larger(quotient_or(a, most, zero) * quotient_or(b, most, zero), zero);
    return in.x(0) + in.c(0) * (share * b);
  }
};

}  // namespace ckmerge::method
