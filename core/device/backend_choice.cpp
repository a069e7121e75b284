// SPDX-License-Identifier: Apache-2.0
#include "core/device/backend_choice.h"

#include <algorithm>

namespace ckmerge {

void BackendChoice::open() {
  std::lock_guard lock(mutex_);
  open_ = true;
}

// Tiles are handed out in order, but workers may ask for two of them in the other one.
Backend BackendChoice::next(ByteRange tile) {
  if (fixed_) return *fixed_;
  std::lock_guard lock(mutex_);
  if (open_ && !begin_ && !decided_) {
    begin_ = tile.begin;
    if (output_end_ - tile.begin < least(tile_size_, round_)) decided_ = Backend::cpu;
  }
  if (decided_) return *decided_;
  if (!begin_ || tile.begin < *begin_) return Backend::cpu;
  return kRounds[std::min(round_of(tile), kRounds.size() - 1)];
}

std::optional<Backend> BackendChoice::settled() const {
  if (fixed_) return fixed_;
  std::lock_guard lock(mutex_);
  return decided_;
}

void BackendChoice::give_up() {
  std::lock_guard lock(mutex_);
  decided_ = Backend::cpu;
}

void BackendChoice::finish(ByteRange tile, double seconds) {
  if (fixed_) return;
  std::lock_guard lock(mutex_);
  if (decided_ || !begin_ || tile.begin < *begin_ || round_of(tile) >= kRounds.size()) return;
  Round& round = rounds_[round_of(tile)];
  ++round.tiles;
  round.bytes += tile.size();
  round.end = std::max(round.end, seconds);
  if (std::ranges::all_of(rounds_, [this](const Round& r) { return r.tiles >= round_; })) decide();
}

// A round lasts from the end of the one before it to its own: tiles are handed out in order, so only the few in flight
// at a border are counted on the wrong side, and on either side of both backends.
void BackendChoice::decide() {
  double seconds[2] = {}, bytes[2] = {};
  for (size_t k = 1; k < rounds_.size(); ++k) {
    if (!kCounts[k]) continue;
    const auto backend = static_cast<size_t>(kRounds[k]);
    seconds[backend] += std::max(rounds_[k].end - rounds_[k - 1].end, 1e-9);
    bytes[backend] += static_cast<double>(rounds_[k].bytes);
  }
  rates_ = Rates{.cpu = bytes[0] / seconds[0], .device = bytes[1] / seconds[1]};
  decided_ = rates_->device > kGain * rates_->cpu ? Backend::device : Backend::cpu;
}

std::optional<BackendChoice::Rates> BackendChoice::measured() const {
  std::lock_guard lock(mutex_);
  return rates_;
}

}  // namespace ckmerge
