// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct ema_series {
  static constexpr MethodSpec spec{
      .name = "ema_series",
      .summary = "the moving average of checkpoints of one training, from the first to the last",
      .formula = "e_N with e_1 = A and e_k = decay * e_(k-1) + (1 - decay) * checkpoint k, as one weighted sum",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "exponential moving averages of weights, as of training, over saved checkpoints",
      .note =
          "With a decay of 0 the last checkpoint, with 1 the first; linear with the same weights gives the same bits.",
      .parameters = {{{"decay", ParameterKind::number, 0.5, "0.5",
                       "how much of the average before each checkpoint stays, from 0 to 1"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t inputs) { return inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double decay = arguments.values[0].number;
    if (decay < 0 || decay > 1) return "decay must lie between 0 and 1: it is a share of the average before";
    double left = 1;
    for (size_t k = arguments.inputs; k-- > 1; left *= decay) c[k] = left * (1 - decay);
    c[0] = left;
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto sum = in.c(0) * in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) sum = sum + in.c(k) * in.x(k);
    return sum;
  }
};

}  // namespace ckmerge::method
