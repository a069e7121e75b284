// SPDX-License-Identifier: Apache-2.0
// linear: the weighted sum of any number of checkpoints ("model soup" with equal weights).
#pragma once

#include <cmath>

#include "kernels/method.h"

namespace ckmerge::method {

struct linear {
  static constexpr MethodSpec spec{
      .name = "linear",
      .summary = "the weighted sum of any number of checkpoints; their average by default",
      .formula = "w1 * A + w2 * B + w3 * C + ..., the weights divided by their sum with --normalize",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "mergekit's \"linear\"; model soups (arXiv:2203.05482)",
      .parameters = {{{"weights", ParameterKind::numbers, 0, "1/N each", "one weight per checkpoint", nullptr, kShare},
                      {"normalize", ParameterKind::flag, 1, "on", "divide the weights by their sum"}}},
      .parameter_count = 2};

  static size_t coefficient_count(size_t inputs) { return inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[0].numbers;
    const bool normalize = arguments.values[1].number != 0;
    if (weights.empty()) {
      for (double& weight : c) weight = 1.0 / static_cast<double>(arguments.inputs);
      return nullptr;
    }
    double sum = 0, magnitude = 0;
    for (const double weight : weights) {
      sum += weight;
      magnitude += std::fabs(weight);
    }
    if (normalize && !std::isfinite(magnitude)) return "the weights are too large to be added up";
    // 0.1 + 0.2 - 0.3 is 6e-17 in f64, and 0 to whoever wrote it.
    if (normalize && std::fabs(sum) <= 1e-12 * magnitude)
      return "the weights sum to 0 and cannot be normalized; keep them as they are with --no-normalize, in a formula with normalize=false";
    for (size_t k = 0; k < c.size(); ++k) c[k] = normalize ? weights[k] / sum : weights[k];
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto sum = in.c(0) * in.x(0);
    for (size_t k = 1; k < in.inputs(); ++k) sum = sum + in.c(k) * in.x(k);
    return sum;
  }
};

}  // namespace ckmerge::method
