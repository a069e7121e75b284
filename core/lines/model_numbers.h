// SPDX-License-Identifier: Apache-2.0
// A number of the lines of many tensors, taken together: where its range ends. Found digit by digit of the numbers'
// bits, in walks over the numbers where they lie, so that it takes no memory for them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/lines/line_store.h"
#include "core/plan/plan.h"
#include "core/threads/thread_pool.h"

namespace ckmerge {

/// The levels of statistics behind which nothing of a plan goes on before those of all tensors are there: whether, by
/// level.
std::vector<bool> levels_of_model(const Plan& plan);

/// Whether a method wants the model's range once this round is over.
bool wants_model(const TensorCoefficients& made);

/// A number of the lines of a tensor.
struct LineColumn {
  const LineTable* table = nullptr;
  size_t number = 0;
};
/// Throws as ScratchFile does, and Error(interrupted) once `pool`, if there is one, comes to an end.
ModelStatistics range_of(std::span<const LineColumn> columns, const ModelRange& wanted,
                         const ThreadPool* pool = nullptr);

}  // namespace ckmerge
