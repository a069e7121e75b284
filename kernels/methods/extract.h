// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cosine_sums.h"
#include "kernels/math.h"

namespace ckmerge::method {

struct extract {
  static constexpr MethodSpec spec{
      .name = "extract",
      .summary = "what B and C have beyond A in common, or each by itself, added to A",
      .formula =
          "A + ((1 - alpha) * b + alpha * c) * ((1 - beta) * d + beta * (1 - d)) with b = B - A, c = C - A and d = ((s "
          "+ 1) / 2)^gamma, s the cosine of a row of b and c, or without rows the sign of b * c",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "supermerger's \"extract\"",
      .note =
          "A row is a vector of the last axis: of a convolution a row of a kernel. Lengths count as 1e-8 at the least, "
          "so that the cosine with a row of zeros is 0; it is 0 as well where NaN or Inf leaves none. Without rows "
          "each element is a row of one: d is 1 where b and c have one sign, 0 where they have two, and 0.5^gamma "
          "where one of them is 0, however small they are.",
      .parameters =
          {{{"alpha", ParameterKind::number, 0.5, "0.5", "whose difference, from B's (0) to C's (1)", nullptr, kShare},
            {"beta", ParameterKind::number, 0, "0", "from what is common (0) to what is not (1)", nullptr, kShare},
            {"gamma", ParameterKind::number, 1, "1", "how little an element counts that only one changed"},
            {"rows", ParameterKind::flag, 1, "on", "look for what is common in rows, not in single elements"}}},
      .parameter_count = 4};

  // Of elements what each kind of likeness comes to; of rows beta and gamma, by which theirs does.
  static size_t coefficient_count(size_t) { return 6; }

  // The powers of 1 and 0 are themselves, save 0^0.
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number, beta = arguments.values[1].number;
    const double gamma = arguments.values[2].number;
    if (gamma < 0) return "gamma must not be below 0: a likeness of 0 has no negative power";
    const auto factor = [beta](double likeness) { return (1 - beta) * likeness + beta * (1 - likeness); };
    c[0] = 1 - alpha;
    c[1] = alpha;
    c[5] = arguments.values[3].number;
    if (c[5] != 0) {
      c[2] = 1 - 2 * beta;
      c[3] = beta;
      c[4] = gamma;
      return nullptr;
    }
    c[2] = factor(1);
    c[3] = factor(gamma == 0 ? 1 : 0);
    c[4] = factor(half_to(gamma));
    return nullptr;
  }

  // 0.5^gamma.
  static double half_to(double gamma) {
    if (gamma >= 1000) return 0;
    constexpr double kLn2 = 0x1.62e42fefa39efp-1;
    const int whole = static_cast<int>(gamma);
    const double left = gamma - whole;
    return math::detail::two_to(-whole) * (left == 0 ? 1 : math::exp(-left * kLn2));
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    return cosine_reductions(in.x(1) - in.x(0), in.x(2) - in.x(0), Over::rows);
  }

  static bool needs_statistics(std::span<const double> c) { return c[5] != 0; }

  static size_t line_coefficient_count(std::span<const double>) { return 1; }

  static void line_coefficients(std::span<const double>, const LineStatistics& found, std::span<double> out) {
    out[0] = (cosine_of(found.numbers) + 1) / 2;
  }

  static auto formula(const auto& in) {
    const auto b = in.x(1) - in.x(0), c = in.x(2) - in.x(0);
    const auto moved = in.given(0) * b + in.given(1) * c;
    if (!in.given(5).is(0)) {
      const auto likeness = power(in.line(0), in.number(in.given(4)));
      return in.x(0) + (in.given(2) * likeness + in.number(in.given(3))) * moved;
    }
    const auto one = in.number(1.0), zero = in.number(0.0);
    // With b's sign on it, so that no product of small differences vanishes.
    const auto likeness = with_sign(one, b) * c;
    const auto alone = in.c(4) * moved;
    const auto unlike = where_negative(likeness, in.c(3) * moved, alone);
    const auto alike = where_less(zero, likeness, in.c(2) * moved, unlike);
    return in.x(0) + where_less(zero, absolute(b), alike, alone);
  }
};

}  // namespace ckmerge::method
