// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct add_perpendicular {
  static constexpr MethodSpec spec{
      .name = "add_perpendicular",
      .summary = "what B has beyond C at a right angle to what A has beyond it, added to A, tensor by tensor",
      .formula = "A + alpha * (b - a * <a, b> / |a|^2) with a = A - C and b = B - C",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "sd-mecha's \"add_perpendicular\"; supermerger's and sd-meh's like",
      .note =
          "Reads the checkpoints twice. Where A and C are equal nothing is added, as in sd-mecha, nor where NaN or Inf "
          "leaves no products. Otherwise within 1e-6 of the tensor's largest element of sd-mecha's in f32.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of it to add", nullptr, kShare}}},
      .parameter_count = 1};

  // Of b and of a; then alpha, as given.
  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    c[0] = 0;
    c[1] = 0;
    c[2] = arguments.values[0].number;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    const Symbol a = in.x(0) - in.x(2), b = in.x(1) - in.x(2);
    return {{.value = a, .factor = a}, {.value = a, .factor = b}};
  }

  static bool needs_statistics(std::span<const double> c) { return c[2] != 0; }

  static void tensor_coefficients(std::span<const double> c, const TensorStatistics& found, std::span<double> out) {
    const double along = found.numbers[1] / found.numbers[0];
    if (!std::isfinite(found.numbers[0]) || !std::isfinite(along)) return;
    out[0] = c[2];
    out[1] = -c[2] * along;
  }

  static auto formula(const auto& in) {
    return in.x(0) + (in.c(0) * (in.x(1) - in.x(2)) + in.c(1) * (in.x(0) - in.x(2)));
  }
};

}  // namespace ckmerge::method
