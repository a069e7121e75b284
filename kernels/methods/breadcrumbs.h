// SPDX-License-Identifier: Apache-2.0
// breadcrumbs: of the differences from a base what is neither among the very largest nor among the small ones.
#pragma once

#include "kernels/sparse_deltas.h"

namespace ckmerge::method {

struct breadcrumbs : BreadcrumbsMethod<false> {
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
          "Of equal magnitudes those of the lowest indices are the larger ones; as for mergekit with "
          "mergekit_order, for which tensors are sorted in memory. NaN is the largest magnitude, and what does not "
          "stay does not count. With density 1 all stay, whatever "
          "gamma is; where both come to more than 1, fewer of the largest go. One element stays at least, unless "
          "density is 0: mergekit loses all of a scalar. rescale multiplies what stays of a difference by the sum of "
          "all its magnitudes over that of those that stay, unless one of them is below 1e-7.",
      .parameters = parameters_with("divide the sum by that of the weights"),
      .parameter_count = kParameters};
};

}  // namespace ckmerge::method
