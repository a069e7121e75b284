// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct tsv_m {
  static constexpr MethodSpec spec{
      .name = "tsv_m",
      .summary =
          "A, and of what each of the others has beyond it the largest singular values, with vectors that are "
          "turned away from each other",
      .formula =
          "A + alpha * U * diag(s) * V: of each of n differences B - A, C - A, ... the largest singular values s "
          "with vectors, 1/n of them, U and V the nearest orthogonal matrices to all these vectors; of deltas "
          "without A",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "TSV-Merge (arXiv:2412.00081), as in FusionBench",
      .note =
          "Tensors of other than two dimensions become A + alpha * the average of the differences, and so does a "
          "tensor in which some element is NaN or infinite. A alone stays A. Of more differences than a matrix has "
          "singular values "
          "each keeps one.",
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
