// SPDX-License-Identifier: Apache-2.0
// nearswap: B where it is close to A, and the less of it the further it is away.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct nearswap {
  static constexpr MethodSpec spec{.name = "nearswap",
                                   .summary = "B where it lies within t of A; beyond that A, moved towards B by t",
                                   .formula = "w * B + (1 - w) * A with w = min(t / max(|A - B|, 1e-6), 1)",
                                   .min_inputs = 2,
                                   .max_inputs = 2,
                                   .source = "mergekit's \"nearswap\", of which A is the base",
                                   .parameters = {{{"t", ParameterKind::number, 0.0001, "0.0001",
                                                    "how far apart two weights are still close", "alpha"}}},
                                   .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return c[0] < 0 ? "t is a distance and must not be below 0" : nullptr;
  }

  // mergekit's order of operations, so that f32 has its bits.
  static auto formula(const auto& in) {
    if (in.c(0).is(0)) return in.x(0);
    const auto one = in.number(1.0);
    const auto share = smaller(in.c(0) * (one / larger(absolute(in.x(0) - in.x(1)), in.number(1e-6))), one);
    return in.keeping_equal(share * in.x(1) + (one - share) * in.x(0));
  }
};

}  // namespace ckmerge::method
