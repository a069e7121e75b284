// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "kernels/method.h"

namespace ckmerge::method {

struct perpendicular_component {
  static constexpr MethodSpec spec{.name = "perpendicular_component",
                                   .summary = "what of B is at a right angle to A, tensor by tensor",
                                   .formula = "B - A * <A, B> / |A|^2",
                                   .min_inputs = 2,
                                   .max_inputs = 2,
                                   .source = "sd-mecha's \"perpendicular_component\"",
                                   .note =
                                       "Meant for differences in a formula, as in A + 0.5*perpendicular_component(A - "
                                       "C, B - C). Reads the checkpoints "
                                       "twice. Zero where A is zero, as in sd-mecha, and where NaN or Inf leaves no "
                                       "products, save that such elements "
                                       "have no value. Otherwise within 1e-6 of the largest element that A and B have "
                                       "in the tensor of sd-mecha's in "
                                       "f32."};

  static size_t coefficient_count(size_t) { return 2; }

  // Of A and B.
  static const char* coefficients(const Arguments&, std::span<double> c) {
    c[0] = 0;
    c[1] = 0;
    return nullptr;
  }

  static std::vector<Reduced> reductions(const Tracing& in) {
    return {{.value = in.x(0), .factor = in.x(0)}, {.value = in.x(0), .factor = in.x(1)}};
  }

  static bool needs_statistics(std::span<const double>) { return true; }

  static void tensor_coefficients(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
    const double along = found.numbers[1] / found.numbers[0];
    if (!std::isfinite(found.numbers[0]) || !std::isfinite(along)) return;
    out[0] = -along;
    out[1] = 1;
  }

  static auto formula(const auto& in) { return in.c(1) * in.x(1) + in.c(0) * in.x(0); }
};

}  // namespace ckmerge::method
