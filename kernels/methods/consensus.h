// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct consensus {
  static constexpr MethodSpec spec{
      .name = "consensus",
      .summary = "A, and the sum of what others have beyond it, in the elements that enough of them count as theirs",
      .formula =
          "A + alpha * t where at least `least` of d2, d3, ... are threshold * |t - d| or larger in magnitude, else A, "
          "with "
          "d2 = B - A, d3 = C - A, ... and t their sum",
      .min_inputs = 3,
      .max_inputs = 0,
      .source = "consensus merging with TALL masks (arXiv:2405.07813)",
      .note = "NaN where one of the checkpoints is NaN.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
                      {"threshold", ParameterKind::number, 0.4, "0.4",
                       "how large a difference must be beside the rest of the sum"},
                      {"least", ParameterKind::number, 2, "2", "how many must agree: a whole number from 0"}}},
      .parameter_count = 3};

  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 3; ++k) c[k] = arguments.values[k].number;
    if (c[1] < 0) return "threshold must not be below 0";
    if (c[2] < 0 || c[2] != std::floor(c[2])) return "least must be a whole number from 0";
    if (c[2] > static_cast<double>(arguments.inputs - 1))
      return "least must not be more than there are checkpoints beside A: nothing would be added";
    return nullptr;
  }

  static auto formula(const auto& in) {
    const auto zero = in.number(0.0), one = in.number(1.0);
    std::vector<Symbol> deltas;
    for (size_t k = 1; k < in.inputs(); ++k) deltas.push_back(in.x(k) - in.x(0));
    auto sum = deltas[0];
    for (size_t k = 1; k < deltas.size(); ++k) sum = sum + deltas[k];
    auto count = zero;
    for (const auto& delta : deltas)
      count = count + where_less(absolute(delta), in.c(1) * absolute(sum - delta), zero, one);
    const auto added = in.c(0) * sum;
    // NaN is on no side of a comparison, and is counted.
    return in.keeping_equal(in.x(0) + where_less(count, in.number(in.c(2).given - 0.5), zero, added));
  }
};

}  // namespace ckmerge::method
