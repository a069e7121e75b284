// SPDX-License-Identifier: Apache-2.0
// train_difference: what B learned beyond C, added to A as if A had been trained on it: less where A knows it already.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct train_difference {
  static constexpr MethodSpec spec{
      .name = "train_difference",
      .summary = "what B has beyond C, added to A in the measure in which B is not A yet",
      .formula = "A + 1.8 * alpha * |B - A| / (|B - A| + |B - C|) * (B - C)",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "supermerger's \"trainDifference\"; sd-mecha's \"train_difference_mask\"",
      .aliases = {"trainDifference", "TD"},
      .note = "Where both distances are 0 nothing is added.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the difference to add", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = 1.8 * arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) {
    const auto distance = absolute(in.x(1) - in.x(0)), difference = in.x(1) - in.x(2);
    const auto share = quotient_or(distance, distance + absolute(difference), in.number(0.0));
    return in.x(0) + in.c(0) * (share * difference);
  }
};

}  // namespace ckmerge::method
