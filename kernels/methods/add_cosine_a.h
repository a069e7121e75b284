// SPDX-License-Identifier: Apache-2.0
// add_cosine_a: B, and of A as much as a column of both has one direction.
#pragma once

#include "kernels/cosine_sums.h"

namespace ckmerge::method {

struct add_cosine_a {
  static constexpr MethodSpec spec{
      .name = "add_cosine_a",
      .summary = "B, and of A the more the more alike a column of both is",
      .formula =
          "k * A + (1 - k) * B with k = cosine - alpha, from 0 to 1, and cosine that of A's and B's vectors along the "
          "first axis, such as a column of a matrix",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"add_cosine_a\"",
      .note =
          "With an alpha of 1, which is the default there, too, the result is B. Lengths count as 1e-8 at the least, "
          "so that the cosine with zeros is 0; it is 0 as well where NaN or Inf leaves none.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "the cosine from which on A counts", nullptr, kShare}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = arguments.values[0].number;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    return cosine_reductions(in.x(0), in.x(1), Over::columns);
  }

  static bool needs_statistics(std::span<const double> c) { return c[0] < 1; }

  static size_t line_coefficient_count(std::span<const double>) { return 1; }

  static void line_coefficients(std::span<const double> c, const LineStatistics& found, std::span<double> out) {
    out[0] = std::clamp(cosine_of(found.numbers) - c[0], 0.0, 1.0);
  }

  static auto formula(const auto& in) {
    return in.given(0).given >= 1 ? in.x(1) : in.x(1) + in.line(0) * (in.x(0) - in.x(1));
  }
};

}  // namespace ckmerge::method
