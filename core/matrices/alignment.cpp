// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/alignment.h"

#include <algorithm>

#include "core/matrices/channel_gains.h"

namespace ckmerge {
namespace {

// Elements that one of the hands puts at a time.
constexpr uint64_t kAtATime = uint64_t{1} << 16;

void put_in_places(Matrix& tensor, const AxisView& view, uint64_t begin, const std::vector<uint32_t>& places,
                   const Hands& hands) {
  const Matrix before = tensor;
  const auto run = [&](uint64_t outer, uint64_t channel) {
    return (outer * view.count + begin + channel) * view.behind;
  };
  const uint64_t each = std::max<uint64_t>(1, kAtATime / view.behind);
  hands.share_large(view.before * places.size(), each, [&](uint64_t from, uint64_t to) {
    for (uint64_t at = from; at < to; ++at) {
      const uint64_t outer = at / places.size(), i = at % places.size();
      std::copy_n(before.elements.data() + run(outer, places[i]), view.behind, tensor.elements.data() + run(outer, i));
    }
  });
}

}  // namespace

Alignment::Alignment(const Checkpoint& first, const Checkpoint& second, uint64_t head_channels)
    : first_(first),
      second_(second),
      units_(permuted_units(first.tensors, second.tensors, head_channels)),
      places_(units_.size()) {
  for (size_t unit = 0; unit < units_.size(); ++unit) {
    for (const uint64_t extent : units_[unit].extents) places_memory_ += extent * sizeof(uint32_t);
    for (const PermutedWindow& window : units_[unit].windows) {
      const auto [known, end] = units_of_row_.equal_range(window.row);
      if (std::none_of(known, end, [&](const auto& entry) { return entry.second == unit; }))
        units_of_row_.emplace(window.row, unit);
    }
  }
}

void Alignment::apply(uint32_t row, Matrix& tensor, const Hands& hands) const {
  const auto [first, end] = units_of_row_.equal_range(row);
  for (auto entry = first; entry != end; ++entry) {
    const ChannelPlaces& places = places_of(entry->second, hands);
    for (const PermutedWindow& window : units_[entry->second].windows)
      if (window.row == row && !places[window.part].empty())
        put_in_places(tensor, axis_view(first_.tensors[row].shape, window.axis), window.begin, places[window.part],
                      hands);
  }
}

const ChannelPlaces& Alignment::places_of(size_t unit, const Hands& hands) const {
  UnitPlaces& known = places_[unit];
  const std::lock_guard lock(known.matching);
  if (known.are_known) return known.places;
  hands.check();  // whoever held the lock may have been interrupted
  known.places = matched_places(first_, second_, units_[unit], hands);
  known.are_known = true;
  return known.places;
}

uint64_t Alignment::memory(uint32_t row, unsigned threads) const {
  uint64_t matching = 0;
  const auto [first, end] = units_of_row_.equal_range(row);
  for (auto entry = first; entry != end; ++entry)
    matching = std::max(matching, matching_memory(first_.tensors, units_[entry->second], threads));
  return places_memory_ + matching;
}

uint64_t head_channels_of(std::span<const double> coefficients) { return static_cast<uint64_t>(coefficients[1]); }

}  // namespace ckmerge
