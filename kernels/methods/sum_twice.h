// SPDX-License-Identifier: Apache-2.0
// sum_twice: two weighted sums, one of the result of the other.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct sum_twice {
  static constexpr MethodSpec spec{.name = "sum_twice",
                                   .summary = "the weighted sum of A and B, and of that and C",
                                   .formula = "(1 - beta) * ((1 - alpha) * A + alpha * B) + beta * C",
                                   .min_inputs = 3,
                                   .max_inputs = 3,
                                   .source = "supermerger's \"sum Twice\"",
                                   .aliases = {"ST"},
                                   .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5",
                                                    "how far to go from A (0) to B (1)", nullptr, kShare},
                                                   {"beta", ParameterKind::number, 0.25, "0.25",
                                                    "how far to go from there (0) to C (1)", nullptr, kShare}}},
                                   .parameter_count = 2};

  static size_t coefficient_count(size_t) { return 4; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number, beta = arguments.values[1].number;
    c[0] = 1 - alpha;
    c[1] = alpha;
    c[2] = 1 - beta;
    c[3] = beta;
    return nullptr;
  }

  static auto formula(const auto& in) { return in.c(2) * (in.c(0) * in.x(0) + in.c(1) * in.x(1)) + in.c(3) * in.x(2); }
};

}  // namespace ckmerge::method
