// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "kernels/method.h"

namespace ckmerge::method {

struct task_arithmetic {
  static constexpr MethodSpec spec{
      .name = "task_arithmetic",
      .summary = "what other checkpoints have beyond A, weighted, added up and added to it",
      .formula = "A + alpha * (w2 * (B - A) + w3 * (C - A) + ...), the weights divided by their sum with --normalize",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"task_arithmetic\", of which A is the base and alpha is lambda; arXiv:2212.04089",
      .note = "There is a weight for every checkpoint; that of A, whose difference is 0, changes nothing.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
                      {"weights", ParameterKind::numbers, 0, "1 each", "one weight per checkpoint, A's included",
                       nullptr, kShare, 1},
                      {"normalize", ParameterKind::flag, 0, "off", "divide the weights by their sum without A's"}}},
      .parameter_count = 3};

  static size_t coefficient_count(size_t inputs) { return inputs; }

  // The factor of the sum, and a weight for every checkpoint but A.
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[1].numbers;
    double sum = 0, magnitude = 0;
    for (size_t k = 1; k < c.size(); ++k) {
      c[k] = weights.empty() ? 1 : weights[k];
      sum += c[k];
      magnitude += std::fabs(c[k]);
    }
    c[0] = arguments.values[0].number;
    if (arguments.values[2].number == 0) return nullptr;
    if (!std::isfinite(magnitude)) return "the weights are too large to be added up";
    if (std::fabs(sum) <= 1e-12 * magnitude)
      return "the weights of all but the first checkpoint sum to 0 and cannot be normalized; leave --normalize out";
    for (size_t k = 1; k < c.size(); ++k) c[k] /= sum;
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto sum = in.c(1) * (in.x(1) - in.x(0));
    for (size_t k = 2; k < in.inputs(); ++k) sum = sum + in.c(k) * (in.x(k) - in.x(0));
    return in.x(0) + in.c(0) * sum;
  }
};

}  // namespace ckmerge::method
