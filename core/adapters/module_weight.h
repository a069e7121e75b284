// SPDX-License-Identifier: Apache-2.0
// The weight that a module was trained on, as a checkpoint has it: its shape there, which way it lies, and of which
// tensors it is rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/adapter_targets.h"
#include "core/adapters/names/target_index.h"

namespace ckmerge {

struct PlacedRows {
  uint32_t tensor = 0;  ///< of the checkpoint
  ModulePlace place;
};

struct PlacedWeight {
  ModuleWeight weight;
  std::vector<PlacedRows> rows;
  std::string fault = {};  ///< one clause: why it is no weight of the module's; empty: it is
};

/// Of module `number`, whose weight (or, `is_bias`, bias) is that entry. `grown`: how many rows the adapter's own
/// weight in its place has, where its vocabulary grew; 0: it did not. REQUIRES: one that grew is the whole of one
/// tensor.
PlacedWeight placed_weight(const Adapter& adapter, uint32_t number, const TargetIndex& index, TargetEntry entry,
                           bool is_bias, uint64_t grown);

}  // namespace ckmerge
