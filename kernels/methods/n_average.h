// SPDX-License-Identifier: Apache-2.0
// n_average: the average of any number of checkpoints.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct n_average {
  static constexpr MethodSpec spec{.name = "n_average",
                                   .summary = "the average of any number of checkpoints",
                                   .formula = "1/N * A + 1/N * B + 1/N * C + ...",
                                   .min_inputs = 1,
                                   .max_inputs = 0,
                                   .source = "sd-mecha's \"n_average\"; model soups (arXiv:2203.05482)",
                                   .aliases = {"simple_average"},
                                   .note = "The same bits as linear without weights."};

  static size_t coefficient_count(size_t inputs) { return inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (double& weight : c) weight = 1.0 / static_cast<double>(arguments.inputs);
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto sum = in.c(0) * in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) sum = sum + in.c(k) * in.x(k);
    return sum;
  }
};

}  // namespace ckmerge::method
