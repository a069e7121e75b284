// SPDX-License-Identifier: Apache-2.0
// scale: one checkpoint, times a number.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct scale {
  static constexpr MethodSpec spec{
      .name = "scale",
      .summary = "one checkpoint, times a number",
      .formula = "alpha * A",
      .min_inputs = 1,
      .max_inputs = 1,
      .source = "sd-mecha's \"scale\"; mergekit's \"passthrough\" with a scale",
      .aliases = {"passthrough"},
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "the number", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0); }
};

}  // namespace ckmerge::method
