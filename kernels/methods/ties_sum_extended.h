// SPDX-License-Identifier: Apache-2.0
// ties_sum_extended: ties_sum with a share of a fifth, whose average model_stock damps or a median replaces.
#pragma once

#include "kernels/voted_deltas.h"

namespace ckmerge::method {

struct ties_sum_extended : VotedDeltaMethod {
  static constexpr MethodSpec spec{
      .name = "ties_sum_extended",
      .summary = "ties_sum, whose average counts as far as the differences agree, or is their median",
      .formula =
          "A + alpha * ties_sum's average of B - A, C - A, ...; with apply_stock times model_stock's t of what it "
          "averages, with apply_median the geometric median of that instead",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "sd-mecha's \"ties_sum_extended\", of which the deltas are from A",
      .note =
          "What is averaged are the differences, 0 where they are not among the largest or have another sign. In "
          "sd-mecha apply_stock is turned around: the t is there where it is left away, and gone where it is given. "
          "Here it does what it says, so that sd-mecha's apply_stock=True is this without it. Its t is one for each "
          "row, of neighbours alone; here it is model_stock's of the tensor. The median is over whole tensors in both. "
          "Without either it is within 1e-6 of the tensor's largest element of sd-mecha's with apply_stock=True in "
          "f32.",
      .parameters =
          {{{"alpha", ParameterKind::number, 1, "1", "how much of it to add", nullptr, kShare},
            {"k", ParameterKind::number, 0.2, "0.2", "share of the elements that stay, from 0 to 1"},
            {"vote_sgn", ParameterKind::flag, 0, "off", "vote by the sum of the differences", "vote-sgn"},
            {"apply_stock", ParameterKind::flag, 0, "off", "multiply the average by model_stock's t", "apply-stock"},
            {"apply_median", ParameterKind::flag, 0, "off", "take the geometric median", "apply-median"},
            {"eps", ParameterKind::number, 1e-6, "0.000001", "of the median: the least distance that counts"},
            {"max_iter", ParameterKind::number, 100, "100", "of the median: how many steps at most", "max-iter"},
            {"ftol", ParameterKind::number, 1e-20, "1e-20", "of the median: which change of the sum ends it"}}},
      .parameter_count = 8};

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number,
                 .share = values[1].number,
                 .votes_by_size = values[2].number != 0,
                 .stock = values[3].number != 0,
                 .median = values[4].number != 0,
                 .eps = values[5].number,
                 .max_iter = values[6].number,
                 .ftol = values[7].number},
                arguments.inputs, c);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return VotedDeltaMethod::reductions(in, spec.name); }
  static Symbol formula(const Tracing& in) { return VotedDeltaMethod::formula(in, spec.name); }
};

}  // namespace ckmerge::method
