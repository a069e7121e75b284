// SPDX-License-Identifier: Apache-2.0
// della_linear: a random share of the elements of differences from a base, larger ones the likelier.
#pragma once

#include "kernels/method.h"
#include "kernels/ranked_deltas.h"

namespace ckmerge::method {

struct della_linear : DellaMethod<della_linear, false> {
  static constexpr MethodSpec spec{
      .name = "della_linear",
      .summary =
          "A, and a random share of what others have beyond it, of which larger elements are kept more often, weighted "
          "and added up",
      .formula =
          "A + alpha * (w2 * s2 * m2 * (B - A) + w3 * s3 * m3 * (C - A) + ...), each m 1 with the probability density "
          "- epsilon + 2 * epsilon * (r - 1) / (n - 1) and else 0, r the rank of the magnitude among the n of its "
          "line, each s the sum of magnitudes before m divided by that after it; divided by w2 + w3 + ... with "
          "--normalize",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "mergekit's \"della_linear\", of which A is the base and alpha is lambda; DELLA (arXiv:2406.11617)",
      .note =
          "Ranks go along the second dimension of a tensor, a row of a matrix, the input channels for each place of a "
          "convolution's kernel, and along the only one of a vector; of equal magnitudes that of the lower index is "
          "the smaller, and NaN is the largest. An element that is alone in its line is kept with the probability "
          "density; mergekit refuses it. Masks are made of lines in memory, which takes some MiB for each checkpoint "
          "beside A, of long lines 52 bytes an element, and 24 MiB for all together, as the plan tells. Reads, masks "
          "and s are as of dare_linear. With mergekit_masks masks are those of mergekit-yaml to the bit, in f32, equal "
          "magnitudes included: drawn tensor by tensor in the order of names.",
      .parameters = parameters_with("divide by the sum of the weights without A's", false),
      .parameter_count = kParameters};
};

}  // namespace ckmerge::method
