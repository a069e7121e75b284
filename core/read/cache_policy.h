// SPDX-License-Identifier: Apache-2.0
// How much of the memory that can be had a run may take, and what it may leave in the page cache. Speed only.
#pragma once

#include <cstdint>
#include <span>

#include "core/plan/plan.h"
#include "core/read/tile_sizing.h"

namespace ckmerge {

/// Bytes that are left to others, and those that a run is given however little there is.
inline constexpr uint64_t kReserved = 16ull << 20, kLeastBudget = 4ull << 20;

/// `budget`, or less where memory is tighter.
uint64_t affordable_budget(uint64_t budget);

struct CachePolicy {
  bool drop_behind_tiles = false;       ///< what the merge has read and written
  bool drop_behind_statistics = false;  ///< what the first pass has read and the merge will read again
  bool drop_behind_hashes = false;      ///< what was hashed and the merge will read again
};
/// `outputs` plans like this one are run together.
CachePolicy cache_policy(const Plan& plan, std::span<const Checkpoint> checkpoints, const TileSizing& sizing,
                         unsigned lookahead, size_t outputs = 1);

}  // namespace ckmerge
