// SPDX-License-Identifier: Apache-2.0
// add_difference: what B learned beyond C, added to A.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct add_difference {
  static constexpr MethodSpec spec{
      .name = "add_difference",
      .summary = "what B has beyond C, added to A",
      .formula = "A + alpha * (B - C)",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "AUTOMATIC1111's \"Add difference\"; task arithmetic with one task (arXiv:2212.04089)",
      .aliases = {"AD"},
      .parameters = {{{"alpha", ParameterKind::number, 1.0, "1", "how much of the difference to add", nullptr,
                       kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) { return in.x(0) + in.c(0) * (in.x(1) - in.x(2)); }
};

}  // namespace ckmerge::method
