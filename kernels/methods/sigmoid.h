// SPDX-License-Identifier: Apache-2.0
// sigmoid: a sum of two checkpoints whose weights follow logistic curves.
#pragma once

#include "kernels/math.h"
#include "kernels/method.h"

namespace ckmerge::method {

struct sigmoid {
  static constexpr MethodSpec spec{
      .name = "sigmoid",
      .summary = "a sum of two checkpoints whose weights follow logistic curves of alpha",
      .formula = "s(4 * alpha) * (A + B) - s(alpha) * A with s(x) = 1 / (1 + exp(-x))",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "Chattiori's \"SIG\"",
      .aliases = {"SIG"},
      .note = "The weights do not add up to one, by its definition: a model merged with itself is not that model.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "where on the curves", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 2; }

  static double logistic(double x) { return 1 / (1 + math::exp(-x)); }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number;
    c[1] = logistic(4 * alpha);
    c[0] = c[1] - logistic(alpha);
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); }
};

}  // namespace ckmerge::method
