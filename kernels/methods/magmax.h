// SPDX-License-Identifier: Apache-2.0
// magmax: of the differences from a base, in each element the one of the largest magnitude.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct magmax {
  static constexpr MethodSpec spec{
      .name = "magmax",
      .summary = "A, and in each element the difference of the largest magnitude that another checkpoint has from it",
      .formula = "A + alpha * the largest in magnitude of B - A, C - A, ...",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "MagMax (arXiv:2407.06322)",
      .note =
          "Of two differences of one magnitude the positive one counts, whatever the order of the checkpoints. NaN "
          "where one of them is NaN.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the difference to add", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto largest = in.x(1) - in.x(0);
    for (size_t k = 2; k < in.inputs(); ++k) {
      const auto difference = in.x(k) - in.x(0);
      const auto least = smaller(largest, difference), most = larger(largest, difference);
      largest = where_negative(least + most, least, most);
    }
    return in.x(0) + in.c(0) * largest;
  }
};

}  // namespace ckmerge::method
