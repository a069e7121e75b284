// SPDX-License-Identifier: Apache-2.0
// arcee_fusion: a checkpoint's elements where they and the distribution that their row is differ most from a base.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct arcee_fusion {
  static constexpr MethodSpec spec{
      .name = "arcee_fusion",
      .summary = "B's elements where they matter most, A's elsewhere",
      .formula =
          "B where i >= median(i) + 1.5 * (upper quartile(i) - lower quartile(i)), else A, with i = |B - A| * KL(p, "
          "q), p and q the softmax of the element's row of B and of A, each plus 1e-8",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "mergekit's \"arcee_fusion\", of which A is the base",
      .note =
          "A row is a vector of the last axis. Of n values in order a quartile is the one at floor(q * (n - 1)); they "
          "are exact, where mergekit takes those of a million random picks of larger tensors, so that two runs differ "
          "there. Reads the checkpoints six times, of F64 eight. The result has the dtype that others have; mergekit's "
          "is "
          "F32 whatever was asked. Where equal tensors leave no importance it is A, and a scalar is B.",
      .parameters = {},
      .parameter_count = 0};

  // The threshold; that of tensors without statistics keeps A.
  static size_t coefficient_count(size_t) { return 1; }

  static const char* coefficients(const Arguments&, std::span<double> c) {
    c[0] = 0;
    return nullptr;
  }

  // Of a row: by how much x is shifted before its exponentials are taken, for B and A; 1 over their sums; KL.
  enum Number : size_t { shift_of_b, shift_of_a, share_of_b, share_of_a, divergence, kNumbers };

  static constexpr double kLeastShare = 1e-8;

  // Largest where x is, and a magnitude: there is no maximum of signed values.
  static Symbol rising(const Tracing& in, Symbol x) {
    const Symbol one = in.number(1.0);
    return where_negative(x, one / (one - x), one + x);
  }
  static double of_rising(double rising) { return rising < 1 ? 1 - 1 / rising : rising - 1; }

  static Symbol shifted(const Tracing& in, size_t input) {
    return exponential(in.x(input) - in.line(input == 1 ? shift_of_b : shift_of_a));
  }
  static Symbol share(const Tracing& in, size_t input) {
    return shifted(in, input) * in.line(input == 1 ? share_of_b : share_of_a) + in.number(kLeastShare);
  }
  static Symbol importance(const Tracing& in) { return absolute(in.x(1) - in.x(0)) * in.line(divergence); }

  // The (count - floor(q * (count - 1)))-th largest.
  static uint64_t kept_from_quantile(const std::array<double, 2>& shares, uint64_t count) {
    return count == 0 ? 0 : count - static_cast<uint64_t>(shares[0] * static_cast<double>(count - 1));
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all;
    for (const size_t input : {size_t{1}, size_t{0}})
      all.push_back({.value = rising(in, in.x(input)), .how = Reduce::maximum, .over = Over::rows});
    for (const size_t input : {size_t{1}, size_t{0}})
      all.push_back({.value = shifted(in, input), .round = 1, .over = Over::rows});
    const Symbol p = share(in, 1), q = share(in, 0);
    all.push_back({.value = p, .factor = logarithm(p / q), .round = 2, .over = Over::rows});
    for (const double quantile : {0.25, 0.5, 0.75})
      all.push_back({.value = importance(in),
                     .how = Reduce::cut,
                     .round = 3,
                     // The value alone is wanted, so nothing has to be known of which of equal ones it is.
                     .cut = {.shares = {quantile}, .kept = kept_from_quantile, .keeps_equal = true}});
    return all;
  }

  static bool needs_statistics(std::span<const double>) { return true; }

  static size_t line_coefficient_count(std::span<const double>) { return kNumbers; }

  static void line_coefficients(std::span<const double>, const LineStatistics& found, std::span<double> out) {
    if (found.round == 2) {
      out[divergence] = std::max(found.numbers[0], 0.0);
      return;
    }
    for (const size_t k : {0, 1})
      out[2 * found.round + k] = found.round == 0 ? of_rising(found.numbers[k]) : 1 / found.numbers[k];
  }

  static void tensor_coefficients(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
    const double lower = found.numbers[0], median = found.numbers[2], upper = found.numbers[4];
    out[0] = median + 1.5 * (upper - lower);
  }

  static auto formula(const auto& in) { return where_less(importance(in), in.number(in.c(0)), in.x(0), in.x(1)); }
};

}  // namespace ckmerge::method
