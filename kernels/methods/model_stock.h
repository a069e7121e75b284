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
          "average over all pairs of <x, y> / max(|x| * |y|, 1e-6), x and y their differences from A; with filter_wise "
          "each vector of the last axis has a t of its own",
      .min_inputs = 3,
      .max_inputs = 0,
      .source = "mergekit's \"model_stock\", of which A is the base; Model Stock (arXiv:2403.19522)",
      .aliases = {"n_model_stock"},
      .note =
          "Reads the checkpoints twice. t is 0 where 1 + (N - 1) * c is within 1e-6 of 0, and where NaN or Inf leaves "
          "no c, save that such elements have no value. The 1e-6 below |x| * |y| pulls small differences to A: equal "
          "ones of length 5e-4 give t = 0.4. All of "
          "that is mergekit's, and the result within 1e-6 of the tensor's largest element of it in f32. sd-mecha's "
          "\"n_model_stock\" is filter-wise and looks at neighbours alone, B and C, C and D, so that it hangs on their "
          "order; here it is this method. With filter_wise a vector is one row, and of a convolution each row of each "
          "kernel is one.",
      .parameters = {{{"filter_wise", ParameterKind::flag, 0, "off", "a t for each vector of the last axis",
                       "filter-wise"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 2; }

  // The share of each difference, that without statistics is of none; and whether it is that of a row.
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = 0;
    c[1] = arguments.values[0].number;
    return nullptr;
  }

  // Inner products of all pairs of differences, those with themselves included.
  static std::vector<Reduced> reductions(const Tracing& in) {
    const Over over = in.given(1).is(0) ? Over::tensor : Over::rows;
    std::vector<Reduced> all;
    for (size_t i = 1; i < in.inputs(); ++i)
      for (size_t j = i; j < in.inputs(); ++j)
        all.push_back({.value = in.x(i) - in.x(0), .factor = in.x(j) - in.x(0), .over = over});
    return all;
  }

  static bool needs_statistics(std::span<const double>) { return true; }

  static constexpr double kLeastProduct = 1e-6, kLeastDivisor = 1e-6;

  static double share(std::span<const double> products) {
    size_t count = 0;
    while (count * (count + 1) / 2 < products.size()) ++count;
    const auto norm = [&](size_t i) { return std::sqrt(products[i * count - i * (i - 1) / 2]); };  // i(i-1) is even
    double sum = 0;
    for (size_t i = 0, at = 0; i < count; ++i) {
      const double of_i = std::sqrt(products[at++]);
      for (size_t j = i + 1; j < count; ++j, ++at)
        sum += std::clamp(products[at] / std::max(of_i * norm(j), kLeastProduct), -1.0, 1.0);
    }
    const auto n = static_cast<double>(count);
    const double cosine = sum / (n * (n - 1) / 2), divisor = 1 + (n - 1) * cosine;
    return std::fabs(divisor) >= kLeastDivisor ? cosine / divisor : 0;
  }

  static void tensor_coefficients(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
    out[0] = share(found.numbers);
  }

  static size_t line_coefficient_count(std::span<const double> c) { return c[1] == 0 ? 0 : 1; }

  static void line_coefficients(std::span<const double>, const LineStatistics& found, std::span<double> out) {
    out[0] = share(found.numbers);
  }

  static auto formula(const auto& in) {
    auto sum = in.x(1) - in.x(0);
    for (size_t k = 2; k < in.inputs(); ++k) sum = sum + (in.x(k) - in.x(0));
    if (!in.given(1).is(0)) return in.x(0) + in.line(0) * sum;
    return in.x(0) + in.c(0) * sum;
  }
};

}  // namespace ckmerge::method
