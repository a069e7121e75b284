// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/method.h"

namespace ckmerge::method {

struct rotate {
  static constexpr MethodSpec spec{
      .name = "rotate",
      .summary = "A, the rows of its matrices turned together as near to those of B as turning brings them",
      .formula =
          "(A - mA) * Q^alignment + (1 - alignment) * mA + alignment * mB, m the mean of a tensor's rows times "
          "centralization, Q the orthogonal matrix for which (A - mA) * Q comes nearest to B - mB; with alpha A - mA "
          "goes so far to (B - mB) * Q^-1 before",
      .min_inputs = 2,
      .max_inputs = 2,
      .source =
          "sd-mecha's \"rotate\"; P. Schoenemann, A generalized solution of the orthogonal Procrustes problem "
          "(1966)",
      .note =
          "A tensor is a matrix of its first dimension times all others, and a convolution one of its pairs of "
          "channels times its kernels. Vectors, scalars, equal tensors and a tensor in which some element is NaN "
          "or infinite become (1 - alpha) * A + alpha * B. Of fewer rows than columns what B says nothing of stays as "
          "it is, beside what is turned. Where the centred matrices have no more rows than columns, Q is not the only "
          "one, and sd-mecha takes another. Parts of a turn turn planes by parts of their angles. A reflection has no "
          "parts, so that Q is then the nearest one without, as in sd-mecha; of fewer rows than columns the space that "
          "the rows of both span is turned, where sd-mecha looks for the shortest way in steps.",
      .parameters = {{{"alignment", ParameterKind::number, 1, "1", "how much of the turn: 1 turns A, 0 does not",
                       nullptr, kShare},
                      {"alpha", ParameterKind::number, 0, "0", "how far the turned A goes to B", nullptr, kShare},
                      {"centralization", ParameterKind::number, 1, "1",
                       "how much of the mean row is taken off before turning"}}},
      .parameter_count = 3,
      .of_whole_tensors = true};

  static size_t coefficient_count(size_t) { return 3; }

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    for (size_t k = 0; k < 3; ++k) c[k] = arguments.values[k].number;
    if (c[0] < -1000 || c[0] > 1000) return "alignment must lie between -1000 and 1000: 1 is the whole turn";
    return nullptr;
  }
};

}  // namespace ckmerge::method
