// SPDX-License-Identifier: Apache-2.0
// Operands that no file holds: layers of several checkpoints, put together anew. Only tables are made; planning,
// merging and reading see ordinary checkpoints, whose tensors lie where they lay.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Layers of the result under one prefix, as the first checkpoint has it.
struct SlicedRun {
  std::string prefix;
  uint32_t before = 0;  ///< how many layers the first checkpoint has there
  std::vector<uint32_t> layers =
      {};  ///< for each, the layer of the first checkpoint that it is of, or whose place it has
};

/// Gives the first checkpoints the tensors of `recipe.operands`, and those behind them none. Each stays the input that
/// it is, with its path, metadata and shards, behind which are those that it borrows. Layers have the first
/// checkpoint's prefix. Does nothing where there are no operands. Throws Error(usage): a run of layers or a layer that
/// an input lacks. REQUIRES: all have the first one's spelling (core/inputs/input_names.h), operands are no more than
/// inputs, and each has a slice.
std::vector<SlicedRun> slice_inputs(const Recipe& recipe, std::vector<Checkpoint>& checkpoints);

}  // namespace ckmerge
