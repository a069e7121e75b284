// SPDX-License-Identifier: Apache-2.0
// model_stock: as far from a base towards the average of its fine-tunes as their differences agree.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct model_stock {
  static constexpr MethodSpec spec{
      .name = "model_stock",
      .summary = "from A towards the average of the others, as far as their differences from A agree",
      .formula =
          "A + t * (average of B, C, ... - A) with t = N * c / (1 + (N - 1) * c), N the others' number and c the "
          "average "
          "over all pairs of <x, y> / max(|x| * |y|, 1e-6), x and y their differences from A",
      .min_inputs = 3,
      .max_inputs = 0,
      .source = "mergekit's \"model_stock\", of which A is the base; Model Stock (arXiv:2403.19522)",
      .aliases = {"n_model_stock"},
      .note =
          "Reads the checkpoints twice. t is 0 where 1 + (N - 1) * c is within 1e-6 of 0, and where NaN or Inf leaves "
          "no "
          "c. The 1e-6 below |x| * |y| pulls small differences to A: equal ones of length 5e-4 give t = 0.4. All of "
          "that is mergekit's, and the result within 1e-6 of the tensor's largest element of it in f32. sd-mecha's "
          "\"n_model_stock\" looks at neighbours alone, B and C, C and D, so that it hangs on their order, and has a "
          "c for each row; here it is this method.",
      .parameters = {},
      .parameter_count = 0};

  static size_t coefficient_count(size_t) { return 1; }

  // The share of each difference; that without statistics is of none.
  static const char* coefficients(const Arguments&, std::span<double> c) {
    c[0] = 0;
    return nullptr;
  }

  // Inner products of all pairs of differences, those with themselves included.
  static std::vector<Reduced> reductions(const Tracing& in) {
    std::vector<Reduced> all;
    for (size_t i = 1; i < in.inputs(); ++i)
      for (size_t j = i; j < in.inputs(); ++j) all.push_back({.value = in.x(i) - in.x(0), .factor = in.x(j) - in.x(0)});
    return all;
  }

  static bool needs_statistics(std::span<const double>) { return true; }

  static constexpr double kLeastProduct = 1e-6, kLeastDivisor = 1e-6;

  static void tensor_coefficients(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
    size_t count = 0;
    while (count * (count + 1) / 2 < found.numbers.size()) ++count;
    std::vector<double> norms;
    for (size_t i = 0, at = 0; i < count; at += count - i++) norms.push_back(std::sqrt(found.numbers[at]));
    double sum = 0;
    for (size_t i = 0, at = 0; i < count; ++i)
      for (size_t j = i; j < count; ++j, ++at)
        if (j > i) sum += std::clamp(found.numbers[at] / std::max(norms[i] * norms[j], kLeastProduct), -1.0, 1.0);
    const auto n = static_cast<double>(count);
    const double cosine = sum / (n * (n - 1) / 2), divisor = 1 + (n - 1) * cosine;
    out[0] = std::fabs(divisor) >= kLeastDivisor ? cosine / divisor : 0;
  }

  static auto formula(const auto& in) {
    auto sum = in.x(1) - in.x(0);
    for (size_t k = 2; k < in.inputs(); ++k) sum = sum + (in.x(k) - in.x(0));
    return in.x(0) + in.c(0) * sum;
  }
};

}  // namespace ckmerge::method
