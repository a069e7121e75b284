// SPDX-License-Identifier: Apache-2.0
// A second checkpoint, whose channels take the places that make it most like the first one.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/algebra/matrix.h"
#include "core/matrices/permuted_units.h"
#include "core/matrices/unit_matching.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Both checkpoints outlive it. Thread-safe. A unit is matched when the first of its tensors is asked for, by the hands
/// of who asks, while others who ask for it wait; its places are kept: 4 bytes a channel.
class Alignment {
 public:
  /// `head_channels` as in permuted_units().
  Alignment(const Checkpoint& first, const Checkpoint& second, uint64_t head_channels);

  /// Puts the channels of `tensor`, the second checkpoint's of this row of the first one's, to their places. Throws as
  /// read_matrix().
  void apply(uint32_t row, Matrix& tensor, const Hands& hands = {}) const;

  /// Bytes that are held while a tensor is asked for on so many threads, the places of all units included.
  uint64_t memory(uint32_t row, unsigned threads) const;

  const std::vector<PermutedUnit>& units() const { return units_; }

 private:
  struct UnitPlaces {
    std::mutex matching;  // guards what follows
    bool are_known = false;
    ChannelPlaces places;
  };

  const ChannelPlaces& places_of(size_t unit, const Hands& hands) const;

  const Checkpoint& first_;
  const Checkpoint& second_;
  std::vector<PermutedUnit> units_;
  uint64_t places_memory_ = 0;  // of all units
  std::unordered_multimap<uint32_t, size_t> units_of_row_;
  mutable std::deque<UnitPlaces> places_;  // of each unit
};

/// What the coefficients of `rebasin` say of heads.
uint64_t head_channels_of(std::span<const double> coefficients);

}  // namespace ckmerge
