// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct iso_c {
  static constexpr MethodSpec spec{
      .name = "iso_c",
      .summary = "A, and the sum of what other checkpoints have beyond it, all of whose singular values are made equal",
      .formula = "A + alpha * mean(s) * U * V, where U * diag(s) * V = (B - A) + (C - A) + ...; of deltas without A",
      .min_inputs = 1,
      .max_inputs = 0,
      .source = "Iso-C (arXiv:2502.04959), as in FusionBench",
      .note =
          "Tensors of other than two dimensions become A + alpha * the average of the differences, and so does a "
          "tensor in which some element is NaN or infinite. A alone stays A. Where the sum has singular values of 0 "
          "their vectors "
          "stay out; other programs take any that fit, which is noise.",
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
