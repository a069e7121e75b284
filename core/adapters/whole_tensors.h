// SPDX-License-Identifier: Apache-2.0
// What an adapter has whole, or some rows of, as tensors of a checkpoint in whose place they stand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"
#include "core/adapters/adapter_targets.h"
#include "core/adapters/made_changes.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

struct WholeTensors {
  /// By the names of the checkpoint; shards are the adapter's own, and behind them one of rows, where it has any.
  Checkpoint whole;
  uint64_t rows = 0;                     ///< of vocabularies that have more than the checkpoint's; else 0
  std::vector<std::string> faults = {};  ///< a line each: why one cannot take the place
};

/// All replacements that are found in `first`, but those whose strength is 0.
WholeTensors whole_tensors(const std::shared_ptr<const Adapter>& adapter, const AdapterTargets& targets,
                           const std::shared_ptr<const Checkpoint>& first, const StrengthOf& strength);

/// `first` with what takes the place of its tensors, vocabularies that grew with all their rows.
Checkpoint with_whole(const Checkpoint& first, const Checkpoint& whole);

}  // namespace ckmerge
