// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"
#include "kernels/shared_deltas.h"

namespace ckmerge::method {

struct ram {
  static constexpr MethodSpec spec{
      .name = "ram",
      .summary = "A, and in each element the average of the changes that others have there, of those that have any",
      .formula =
          "A + the sum of those of B - A, C - A, ... that are larger than epsilon either way, divided by their number",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"ram\", of which A is the base; Reinforced Agent Merging (arXiv:2601.13572)",
      .note =
          "Changes up to epsilon are left out. To the bit what mergekit gives in f32 for up to four checkpoints beside "
          "A.",
      .parameters = {{{"epsilon", ParameterKind::number, 1e-5, "0.00001", "how large a difference is no change yet"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return c[0] < 0 ? "epsilon is a distance and must not be below 0" : nullptr;
  }

  static auto formula(const auto& in) {
    const SharedDeltas shared = shared_deltas(in, in.c(0));
    auto sum = share_of(in, shared, 0);
    for (size_t k = 1; k < shared.deltas.size(); ++k) sum = sum + share_of(in, shared, k);
    return in.keeping_equal(in.x(0) + sum);
  }
};

}  // namespace ckmerge::method
