// SPDX-License-Identifier: Apache-2.0
// The values of a blueprint's tensors: every element a function of seed, tensor name and index alone, so that any range
// of a file can be made by any thread, and a second fine-tune of the same base needs no file to start from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/blueprint.h"

namespace ckmerge::bench {

struct Seeds {
  uint64_t base = 1;
  /// A fine-tune of that base (0 = none): to every weight a second normal value is added, `delta` times the weights'
  /// own scale.
  uint64_t tune = 0;
  double delta = 0;
};

/// Writes elements [first, first + count) of `tensor` as `dtype` to `out`.
/// REQUIRES: dtype is real for roles whose values are, or I32 or I64 for positions and constants.
void write_values(const TensorBlueprint& tensor, Dtype dtype, const Seeds& seeds, uint64_t first, uint64_t count,
                  std::byte* out);

}  // namespace ckmerge::bench
