// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/dropped_deltas.h"
#include "kernels/method.h"

namespace ckmerge::method {

struct dare_ties {
  static constexpr MethodSpec spec{
      .name = "dare_ties",
      .summary =
          "A, and a random share of the elements of what others have beyond it, in each element those of the sign that "
          "their sum has",
      .formula =
          "A + alpha * the sum of those of d2, d3, ... whose sign is that of d2 + d3 + ..., d2 = w2 * s2 * m2 * (B - "
          "A) and so on, each m 1 with the probability density and else 0, each s the sum of magnitudes before m "
          "divided by that after it; divided by the sum of the weights of those with --normalize",
      .min_inputs = 2,
      .max_inputs = 0,
      .source =
          "mergekit's \"dare_ties\", of which A is the base and alpha is lambda; DARE (arXiv:2311.03099), TIES "
          "(arXiv:2306.01708)",
      .note =
          "A sum of 0 elects what is above 0; the divisor is 1 where the weights of those that agree sum to 0. Reads, "
          "masks, s and NaN are as of dare_linear, though the masks are others. With a density of 1 to the bit what "
          "mergekit gives in f32 for up to four checkpoints beside A.",
      .parameters = DroppedDeltas::parameters_with("divide by the sum of the weights of those that agree"),
      .parameter_count = DroppedDeltas::kParameters};

  static size_t coefficient_count(size_t inputs) { return DroppedDeltas::coefficient_count(inputs); }
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    return DroppedDeltas::coefficients(arguments, c);
  }
  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    return DroppedDeltas::made(inputs, c, spec.name, true);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return DroppedDeltas::reductions(in, spec.name); }
  static bool needs_statistics(std::span<const double> c) { return DroppedDeltas::needs_statistics(c); }
  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    DroppedDeltas::tensor_coefficients(c, found, out);
  }

  static auto formula(const auto& in) { return DroppedDeltas::elected_up(in, spec.name); }
};

}  // namespace ckmerge::method
