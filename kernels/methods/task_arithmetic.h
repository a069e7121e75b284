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

  // The factor of the sum, and a share for every checkpoint but A; to normalize, a 1 and the weights as they were
  // given.
  static size_t coefficient_count(size_t inputs) { return 2 * inputs; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const std::span<const double> weights = arguments.values[1].numbers;
    const size_t inputs = arguments.inputs;
    double sum = 0, magnitude = 0;
    for (size_t k = 1; k < inputs; ++k) {
      c[k] = weights.empty() ? 1 : weights[k];
      c[inputs + k] = 0;
      sum += c[k];
      magnitude += std::fabs(c[k]);
    }
    c[0] = arguments.values[0].number;
    c[inputs] = arguments.values[2].number;
    if (c[inputs] == 0) return nullptr;
    if (!std::isfinite(magnitude)) return "the weights are too large to be added up";
    if (std::fabs(sum) <= 1e-12 * magnitude)
      return "the weights of all but the first checkpoint sum to 0 and cannot be normalized; leave --normalize out";
    for (size_t k = 1; k < inputs; ++k) {
      c[inputs + k] = c[k];
      c[k] /= sum;
    }
    return nullptr;
  }

  // The order of mergekit's operations, its divisor's included, so that f32 has its bits.
  static auto formula(const auto& in) {
    const bool divides = in.c(in.inputs()).is(1);
    const size_t first = divides ? in.inputs() : 0;
    auto sum = in.c(first + 1) * (in.x(1) - in.x(0)), divisor = in.number(in.c(first + 1));
    for (size_t k = 2; k < in.inputs(); ++k) {
      sum = sum + in.c(first + k) * (in.x(k) - in.x(0));
      divisor = divisor + in.number(in.c(first + k));
    }
    if (!divides) return in.x(0) + in.c(0) * sum;
    return in.keeping_equal(in.x(0) + in.c(0) * (sum / divisor));
  }
};

}  // namespace ckmerge::method
