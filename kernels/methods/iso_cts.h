// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct iso_cts {
  static constexpr MethodSpec spec{
      .name = "iso_cts",
      .summary =
          "iso_c, of whose singular vectors the least are replaced by those that single differences have beyond "
          "the others",
      .formula =
          "A + alpha * mean(s) * U * V: of the sum of B - A, C - A, ... the share `common` of the largest "
          "singular values s with vectors, of each difference without what it has in the span of those as many "
          "of its largest, U and V the nearest orthogonal matrices to all vectors; of deltas without A",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "Iso-CTS (arXiv:2502.04959), as in FusionBench",
      .note =
          "Tensors of other than two dimensions become A + alpha * the average of the differences, and so does a "
          "tensor in which some element is NaN or infinite. A alone stays A. Every difference gets as many vectors, so "
          "that the "
          "share is rounded; where a difference has fewer, their places stay empty.",
      .parameters = {{{"common", ParameterKind::number, 0.8, "0.8",
                       "share of singular vectors that are those of the sum, from 0 to 1"},
                      {"alpha", ParameterKind::number, 1, "1", "how much of it to add", nullptr, kShare}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[1].number;
    c[1] = arguments.values[0].number;
    if (c[1] < 0 || c[1] > 1) return "common must lie between 0 and 1: it is a share of singular vectors";
    return nullptr;
  }
};

}  // namespace ckmerge::method
