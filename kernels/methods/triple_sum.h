// SPDX-License-Identifier: Apache-2.0
// triple_sum: the weighted sum of three checkpoints.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct triple_sum {
  static constexpr MethodSpec spec{
      .name = "triple_sum",
      .summary = "the weighted sum of three checkpoints",
      .formula = "(1 - alpha - beta) * A + alpha * B + beta * C",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "supermerger's \"Triple sum\"",
      .aliases = {"TRS"},
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "how much of B", nullptr, kShare},
                      {"beta", ParameterKind::number, 0.25, "0.25", "how much of C", nullptr, kShare}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[1] = arguments.values[0].number;
    c[2] = arguments.values[1].number;
    c[0] = 1 - c[1] - c[2];
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1) + in.c(2) * in.x(2); }
};

}  // namespace ckmerge::method
