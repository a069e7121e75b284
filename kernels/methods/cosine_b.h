// SPDX-License-Identifier: Apache-2.0
// cosine_b: as cosine_a, with the cosine of the tensors in place of their columns' average.
#pragma once

#include "kernels/model_cosines.h"

namespace ckmerge::method {

struct cosine_b : ModelCosines<false> {
  static constexpr MethodSpec spec{
      .name = "cosine_b",
      .summary = "A the more the more alike a column of both and the tensors are, among all columns of the model",
      .formula =
          "k * A + (1 - k) * B with k = ((cosine + c) / 2 - least) / (most - least) - |alpha|, from 0 to 1; cosine "
          "that of A's and B's vectors along the first axis, such as a column of a matrix, c that of the tensors, "
          "least and most the ends of the cosines of all columns of all tensors without the lowest and highest "
          "hundredth",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "supermerger's and Chattiori's \"cosineB\"",
      .note = kModelCosinesNote,
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "how much less of A", nullptr, kShare}}},
      .parameter_count = 1};
};

}  // namespace ckmerge::method
