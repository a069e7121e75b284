// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/unit_matching.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/algebra/assignment.h"
#include "core/matrices/channel_gains.h"
#include "core/matrices/read_matrix.h"

namespace ckmerge {
namespace {

// Of heads and of their channels, one after the other; two or three do.
constexpr int kMostRounds = 10;
// Products of more might not be finite in f32, nor might sums of them.
constexpr double kLargestElement = 1e15;

struct Operands {
  const Checkpoint& first;
  const Checkpoint& second;
  const Hands& hands;

  Matrix of_first(uint32_t row) const { return read_matrix(first, first.tensors.name(row), hands); }
  Matrix of_second(uint32_t row) const { return read_matrix(second, first.tensors.name(row), hands); }
};

bool is_matched(const Operands& operands, const PermutedUnit& unit) {
  bool differs = false;
  for (const PermutedWindow& window : unit.windows) {
    const Matrix a = operands.of_first(window.row), b = operands.of_second(window.row);
    const auto is_small = [](double element) { return std::fabs(element) <= kLargestElement; };
    if (!std::ranges::all_of(a.elements, is_small) || !std::ranges::all_of(b.elements, is_small)) return false;
    differs = differs || a.elements != b.elements;
  }
  return differs;
}

// Of all windows of a part, with channels by `together`.
ChannelGains gains_of_part(const Operands& operands, const PermutedUnit& unit, uint8_t part, uint64_t together) {
  ChannelGains gains(unit.extents[part] / together, operands.hands);
  for (const PermutedWindow& window : unit.windows) {
    if (window.part != part) continue;
    const AxisView view = axis_view(operands.first.tensors[window.row].shape, window.axis);
    const std::vector<float> a =
        channels_of(operands.of_first(window.row), view, window.begin, unit.extents[part], together, operands.hands);
    const std::vector<float> b =
        channels_of(operands.of_second(window.row), view, window.begin, unit.extents[part], together, operands.hands);
    gains.add(a, b, operands.hands);
  }
  return gains;
}

// Blocks, each of which is so many channels of a part that change places within it.
struct FreePart {
  ChannelGains gains;
  uint64_t channels;

  Gains within(uint64_t to, uint64_t from) const { return gains.square(to * channels, from * channels, channels); }
};

void put_block(std::vector<uint32_t>& places, uint64_t to, uint64_t from, const std::vector<uint32_t>& within) {
  const uint64_t channels = within.size();
  for (uint64_t x = 0; x < channels; ++x)
    places[to * channels + x] = static_cast<uint32_t>(from * channels + within[x]);
}

ChannelPlaces places_of_blocks(const Operands& operands, const PermutedUnit& unit) {
  std::vector<FreePart> parts;
  for (uint8_t part = 0; part < kMostParts && unit.extents[part] > 0; ++part)
    parts.push_back({gains_of_part(operands, unit, part, 1), unit.extents[part] / unit.blocks});
  const Hands& hands = operands.hands;
  ChannelGains of_blocks(unit.blocks);
  if (unit.blocks > 1)
    hands.share(unit.blocks, 1, [&](uint64_t i, uint64_t) {
      for (uint64_t j = 0; j < unit.blocks; ++j)
        for (const FreePart& part : parts)
          of_blocks.add(i, j, gain_of(part.within(i, j), best_assignment(part.within(i, j), hands)));
    });
  const std::vector<uint32_t> blocks = best_assignment(of_blocks.all(), hands);
  ChannelPlaces places;
  hands.share(parts.size(), 1, [&](uint64_t part, uint64_t) {
    places[part].resize(unit.extents[part]);
    for (uint64_t i = 0; i < unit.blocks; ++i)
      put_block(places[part], i, blocks[i], best_assignment(parts[part].within(i, blocks[i]), hands));
  });
  return places;
}

// How heads of queries that share keys and values take the places of others.
struct HeadPlaces {
  std::vector<uint32_t> queries, channels;
  double gain = 0;
};

class RotaryMatching {
 public:
  RotaryMatching(const Operands& operands, const PermutedUnit& unit)
      : unit_(unit),
        hands_(operands.hands),
        channels_(unit.head_channels),
        shared_(unit.extents[kQueries] / unit.extents[kKeys]),
        queries_(gains_of_part(operands, unit, kQueries, channels_)),
        keys_(gains_of_part(operands, unit, kKeys, channels_)),
        values_(gains_of_part(operands, unit, kValues, 1)),
        outputs_(gains_of_part(operands, unit, kOutputs, 1)) {}

  ChannelPlaces places() const {
    ChannelGains of_groups(unit_.blocks);
    hands_.share(unit_.blocks, 1, [&](uint64_t i, uint64_t) {
      for (uint64_t j = 0; j < unit_.blocks; ++j) of_groups.add(i, j, keys_.at(i, j) + group(i, j).gain);
    });
    const std::vector<uint32_t> groups = best_assignment(of_groups.all(), hands_);
    ChannelPlaces places;
    for (size_t part = 0; part < kMostParts; ++part) places[part].resize(unit_.extents[part]);
    hands_.share(unit_.blocks, 1, [&](uint64_t i, uint64_t) { put(places, i, groups[i]); });
    return places;
  }

 private:
  void put(ChannelPlaces& places, uint64_t to, uint64_t from) const {
    const HeadPlaces heads = group(to, from);
    std::vector<uint32_t> same(channels_);
    std::iota(same.begin(), same.end(), 0);
    put_block(places[kKeys], to, from, same);
    put_block(places[kValues], to, from, heads.channels);
    for (uint64_t a = 0; a < shared_; ++a) {
      put_block(places[kQueries], to * shared_ + a, from * shared_ + heads.queries[a], same);
      put_block(places[kOutputs], to * shared_ + a, from * shared_ + heads.queries[a], heads.channels);
    }
  }

  // Group `to` made of group `from`: channels by the values, then heads, then channels by all, until nothing changes.
  HeadPlaces group(uint64_t to, uint64_t from) const {
    const Gains by_values = values_.square(to * channels_, from * channels_, channels_);
    HeadPlaces found{.queries = {}, .channels = best_assignment(by_values, hands_)};
    for (int round = 0; round < kMostRounds; ++round) {
      hands_.check();
      const ChannelGains heads = gains_of_heads(to, from, found.channels);
      std::vector<uint32_t> queries = best_assignment(heads.all(), hands_);
      const ChannelGains within = gains_within(to, from, queries);
      std::vector<uint32_t> channels = best_assignment(within.all(), hands_);
      const bool is_stable = queries == found.queries && channels == found.channels;
      found.queries = std::move(queries);
      found.channels = std::move(channels);
      if (is_stable) break;
    }
    const ChannelGains heads = gains_of_heads(to, from, found.channels);
    found.gain = gain_of(heads.all(), found.queries) + gain_of(by_values, found.channels);
    return found;
  }

  ChannelGains gains_of_heads(uint64_t to, uint64_t from, const std::vector<uint32_t>& channels) const {
    ChannelGains gains(shared_);
    for (uint64_t a = 0; a < shared_; ++a)
      for (uint64_t b = 0; b < shared_; ++b) {
        const uint64_t i = to * shared_ + a, j = from * shared_ + b;
        gains.add(a, b,
                  queries_.at(i, j) + gain_of(outputs_.square(i * channels_, j * channels_, channels_), channels));
      }
    return gains;
  }

  ChannelGains gains_within(uint64_t to, uint64_t from, const std::vector<uint32_t>& queries) const {
    ChannelGains gains(channels_);
    for (uint64_t x = 0; x < channels_; ++x)
      for (uint64_t y = 0; y < channels_; ++y) {
        double sum = values_.at(to * channels_ + x, from * channels_ + y);
        for (uint64_t a = 0; a < shared_; ++a)
          sum += outputs_.at((to * shared_ + a) * channels_ + x, (from * shared_ + queries[a]) * channels_ + y);
        gains.add(x, y, sum);
      }
    return gains;
  }

  const PermutedUnit& unit_;
  const Hands& hands_;
  const uint64_t channels_, shared_;  // of a head; heads of queries for one of keys
  const ChannelGains queries_, keys_, values_, outputs_;
};

// Of a thread that compares blocks, beside the gains of all.
uint64_t memory_of_blocks(const PermutedUnit& unit) {
  if (unit.arrangement == Arrangement::rotary) {
    const uint64_t channels = unit.head_channels, shared = unit.extents[kQueries] / unit.extents[kKeys];
    return (channels * channels + shared * shared) * sizeof(float) + best_assignment_memory(channels) +
           best_assignment_memory(shared);
  }
  return best_assignment_memory(std::ranges::max(unit.extents) / unit.blocks);
}

}  // namespace

ChannelPlaces matched_places(const Checkpoint& first, const Checkpoint& second, const PermutedUnit& unit,
                             const Hands& hands) {
  const Operands operands{first, second, hands};
  if (!is_matched(operands, unit)) return {};
  if (unit.arrangement == Arrangement::blocks) return places_of_blocks(operands, unit);
  return RotaryMatching(operands, unit).places();
}

uint64_t matching_memory(const TensorTable& tensors, const PermutedUnit& unit, unsigned threads) {
  uint64_t largest = 0, of_places = 0;
  uint64_t gains = unit.blocks * unit.blocks * sizeof(float);
  for (const PermutedWindow& window : unit.windows) largest = std::max(largest, tensors[window.row].count);
  for (size_t part = 0; part < kMostParts; ++part) {
    const bool by_head = unit.arrangement == Arrangement::rotary && part <= kKeys;
    gains += channel_gains_memory(unit.extents[part] / (by_head ? unit.head_channels : 1), threads);
    of_places += 2 * best_assignment_memory(unit.extents[part]);
  }
  // A tensor of both as read and as channels, before and while they are multiplied.
  return largest * (2 * sizeof(double) + 2 * sizeof(float)) + gains + of_places +
         std::min<uint64_t>(threads, unit.blocks) * memory_of_blocks(unit);
}

}  // namespace ckmerge
