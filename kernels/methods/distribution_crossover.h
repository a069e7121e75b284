// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct distribution_crossover {
  static constexpr MethodSpec spec{
      .name = "distribution_crossover",
      .summary = "A's slow waves and B's fast ones along the elements of a tensor in the order of C's",
      .formula =
          "of A and B in the order of C's elements the waves of the Fourier transform: B's from share alpha of them "
          "on, A's before; with beta B's share of wave f is (f - alpha) / beta + 1/2, from 0 to 1; then the elements "
          "go back to their places",
      .min_inputs = 3,
      .max_inputs = 3,
      .source = "meh's \"distribution crossover\"",
      .note =
          "f is a wave's number by how many there are, of n elements n / 2 + 1. Of equal elements of C the first comes "
          "first; meh takes them in any order. Scalars and a tensor in which some element is NaN or infinite become "
          "alpha * A + (1 - alpha) * B.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "the share of waves that are A's, from 0 to 1"},
                      {"beta", ParameterKind::number, 0, "0",
                       "over what share of the waves A's become B's; 0: a cut"}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 2; ++k) c[k] = arguments.values[k].number;
    if (c[0] < 0 || c[0] > 1) return "alpha must lie between 0 and 1: it is a share of waves";
    if (c[1] < 0) return "beta must be at least 0: it is a share of waves";
    return nullptr;
  }
};

}  // namespace ckmerge::method
