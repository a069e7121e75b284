// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct tensor_sum {
  static constexpr MethodSpec spec{
      .name = "tensor_sum",
      .summary = "A, in which some of the rows of each tensor, or of its columns, are B's",
      .formula =
          "B in rows from beta to beta + alpha of all, A elsewhere; where alpha + beta is above 1 they go on with the "
          "first rows, up to alpha + beta - 1",
      .min_inputs = 2,
      .max_inputs = 2,
      .source = "supermerger's \"tensor\" and \"tensor2\"; Chattiori's \"TS\"",
      .aliases = {"tensor", "TS"},
      .note =
          "Rows are those of the first dimension, columns those of the second; a tensor of one dimension has rows "
          "alone. Of n rows the first are floor(n * beta), as in supermerger; sd-mecha's \"tensor_sum\" rounds to the "
          "nearest. supermerger's \"tensor2\" takes columns only where there are more than 100, and otherwise counts "
          "them by the rows; here --columns counts columns always. NaN of the checkpoint that is not taken does not "
          "count.",
      .parameters = {{{"alpha", ParameterKind::number, 0.5, "0.5", "the share of rows that are B's, from 0 to 1"},
                      {"beta", ParameterKind::number, 0, "0", "the share of rows before B's, from 0 to 1"},
                      {"columns", ParameterKind::flag, 0, "off", "columns instead of rows"}}},
      .parameter_count = 3};

  static size_t coefficient_count(size_t) { return 4; }

  // Where B's rows begin and end, where those end that they go on with, and which lines are meant.
  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const double alpha = arguments.values[0].number, beta = arguments.values[1].number;
    if (alpha < 0 || alpha > 1) return "alpha must lie between 0 and 1: it is a share of rows";
    if (beta < 0 || beta > 1) return "beta must lie between 0 and 1: it is a share of rows";
    c[0] = beta;
    c[1] = alpha + beta;
    c[2] = alpha + beta - 1;
    c[3] = arguments.values[2].number;
    return nullptr;
  }

  static auto formula(const auto& in) {
    using Axis = Tracing::Axis;
    const Axis axis = in.c(3).is(1) ? Axis::columns : Axis::rows;
    const auto a = in.x(0), b = in.x(1);
    if (in.c(0).given == in.c(1).given) return a;
    if (in.c(2).given > 0)
      return where_negative(in.before(in.c(2), axis), b, where_negative(in.before(in.c(0), axis), a, b));
    if (in.c(0).is(0) && in.c(1).is(1)) return b;
    const auto rest = where_negative(in.before(in.c(1), axis), b, a);
    return in.c(0).is(0) ? rest : where_negative(in.before(in.c(0), axis), a, rest);
  }
};

}  // namespace ckmerge::method
