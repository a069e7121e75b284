// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/alignment.h"

#include <algorithm>

#include "core/matrices/channel_gains.h"

namespace ckmerge {
namespace {

void put_in_places(Matrix& tensor, const AxisView& view, uint64_t begin, const std::vector<uint32_t>& places) {
  const Matrix before = tensor;
  const auto run = [&](uint64_t outer, uint64_t channel) {
    return (outer * view.count + begin + channel) * view.behind;
  };
  for (uint64_t outer = 0; outer < view.before; ++outer)
    for (uint64_t i = 0; i < places.size(); ++i)
      std::copy_n(before.elements.begin() + static_cast<ptrdiff_t>(run(outer, places[i])), view.behind,
                  tensor.elements.begin() + static_cast<ptrdiff_t>(run(outer, i)));
}

}  // namespace

Alignment::Alignment(const Checkpoint& first, const Checkpoint& second, uint64_t head_channels)
    : first_(first), second_(second), units_(permuted_units(first.tensors, second.tensors, head_channels)) {
  for (size_t unit = 0; unit < units_.size(); ++unit) {
    for (const uint64_t extent : units_[unit].extents) places_memory_ += extent * sizeof(uint32_t);
    for (const PermutedWindow& window : units_[unit].windows) {
      const auto [known, end] = units_of_row_.equal_range(window.row);
      if (std::none_of(known, end, [&](const auto& entry) { return entry.second == unit; }))
        units_of_row_.emplace(window.row, unit);
    }
  }
}

void Alignment::apply(uint32_t row, Matrix& tensor) const {
  const auto [first, end] = units_of_row_.equal_range(row);
  for (auto entry = first; entry != end; ++entry) {
    const ChannelPlaces& places = places_of(entry->second);
    for (const PermutedWindow& window : units_[entry->second].windows)
      if (window.row == row && !places[window.part].empty())
        put_in_places(tensor, axis_view(first_.tensors[row].shape, window.axis), window.begin, places[window.part]);
  }
}

const ChannelPlaces& Alignment::places_of(size_t unit) const {
  const std::lock_guard lock(matching_);
  const auto found = places_.find(unit);
  if (found != places_.end()) return found->second;
  return places_.emplace(unit, matched_places(first_, second_, units_[unit])).first->second;
}

uint64_t Alignment::memory(uint32_t row) const {
  uint64_t matching = 0;
  const auto [first, end] = units_of_row_.equal_range(row);
  for (auto entry = first; entry != end; ++entry)
    matching = std::max(matching, matching_memory(first_.tensors, units_[entry->second]));
  return places_memory_ + matching;
}

uint64_t head_channels_of(std::span<const double> coefficients) { return static_cast<uint64_t>(coefficients[1]); }

}  // namespace ckmerge
