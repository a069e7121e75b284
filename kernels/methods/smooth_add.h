// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct smooth_add {
  static constexpr MethodSpec spec{
      .name = "smooth_add",
      .summary = "A, and the difference of B and C after filters that take out what stands alone and blur the rest",
      .formula =
          "A + alpha * blur(median(B - C)), of each element the median of those up to one away along every dimension, "
          "then along every dimension Gauss's bell of deviation 1, cut off after 4",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "supermerger's \"smoothAdd\" and \"smoothAdd MT\", which scipy.ndimage computes; Chattiori's",
      .aliases = {"smoothAdd", "smoothAdd MT", "sAD"},
      .note =
          "Filters go over all dimensions, from one output channel to the next too; beyond an end a tensor goes on "
          "mirrored. Scalars and tensors of one element are not filtered, and neither is a tensor in which some "
          "element is NaN or infinite. All is computed in f64, in the peers in f32.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of it to add", nullptr, kShare}}},
      .parameter_count = 1,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }
};

}  // namespace ckmerge::method
