// SPDX-License-Identifier: Apache-2.0
// The cosine of two tensors, rows or columns, as sd-mecha and supermerger (torch) take it: lengths count as 1e-8 at the
// least, so that the cosine with zeros is 0. Where NaN or Inf leaves none it is 0, too, so that they stay in their
// element.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/method.h"

namespace ckmerge {

/// The squares of both and their product, which cosine_of() takes.
inline std::vector<Reduced> cosine_reductions(Symbol x, Symbol y, Over over) {
  return {{.value = x, .factor = x, .over = over},
          {.value = y, .factor = y, .over = over},
          {.value = x, .factor = y, .over = over}};
}

inline double cosine_of(std::span<const double> sums) {
  constexpr double kLeastLength = 1e-8;
  const double x = std::max(std::sqrt(sums[0]), kLeastLength), y = std::max(std::sqrt(sums[1]), kLeastLength);
  const double cosine = sums[2] / x / y;
  return std::isfinite(cosine) ? std::clamp(cosine, -1.0, 1.0) : 0;
}

}  // namespace ckmerge
