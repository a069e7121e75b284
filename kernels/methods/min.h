// SPDX-License-Identifier: Apache-2.0
// min: the smallest of the checkpoints' values, element by element.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct min {
  static constexpr MethodSpec spec{.name = "min",
                                   .summary = "the smallest value of any number of checkpoints, element by element",
                                   .formula = "min(A, B, C, ...)",
                                   .min_inputs = 2,
                                   .max_inputs = 0,
                                   .source = "the counterpart of max",
                                   .aliases = {"minimum"},
                                   .note = "NaN where one of them is NaN."};

  static size_t coefficient_count(size_t) { return 0; }
  static const char* coefficients(const Arguments&, std::span<double>) { return nullptr; }

  static auto formula(const auto& in) {
    auto smallest = in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) smallest = smaller(smallest, in.x(k));
    return smallest;
  }
};

}  // namespace ckmerge::method
