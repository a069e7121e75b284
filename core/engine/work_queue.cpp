// SPDX-License-Identifier: Apache-2.0
#include "core/engine/work_queue.h"

#include <algorithm>
#include <utility>

#include "core/plan/output_files.h"

namespace ckmerge {

WorkQueue::WorkQueue(const Plan& plan, uint64_t tile_size, size_t levels, unsigned lookahead,
                     std::vector<bool> of_model)
    : plan_(plan),
      tile_size_(tile_size),
      lookahead_(tile_size * lookahead),
      of_model_(std::move(of_model)),
      next_statistics_(levels) {}

std::optional<WorkQueue::Unit> WorkQueue::next() {
  std::lock_guard lock(mutex_);
  std::optional<size_t> level;  // the lowest that lags behind what the one above it needs
  uint64_t next = next_tile_;
  for (size_t below = next_statistics_.size(); below-- > 0 && next_statistics_[below] < needed_for(next, below);) {
    level = below;
    next = next_statistics_[below];
  }
  if (level) return Unit{.statistics = level, .range = take(next_statistics_[*level])};
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

// For the unit that begins at `next`, and the lookahead behind it: to the end of the last tensor that they touch.
uint64_t WorkQueue::needed_for(uint64_t next, size_t level) const {
  if (level < of_model_.size() && of_model_[level]) return plan_.end();
  const uint64_t end = std::min(next + tile_size_ + lookahead_, plan_.end());
  const size_t last = first_step_after(plan_, end - 1);
  return last < plan_.steps.size() ? plan_.steps[last].offset + plan_.steps[last].size : plan_.end();
}

}  // namespace ckmerge
