// SPDX-License-Identifier: Apache-2.0
// Differences from a base of which some elements are changed by one checkpoint alone and others by several, as both
// methods of RAM tell them.
#pragma once

#include <vector>

#include "kernels/formula.h"

namespace ckmerge {

struct SharedDeltas {
  std::vector<Symbol> deltas;   ///< of each checkpoint but the first; 0 where it is too small, NaN where it is that
  std::vector<Symbol> changes;  ///< 1 where it is not too small, else 0
  Symbol count;                 ///< how many are not, in each element
};

/// What is no larger than `epsilon` is no change.
inline SharedDeltas shared_deltas(const Tracing& in, Coefficient epsilon) {
  SharedDeltas shared{.deltas = {}, .changes = {}, .count = in.number(0.0)};
  for (size_t k = 1; k < in.inputs(); ++k) {
    const Symbol delta = in.x(k) - in.x(0);
    shared.changes.push_back(where_less(in.number(epsilon), absolute(delta), in.number(1.0), in.number(0.0)));
    shared.deltas.push_back(shared.changes.back() * delta);
    shared.count = shared.count + shared.changes.back();
  }
  return shared;
}

/// `then` where one checkpoint alone changes the element, or none, and `otherwise` where several do.
inline Symbol where_alone(const Tracing& in, const SharedDeltas& shared, Symbol then, Symbol otherwise) {
  return where_less(shared.count, in.number(1.5), then, otherwise);
}

/// The k-th difference, divided by how many there are in the element.
inline Symbol share_of(const Tracing& in, const SharedDeltas& shared, size_t k) {
  return shared.deltas[k] / larger(shared.count, in.number(1.0));
}

}  // namespace ckmerge
