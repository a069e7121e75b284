// SPDX-License-Identifier: Apache-2.0
// clamp: a checkpoint kept between others, element by element. With stiffness each end moves towards the innermost
// bound on its side of the bounds' average.
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct clamp {
  static constexpr MethodSpec spec{
      .name = "clamp",
      .summary = "A, kept between the least and the largest of the other checkpoints, element by element",
      .formula =
          "min(max(A, least), most) with least = min(B, C, ...) and most = max(B, C, ...), each moved by stiffness "
          "towards the innermost bound on its side of the bounds' average",
      .min_inputs = 3,
      .max_inputs = 0,
      .source = "sd-mecha's \"clamp\"",
      .note =
          "With two bounds each is the innermost on its side, and stiffness changes nothing. NaN where one of the "
          "checkpoints is NaN.",
      .parameters = {{{"stiffness", ParameterKind::number, 0, "0",
                       "how far the ends move inwards, from 0 to 1, where they are the innermost bounds"}}},
      .parameter_count = 1};

  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double stiffness = arguments.values[0].number;
    if (stiffness < 0 || stiffness > 1) return "stiffness must lie between 0 and 1";
    c[0] = 1 - stiffness;
    c[1] = stiffness;
    c[2] = 1 / static_cast<double>(arguments.inputs - 1);
    return nullptr;
  }

  static auto formula(const auto& in) {
    auto least = in.x(1), most = in.x(1), average = in.c(2) * in.x(1);
    for (size_t k = 2; k < in.inputs(); ++k) {
      least = smaller(least, in.x(k));
      most = larger(most, in.x(k));
      average = average + in.c(2) * in.x(k);
    }
    if (in.c(1).is(0)) return smaller(larger(in.x(0), least), most);
    auto inner_least = least, inner_most = most;
    for (size_t k = 1; k < in.inputs(); ++k) {
      inner_least = larger(inner_least, where_less(average, in.x(k), least, in.x(k)));
      inner_most = smaller(inner_most, where_less(in.x(k), average, most, in.x(k)));
    }
    least = in.c(0) * least + in.c(1) * inner_least;
    most = in.c(0) * most + in.c(1) * inner_most;
    return smaller(larger(in.x(0), least), most);
  }
};

}  // namespace ckmerge::method
