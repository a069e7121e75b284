// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct expo {
  static constexpr MethodSpec spec{
      .name = "expo",
      .summary = "a step from B through A and beyond it, in the direction in which A was trained",
      .formula = "A + alpha * (A - B)",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "ExPO (arXiv:2404.16792), of which B is the model before alignment",
      .parameters = {{{"alpha", ParameterKind::number, 0.3, "0.3", "how far to go beyond A, in steps from B to A"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) { return in.x(0) + in.c(0) * (in.x(0) - in.x(1)); }
};

}  // namespace ckmerge::method
