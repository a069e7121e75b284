// SPDX-License-Identifier: Apache-2.0
// add_opposite: what B has beyond C, added to A in the measure in which A and B lie on opposite sides of C.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct add_opposite {
  static constexpr MethodSpec spec{
      .name = "add_opposite",
      .summary = "what B has beyond C, added to A in the measure in which they differ from C in opposite directions",
      .formula = "A + 2 * alpha * |A - B| / (|A - B| + |A + B - 2 * C|) * (B - C)",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-mecha's \"add_opposite_mask\"",
      .note = "Where both distances are 0 nothing is added.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the difference to add", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = 2 * arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) {
    const auto distance = absolute(in.x(0) - in.x(1)), difference = in.x(1) - in.x(2);
    const auto both = absolute((in.x(0) - in.x(2)) + difference);
    const auto share = quotient_or(distance, distance + both, in.number(0.0));
    return in.x(0) + in.c(0) * (share * difference);
  }
};

}  // namespace ckmerge::method
