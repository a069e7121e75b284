// SPDX-License-Identifier: Apache-2.0
// ties: the largest of the differences from a base, and in each element only those of one sign.
#pragma once

#include "kernels/sparse_deltas.h"

namespace ckmerge::method {

struct ties : SparseDeltaMethod<LargestStay, true> {
  static constexpr MethodSpec spec{
      .name = "ties",
      .summary = "A, and of what others have beyond it the largest, in each element only that of the sign of the sum",
      .formula =
          "A + alpha * (w2 * t(B - A) + w3 * t(C - A) + ...) / (w2 + w3 + ...), where t keeps the share density of the "
          "largest magnitudes of a tensor and makes the others 0; in each element only terms of the sign of their sum "
          "count, and only their weights",
      .min_inputs = 2,
      .max_inputs = 0,
      .source = "TIES-Merging (arXiv:2306.01708); mergekit's \"ties\", of which A is the base and alpha is lambda",
      .note =
          "Of equal magnitudes those of the lowest indices stay, with mergekit_order those that mergekit keeps: its "
          "tensors are then sorted in memory one at a time, which the plan tells and --memory must allow. NaN is the "
          "largest magnitude. One element stays at least, unless density is 0. A sum of 0 counts as plus, and without "
          "normalize nothing is divided. rescale multiplies what stays of a difference by the sum of all its "
          "magnitudes over that of those that stay, unless one of them is below 1e-7.",
      .parameters = {{{"alpha", ParameterKind::number, 1, "1", "how much of the sum to add", nullptr, kShare},
                      {"weights", ParameterKind::numbers, 0, "1 each", "one weight per checkpoint, A's included",
                       nullptr, kShare, 1},
                      {"density", ParameterKind::number, 1, "1", "share of the elements that stay, from 0 to 1"},
                      {"densities",
                       ParameterKind::numbers,
                       0,
                       "density each",
                       "one density per checkpoint, A's included",
                       nullptr,
                       {},
                       1},
                      {"normalize", ParameterKind::flag, 1, "on", "divide the sum by that of the weights that count"},
                      {"rescale", ParameterKind::flag, 0, "off", "make up for the magnitudes that do not stay"},
                      kMergekitOrder}},
      .parameter_count = 7};

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number,
                 .weights = values[1].numbers,
                 .density = values[2].number,
                 .densities = values[3].numbers,
                 .gamma = 0,
                 .gammas = {},
                 .normalize = values[4].number != 0,
                 .rescale = values[5].number != 0,
                 .order = values[6].number != 0},
                arguments.inputs, c);
  }
};

}  // namespace ckmerge::method
