// SPDX-License-Identifier: Apache-2.0
// ties_sum_with_dropout: ties_sum_extended of differences of which elements are dropped at random.
#pragma once

#include "kernels/voted_deltas.h"

namespace ckmerge::method {

struct ties_sum_with_dropout : VotedDeltaMethod {
  static constexpr MethodSpec spec{
      .name = "ties_sum_with_dropout",
      .summary = "ties_sum of a random share of the elements of what others have beyond A, the others dropped",
      .formula =
          "A + alpha * ties_sum_extended's sum of m2 * (B - A), m3 * (C - A), ... / (1 - probability), each m 0 with "
          "that probability and else 1",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "sd-mecha's \"ties_sum_with_dropout\", of which the deltas are from A; DARE (arXiv:2311.03099)",
      .note =
          "Masks are drawn as dropout's are: they hang on seed, tensor name, place of the checkpoint and index of the "
          "element. sd-mecha draws the same ones for every tensor of a shape, and a fixed seed where none is given. "
          "With probability 1 it is A. With della_eps the share that is kept, 1 - probability, hangs on the magnitude: "
          "to it is added della_eps * (r / n - (n + 1) / (2 * n)), r the rank of the element among the n of its "
          "tensor, of which the smallest is 1, equal ones by index; tensors are then held in memory one by one, 52 "
          "bytes an element (of F64 83) for each checkpoint beside A, as the plan tells.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
                      {"probability", ParameterKind::number, 0.9, "0.9", "of an element to be dropped, from 0 to 1"},
                      {"rescale", ParameterKind::flag, 1, "on", "divide by 1 - probability, which keeps the average"},
                      {"della_eps", ParameterKind::number, 0, "0",
                       "how much more of the largest elements is kept than of the smallest", "della-eps"},
                      {"k", ParameterKind::number, 0.2, "0.2", "share of the elements that stay, from 0 to 1"},
                      {"vote_sgn", ParameterKind::flag, 0, "off", "vote by the sum of the differences", "vote-sgn"},
                      {"apply_stock", ParameterKind::flag, 0, "off", "multiply the average by model_stock's t",
                       "apply-stock"},
                      {"apply_median", ParameterKind::flag, 0, "off", "take the geometric median", "apply-median"},
                      {"seed", ParameterKind::number, 0, "0", "which masks: a whole number from 0"}}},
      .parameter_count = 9};

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number,
                 .share = values[4].number,
                 .votes_by_size = values[5].number != 0,
                 .stock = values[6].number != 0,
                 .median = values[7].number != 0,
                 .probability = values[1].number,
                 .rank_eps = values[3].number,
                 .rescale = values[2].number != 0,
                 .seed = values[8].number},
                arguments.inputs, c);
  }
  static std::vector<MadeOperand> made(size_t inputs, std::span<const double> c) {
    return VotedDeltaMethod::masks(inputs, c, spec.name);
  }
  static std::vector<Reduced> reductions(const Tracing& in) { return VotedDeltaMethod::reductions(in, spec.name); }
  static Symbol formula(const Tracing& in) { return VotedDeltaMethod::formula(in, spec.name); }
};

}  // namespace ckmerge::method
