// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct crossover {
  static constexpr MethodSpec spec{
      .name = "crossover",
      .summary = "A's slow waves along the dimensions of a tensor and B's fast ones",
      .formula =
          "the waves of the Fourier transform over all dimensions: B's where m > 1 - alpha, A's elsewhere, m the root "
          "of the mean of the squares of a wave's frequencies, each from 0 to 1; with tilt B's share of a wave is (m + "
          "alpha - 1) * cot(tilt * pi / 2) + alpha, from 0 to 1",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"crossover\"",
      .note =
          "alpha 0 is A and 1 is B. With tilt 1, for scalars, for tensors that differ by less than 1e-8 and 1e-5 of B "
          "everywhere, and for a tensor in which some element is NaN or infinite it is (1 - alpha) * A + alpha * B. "
          "Tilts from 1 to 4 turn the slope on, as in sd-mecha: with 2 the fast waves are A's.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "how much of the waves is B's, from 0 to 1"},
                      {"tilt", ParameterKind::number, 0, "0",
                       "how slowly it goes from A's waves to B's: 0 is a cut, 1 takes as much of each"}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 2; ++k) c[k] = arguments.values[k].number;
    if (c[0] < 0 || c[0] > 1) return "alpha must lie between 0 and 1: it is a share of waves";
    if (c[1] < 0 || c[1] > 4) return "tilt must lie between 0 and 4, where the slope has come round";
    if (c[1] == 4) c[1] = 0;
    return nullptr;
  }
};

}  // namespace ckmerge::method
