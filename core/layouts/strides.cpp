// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/strides.h"

namespace ckmerge {

std::vector<uint64_t> strides_in_order(Shape shape) {
  std::vector<uint64_t> strides(shape.size());
  uint64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) strides[i] = stride;
  return strides;
}

bool lie_in_order(Shape shape, Shape strides) {
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0; expected *= shape[i])
    if (shape[i] != 1 && strides[i] != expected) return false;
  return true;
}

// From the last dimension on: runs of old dimensions that are one in memory are given out to the new ones.
std::optional<std::vector<uint64_t>> strides_of_shape(Shape shape, Shape strides, Shape other) {
  std::vector<uint64_t> found(other.size(), 1);
  size_t old = shape.size(), next = other.size();
  while (next > 0) {
    while (old > 0 && shape[old - 1] == 1) --old;
    if (old == 0) break;
    uint64_t run = shape[old - 1];
    const uint64_t step = strides[old - 1];
    for (--old; old > 0 && (shape[old - 1] == 1 || strides[old - 1] == step * run); --old) run *= shape[old - 1];
    uint64_t given = 1;
    while (next > 0 && given < run) {
      found[--next] = given * step;
      given *= other[next];
    }
    if (given != run) return std::nullopt;
  }
  for (size_t i = 0; i < next; ++i)
    if (other[i] != 1) return std::nullopt;
  return found;
}

}  // namespace ckmerge
