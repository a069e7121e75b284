// SPDX-License-Identifier: Apache-2.0
// breadcrumbs: of the differences from a base what is neither among the very largest nor among the small ones.
#pragma once

#include "kernels/sparse_deltas.h"

namespace ckmerge::method {

struct breadcrumbs : SparseDeltaMethod<LargestButOutliersStay, false> {
  static constexpr MethodSpec spec{
      .name = "breadcrumbs",
      .summary = "A, and of what others have beyond it the largest but the very largest, weighted and added up",
      .formula =
          "A + alpha * (w2 * t(B - A) + w3 * t(C - A) + ...), where t keeps the share density of the magnitudes of a "
          "tensor, those that come after the share gamma of the largest, and makes the others 0",
      .min_inputs = 2,
      .max_inputs = 0,
      .source =
          "Model Breadcrumbs (arXiv:2312.06795); mergekit's \"breadcrumbs\", of which A is the base and alpha is "
          "lambda",
      .note =
          "Of equal magnitudes those of the lowest indices are the larger ones; mergekit orders them in a way of its "
          "own. NaN is the largest magnitude, and what does not stay does not count. With density 1 all stay, whatever "
          "gamma is; where both come to more than 1, fewer of the largest go. One element stays at least, unless "
          "density is 0: mergekit loses all of a scalar. rescale multiplies what stays of a difference by the sum of "
          "all its magnitudes over that of those that stay, unless one of them is below 1e-7.",
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
                      {"gamma", ParameterKind::number, 0.01, "0.01",
                       "share of the elements that go for being the largest, from 0 to 1"},
                      {"gammas",
                       ParameterKind::numbers,
                       0,
                       "gamma each",
                       "one gamma per checkpoint, A's included",
                       nullptr,
                       {},
                       1},
                      {"normalize", ParameterKind::flag, 0, "off", "divide the sum by that of the weights"},
                      {"rescale", ParameterKind::flag, 0, "off", "make up for the magnitudes that do not stay"}}},
      .parameter_count = 8};

  static const char* coefficients(const Arguments& arguments, std::span<double> c) {
    const auto& values = arguments.values;
    return fill({.alpha = values[0].number,
                 .weights = values[1].numbers,
                 .density = values[2].number,
                 .densities = values[3].numbers,
                 .gamma = values[4].number,
                 .gammas = values[5].numbers,
                 .normalize = values[6].number != 0,
                 .rescale = values[7].number != 0},
                arguments.inputs, c);
  }
};

}  // namespace ckmerge::method
