// SPDX-License-Identifier: Apache-2.0
// add_cosine_b: as add_cosine_a, by the average of a column's cosine and the tensor's.
#pragma once

#include "kernels/cosine_sums.h"

namespace ckmerge::method {

struct add_cosine_b {
  static constexpr MethodSpec spec{
      .name = "add_cosine_b",
      .summary = "B, and of A the more the more alike a column of both and the tensors are",
      .formula =
          "k * A + (1 - k) * B with k = (cosine + c) / 2 - alpha, from 0 to 1, cosine that of A's and B's vectors "
          "along the first axis, such as a column of a matrix, and c that of the tensors",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"add_cosine_b\"",
      .note =
          "With an alpha of 1, which is the default there, too, the result is B. Lengths count as 1e-8 at the least, "
          "so that the cosine with zeros is 0, where sd-mecha has NaN; it is 0 as well where NaN or Inf leaves none.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "the cosine from which on A counts", nullptr, kShare}}},
      .parameter_count = 1};

  // alpha, and what of k is the tensor's.
  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    c[1] = 0;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all = cosine_reductions(in.x(0), in.x(1), Over::tensor);
    for (const Reduced& reduced : cosine_reductions(in.x(0), in.x(1), Over::columns)) all.push_back(reduced);
    return all;
  }

  static bool needs_statistics(std::span<const double> c) { return c[0] < 1; }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    out[1] = cosine_of(found.numbers) / 2 - c[0];
  }

  static size_t line_coefficient_count(std::span<const double>) { return 1; }

  static void line_coefficients(std::span<const double>, const LineStatistics& found, std::span<double> out) {
    out[0] = cosine_of(found.numbers) / 2;
  }

  static auto formula(const auto& in) {
    if (in.given(0).given >= 1) return in.x(1);
    const auto k = smaller(larger(in.line(0) + in.number(in.c(1)), in.number(0.0)), in.number(1.0));
    return in.x(1) + k * (in.x(0) - in.x(1));
  }
};

}  // namespace ckmerge::method
