// SPDX-License-Identifier: Apache-2.0
// weighted_sum: the straight line between two checkpoints.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct weighted_sum {
  static constexpr MethodSpec spec{.name = "weighted_sum",
                                   .summary = "the point between two checkpoints, alpha of the way from A to B",
                                   .formula = "(1 - alpha) * A + alpha * B",
                                   .min_inputs = 2,
                                   .max_inputs = 2,
                                   .source = "AUTOMATIC1111's \"Weighted sum\"; linear interpolation of weights",
                                   .aliases = {"lerp", "Weight sum", "WS"},
                                   .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5",
                                                    "how far to go from A (0) to B (1)", nullptr, kShare}}},
                                   .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number;
    c[0] = 1 - alpha;
    c[1] = alpha;
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); }
};

}  // namespace ckmerge::method
