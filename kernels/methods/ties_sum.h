// SPDX-License-Identifier: Apache-2.0
// ties_sum: the largest of the differences from a base, and in each element the average of those of the elected sign.
#pragma once

#include "kernels/voted_deltas.h"

namespace ckmerge::method {

struct ties_sum : VotedDeltaMethod {
  static constexpr MethodSpec spec{
      .name = "ties_sum",
      .summary = "A, and of what others have beyond it the largest, in each element the average of those of one sign",
      .formula =
          "A + alpha * the average of those of t(B - A), t(C - A), ... that have the sign for which most of them vote, "
          "where t keeps the share k of the largest magnitudes of a tensor and makes the others 0",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "sd-mecha's \"ties_sum\", of which the deltas are from A; TIES-Merging (arXiv:2306.01708)",
      .note =
          "Each difference has a vote, or with vote_sgn as many as it is large; a draw adds nothing, where ties counts "
          "it as plus. Of a tensor of n elements n - k' + 1 stay, k' = (1 - k) * n cut to a whole number of 1 at "
          "least, and all that are as large as the smallest of them; so one stays with k 0. Within 1e-6 of the "
          "tensor's largest element of sd-mecha's in f32. NaN stays where it is; sd-mecha leaves the tensor out.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the average to add", nullptr, kShare},
                      {"k", ParameterKind::number, 1, "1", "share of the elements that stay, from 0 to 1"},
                      {"vote_sgn", ParameterKind::flag, 0, "off", "vote by the sum of the differences", "vote-sgn"}}},
      .parameter_count = 3};

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number, .share = values[1].number, .votes_by_size = values[2].number != 0},
                arguments.inputs, c);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return VotedDeltaMethod::reductions(in, spec.name); }
  static Symbol formula(const Tracing& in) { return VotedDeltaMethod::formula(in, spec.name); }
};

}  // namespace ckmerge::method
