// SPDX-License-Identifier: Apache-2.0
#include "core/engine/work_queue.h"

#include <algorithm>

#include "core/plan/output_files.h"

namespace ckmerge {

WorkQueue::WorkQueue(const Plan& plan, uint64_t tile_size, bool statistics, unsigned lookahead)
    : plan_(plan),
      tile_size_(tile_size),
      lookahead_(tile_size * lookahead),
      next_statistics_(statistics ? 0 : plan.end()) {}

std::optional<WorkQueue::Unit> WorkQueue::next() {
  std::lock_guard lock(mutex_);
  if (next_statistics_ < statistics_needed()) return Unit{.statistics = true, .range = take(next_statistics_)};
  if (next_tile_ >= plan_.end()) return std::nullopt;
  const ByteRange tile = take(next_tile_);
  in_flight_.insert(tile.begin);
  return Unit{.range = tile};
}

uint64_t WorkQueue::finish(ByteRange tile) {
  std::lock_guard lock(mutex_);
  in_flight_.erase(tile.begin);
  return in_flight_.empty() ? next_tile_ : *in_flight_.begin();
}

ByteRange WorkQueue::take(uint64_t& next) const {
  const ByteRange range = tile_at(plan_, next, tile_size_);
  next = next_offset(plan_, range.end);
  return range;
}

// The next tile and the lookahead behind it, to the end of the last tensor that they touch.
uint64_t WorkQueue::statistics_needed() const {
  const uint64_t end = std::min(next_tile_ + tile_size_ + lookahead_, plan_.end());
  const size_t last = first_step_after(plan_, end - 1);
  return last < plan_.steps.size() ? plan_.steps[last].offset + plan_.steps[last].size : plan_.end();
}

}  // namespace ckmerge
