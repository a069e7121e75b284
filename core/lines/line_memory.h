// SPDX-License-Identifier: Apache-2.0
// How much memory the numbers of rows and columns of a plan take.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/plan/plan.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct LineMemory {
  uint64_t all = 0;         ///< bytes of the numbers of all tensors, which are never held at one time
  uint64_t largest = 0;     ///< of the tensor that has most
  uint64_t of_model = 0;    ///< of those that a range of the model waits for
  uint64_t at_once = 0;     ///< that are held at one time for certain: those, or a tensor's
  uint64_t per_worker = 0;  ///< bytes that a worker has of a part of a tensor

  /// Of a budget, what they take of it: most tensors have few lines.
  uint64_t held(uint64_t budget) const { return std::min(all, budget / 8); }
  /// The least budget of which `rest` bytes are left beside that.
  uint64_t least_budget(uint64_t rest) const { return rest + std::min(all, rest / 7); }
  /// What may lie in a scratch file, at most: 0 where there is none.
  uint64_t scratch(uint64_t budget) const { return all > held(budget) ? all : 0; }
  /// What lies there at some time for certain: a disk that has less cannot do.
  uint64_t least_scratch(uint64_t budget) const { return at_once - std::min(at_once, held(budget)); }
};
LineMemory line_memory(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
