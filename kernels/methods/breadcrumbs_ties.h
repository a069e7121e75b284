// SPDX-License-Identifier: Apache-2.0
// breadcrumbs_ties: as breadcrumbs, and in each element only differences of one sign, as in ties.
#pragma once

#include "kernels/sparse_deltas.h"

namespace ckmerge::method {

struct breadcrumbs_ties : BreadcrumbsMethod<true> {
  static constexpr MethodSpec spec{
      .name = "breadcrumbs_ties",
      .summary =
          "A, and of what others have beyond it the largest but the very largest, only that of the sign of the sum",
      .formula =
          "A + alpha * (w2 * t(B - A) + w3 * t(C - A) + ...), where t keeps the share density of the magnitudes of a "
          "tensor, those that come after the share gamma of the largest, and makes the others 0; in each element only "
          "terms of the sign of their sum count",
      .min_inputs = 2,
      .max_inputs = 0,
      .source =
          "mergekit's \"breadcrumbs_ties\", of which A is the base and alpha is lambda; arXiv:2312.06795 and "
          "arXiv:2306.01708",
      .note =
          "Of equal magnitudes those of the lowest indices are the larger ones; as for mergekit with "
          "mergekit_order, for which tensors are sorted in memory. NaN is the largest magnitude, and what does not "
          "stay does not count. With density 1 all stay, whatever "
          "gamma is; where both come to more than 1, fewer of the largest go. One element stays at least, unless "
          "density is 0: mergekit loses all of a scalar. A sum of 0 counts as plus. rescale multiplies what stays of a "
          "difference by the sum of "
          "all its magnitudes over that of those that stay, unless one of them is below 1e-7.",
      .parameters = parameters_with("divide the sum by that of the weights that count"),
      .parameter_count = kParameters};
};

}  // namespace ckmerge::method
