// SPDX-License-Identifier: Apache-2.0
// The election of TIES: in each element the sign of the sum of all values, and the sum of those that have it.
#pragma once

#include <vector>

#include "kernels/formula.h"

namespace ckmerge {

struct Elected {
  Symbol sum;      ///< of the values whose sign is the elected one
  Symbol weights;  ///< the sum of those of their weights; 1 where it is 0
};

/// `values` are weighted already. A sum from 0 on elects what is above 0, as in mergekit; values that are 0 are on
/// neither side. Sums are taken in the order of the values, each rounded to the compute dtype. NaN is the sum where a
/// value is NaN. `values` are not empty.
inline Elected elected(const Tracing& in, const std::vector<Symbol>& values, const std::vector<Coefficient>& weights) {
  const Symbol zero = in.number(0.0);
  Symbol sum = values[0], above = larger(values[0], zero), below = smaller(values[0], zero);
  for (size_t k = 1; k < values.size(); ++k) {
    sum = sum + values[k];
    above = above + larger(values[k], zero);
    below = below + smaller(values[k], zero);
  }
  const auto weight_of = [&](bool is_above) {
    Symbol all = zero;
    for (size_t k = 0; k < values.size(); ++k) {
      const Symbol weight = in.number(weights[k]);
      all = all + (is_above ? where_less(zero, values[k], weight, zero) : where_negative(values[k], weight, zero));
    }
    return all;
  };
  const Symbol weight = where_negative(sum, weight_of(false), weight_of(true));
  return {where_negative(sum, below, above), where_less(zero, absolute(weight), weight, in.number(1.0))};
}

}  // namespace ckmerge
