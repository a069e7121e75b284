// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct top_k_tensor_sum {
  static constexpr MethodSpec spec{
      .name = "top_k_tensor_sum",
      .summary = "A, some of whose values are put where B has its values of the same rank",
      .formula =
          "A's value of rank r at the place of B's value of rank r, for the values of A whose magnitudes are from "
          "number offset * n to number (offset + width) * n of all n, both included, A elsewhere; what goes beyond n "
          "goes on from the first",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "sd-mecha's \"top_k_tensor_sum\"; meh's, without the lower end",
      .note =
          "Of equal values the first has the lower rank. Numbers are rounded to the nearest, halves to even. All "
          "magnitudes that equal one at an end are taken, at both ends, so that a width of 0 may take one; what goes "
          "on from the first takes all but those between, without both. A negative width reaches back from offset. A "
          "value may be put at two places, and another at none. A tensor in which some element is NaN or infinite "
          "stays A.",
      .parameters = {{{"width", ParameterKind::number, 1, "1", "the share of A's values that are put, from -1 to 1"},
                      {"offset", ParameterKind::number, 0, "0", "the share of smaller values before them"}}},
      .parameter_count = 2,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 2; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 2; ++k) c[k] = arguments.values[k].number;
    if (c[0] < -1 || c[0] > 1) return "width must lie between -1 and 1: it is a share of the values";
    if (c[1] < -1 || c[1] > 1) return "offset must lie between -1 and 1: it is a share of the values";
    return nullptr;
  }
};

}  // namespace ckmerge::method
