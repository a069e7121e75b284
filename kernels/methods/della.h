// SPDX-License-Identifier: Apache-2.0
// della: a random share of the elements of differences from a base, larger ones the likelier, of one sign.
#pragma once

#include "kernels/method.h"
#include "kernels/ranked_deltas.h"

namespace ckmerge::method {

struct della : DellaMethod<della, true> {
  static constexpr MethodSpec spec{
      .name = "della",
      .summary =
          "A, and a random share of what others have beyond it, of which larger elements are kept more often, in each "
          "element those of the sign that their sum has",
      .formula =
          "A + alpha * the sum of those of d2, d3, ... whose sign is that of d2 + d3 + ..., d2 = w2 * s2 * m2 * (B - "
          "A) and so on, with m and s as of della_linear; divided by the sum of the weights of those, unless "
          "--no-normalize",
      .min_inputs = 2,
      .max_inputs = 0,
      .source =
          "mergekit's \"della\", of which A is the base and alpha is lambda; DELLA (arXiv:2406.11617), TIES "
          "(arXiv:2306.01708)",
      .note =
          "A sum of 0 elects what is above 0; the divisor is 1 where the weights of those that agree sum to 0. Ranks, "
          "reads, masks and s are as of della_linear, though the masks are others.",
      .parameters = parameters_with("divide by the sum of the weights of those that agree", true),
      .parameter_count = kParameters};
};

}  // namespace ckmerge::method
