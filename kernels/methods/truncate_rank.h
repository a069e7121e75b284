// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct truncate_rank {
  static constexpr MethodSpec spec{
      .name = "truncate_rank",
      .summary = "A, and what B has beyond it, of that the matrix of a lower rank that comes nearest to it",
      .formula =
          "A + alpha * truncated(B - A), of B - A the largest singular values with their vectors; of one delta "
          "alone alpha * truncated(B - A)",
      .min_inputs = 1,
      .max_inputs = 2,
      .source =
          "sd-mecha's \"truncate_rank\" with use_approximate_basis false; C. Eckart and G. Young, The "
          "approximation of one matrix by another of lower rank (1936)",
      .note =
          "A tensor is a matrix of its first dimension times all others. Vectors, scalars and matrices of no more "
          "rows or columns than rank keep all of the difference, and so does a tensor in which some element is "
          "NaN or infinite: such a matrix has no singular values. Where singular values around the last that is "
          "kept are equal, which of their vectors are kept is a choice that other programs make otherwise. A alone "
          "stays A.",
      .parameters = {{{"rank", ParameterKind::number, 8, "8", "how many singular values are kept, at least 1"},
                      {"alpha", ParameterKind::number, 1, "1", "how much of what is kept to add", nullptr, kShare}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    c[1] = arguments.values[1].number;
    if (c[0] < 1 || c[0] > 0x1p32 || c[0] != static_cast<double>(static_cast<uint64_t>(c[0])))
      return "rank must be a whole number from 1";
    return nullptr;
  }
};

}  // namespace ckmerge::method
