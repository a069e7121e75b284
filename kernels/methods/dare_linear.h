// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/dropped_deltas.h"
#include "kernels/method.h"

namespace ckmerge::method {

struct dare_linear {
  static constexpr MethodSpec spec{
      .name = "dare_linear",
      .summary = "A, and a random share of the elements of what others have beyond it, weighted and added up",
      .formula =
          "A + alpha * (w2 * s2 * m2 * (B - A) + w3 * s3 * m3 * (C - A) + ...), each m 1 with the probability density "
          "and else 0, each s the sum of magnitudes before m divided by that after it; divided by w2 + w3 + ... with "
          "--normalize",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"dare_linear\", of which A is the base and alpha is lambda; DARE (arXiv:2311.03099)",
      .note =
          "Reads the checkpoints twice, with --no-rescale or a density of 1 once. Masks hang on seed, method, tensor "
          "name, place of the checkpoint among the inputs and index of the element, so that any machine makes them "
          "again; those of mergekit hang on the order of tensors, and mergekit_masks draws them so. s is 1 where one "
          "of its sums is below 1e-7, as there, and 1/density where NaN or Inf leaves no sums. NaN of what is dropped "
          "does not count. With mergekit_masks it is within 1e-6 of the tensor's largest element of what mergekit "
          "gives in f32; with its own masks their counts and sums agree.",
      .parameters = DroppedDeltas::parameters_with("divide by the sum of the weights without A's"),
      .parameter_count = DroppedDeltas::kParameters};

  static size_t coefficient_count(size_t inputs) { return DroppedDeltas::coefficient_count(inputs); }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    if (const char* const fault = DroppedDeltas::coefficients(arguments, c)) return fault;
    return DroppedDeltas::weights_fault(c);
  }

  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    return DroppedDeltas::made(inputs, c, spec.name, true);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return DroppedDeltas::reductions(in, spec.name); }
  static bool needs_statistics(std::span<const double> c) { return DroppedDeltas::needs_statistics(c); }
  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    DroppedDeltas::tensor_coefficients(c, found, out);
  }

  static auto formula(const auto& in) { return DroppedDeltas::added_up(in, spec.name); }
};

}  // namespace ckmerge::method
