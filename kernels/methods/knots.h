// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct knots {
  static constexpr MethodSpec spec{
      .name = "knots",
      .summary = "A, and what others have beyond it, merged by ties in the singular vectors that all of them share",
      .formula =
          "A + alpha * U * m(s * V2, s * V3, ...): U * s * [V2 V3 ...] are the singular values and vectors of "
          "[B - A, C - A, ...], side by side; m is ties: each keeps the share density of its largest magnitudes, in "
          "each element only those count whose sign, weighted, is that of their sum, divided by the sum of their "
          "weights; of deltas without A",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "KnOTS (arXiv:2410.19735), whose program has the singular values on V and the average, too",
      .note =
          "A tensor is a matrix of its first dimension times all others. Vectors, scalars and a tensor in which some "
          "element is NaN or infinite are merged by m as they are. Magnitudes are chosen in each tensor, of equal "
          "ones those that come first, where the paper's program chooses among those of the whole model; singular "
          "values below 1e-12 of the largest are left out. Without elect, and with density 1, it is task_arithmetic. "
          "Biases are not joined to their weights. Of equal singular values the vectors are not the only ones.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of it to add", nullptr, kShare},
                      {"weights", ParameterKind::numbers, 0, "1 each", "one weight per checkpoint, A's included",
                       nullptr, kShare, 1},
                      {"density", ParameterKind::number, 1, "1", "share of the elements that stay, from 0 to 1"},
                      {"elect", ParameterKind::flag, 1, "on", "count only what has the sign of the sum"},
                      {"normalize", ParameterKind::flag, 1, "on", "divide the sum by that of the weights that count"}}},
      .parameter_count = 5,
      .of_whole_tensors = true};

  // Behind alpha, density, elect and normalize the weights of all inputs.
  static size_t coefficient_count(size_t inputs) { return 4 + inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    c[0] = values[0].number;
    for (size_t k = 1; k < 4; ++k) c[k] = values[k + 1].number;
    const std::span<const double> weights = values[1].numbers;
    for (size_t k = 0; k < arguments.inputs; ++k) c[4 + k] = weights.empty() ? 1 : weights[k];
    if (c[1] < 0 || c[1] > 1) return "density must lie between 0 and 1: it is a share of elements";
    return nullptr;
  }
};

}  // namespace ckmerge::method
