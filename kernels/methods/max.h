// SPDX-License-Identifier: Apache-2.0
// max: the largest of the checkpoints' values, element by element.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct max {
  static constexpr MethodSpec spec{.name = "max",
                                   .summary = "the largest value of any number of checkpoints, element by element",
                                   .formula = "max(A, B, C, ...)",
                                   .min_inputs = 2,
                                   .max_inputs = 0,
                                   .source = "Chattiori's \"MAX\"",
                                   .aliases = {"maximum"},
                                   .note = "NaN where one of them is NaN."};

  static size_t coefficient_count(size_t) { return 0; }
  static const char* coefficients(const Arguments&, std::span<double>) { return nullptr; }

  static auto formula(const auto& in) {
    auto largest = in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) largest = larger(largest, in.x(k));
    return largest;
  }
};

}  // namespace ckmerge::method
