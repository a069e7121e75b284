// SPDX-License-Identifier: Apache-2.0
#include "core/orders/line_mask.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace ckmerge {
namespace {

constexpr size_t kPart = 256 << 10;  // elements
// Shorter lines are put in order at once.
constexpr uint64_t kShortLine = 64;
// Buckets are of equal width in the logarithm, down from the largest: what is smaller by more octaves shares one.
constexpr unsigned kOctaves = 8;
constexpr size_t kLeastBuckets = 64, kMostBuckets = 2048;

template <typename T>
constexpr unsigned kMantissaBits = std::is_same_v<T, double> ? 52 : 23;

}  // namespace

// The more there are, the fewer hold several keys; of a short line they cost more than that is worth. Differences of
// bf16 have few bits: 256 an octave tell most of them apart.
template <typename T>
size_t LineMask<T>::buckets_for(uint64_t length) {
  return std::bit_floor(std::clamp<size_t>(length / 2, kLeastBuckets, kMostBuckets)) + 2;
}

template <typename T>
LineMask<T>::LineMask(const MadeOperand::Mask& mask, uint64_t length, const Hands& hands)
    : mask_(mask), length_(length), pace_(hands) {
  if (length_ <= kShares) {
    shares_.reserve(length_);
    for (uint64_t rank = 0; rank < length_; ++rank) shares_.push_back(share(rank));
  }
  if (length_ < kShortLine) return;
  const size_t buckets = buckets_for(length_);
  buckets_.resize(buckets);
  starts_.resize(buckets);
  bounds_.resize(buckets);
  is_wanted_.resize(buckets);
  bucket_of_.resize(length_);
  place_of_.resize(length_);
  open_.resize(length_);
}

template <typename T>
template <typename Part>
void LineMask<T>::by_parts(size_t count, const Part& part) {
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    end = std::min(count, begin + kPart);
    pace_.begin(end - begin);
    part(begin, end);
  }
}

template <typename T>
uint64_t LineMask<T>::memory(uint64_t length) {
  const uint64_t buckets = buckets_for(length);
  return std::min(length, kShares) * sizeof(T) + length * (sizeof(uint16_t) + 3 * sizeof(uint32_t) + sizeof(Key)) +
         buckets * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(Bounds) + 1) + KeySorter<Key>::memory(length);
}

template <typename T>
T LineMask<T>::share(uint64_t rank) const {
  if (rank < shares_.size()) return shares_[rank];
  if constexpr (std::is_same_v<T, double>)
    return mask_.share64(mask_.shares, rank, length_);
  else
    return mask_.share32(mask_.shares, rank, length_);
}

template <typename T>
void LineMask<T>::decide(std::span<const Key> keys, std::span<const T> drawn, std::span<uint8_t> kept) {
  if (length_ < kShortLine) {
    pace_.begin(length_);
    const std::span<const uint32_t> ranks = sorter_.ranks(keys);
    for (size_t i = 0; i < ranks.size(); ++i) kept[i] = drawn[i] < share(ranks[i]);
    return;
  }
  count(keys);
  bound();
  const size_t open = decide_by_bounds(drawn, kept);
  if (!decide_by_place(drawn, kept, open)) sort_mixed(keys, drawn, kept);
}

// The first bucket is that of 0, of which there may be many; there is one more, since the least key of the others is
// rounded down.
template <typename T>
void LineMask<T>::count(std::span<const Key> keys) {
  constexpr Key kWidth = (Key{kOctaves} << kMantissaBits<T>)-1;
  Key largest = 0;
  for (const Key key : keys) largest = std::max(largest, key);
  const auto used = static_cast<unsigned>(std::bit_width(std::min(largest, kWidth)));
  const auto wanted = static_cast<unsigned>(std::bit_width(buckets_.size() - 2)) - 1;
  const unsigned shift = used > wanted ? used - wanted : 0;
  const Key low = (Key{1} << shift) - 1, least = (largest > kWidth ? largest - kWidth : 0) & ~low;
  std::ranges::fill(buckets_, uint64_t{0});
  by_parts(keys.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Key key = keys[i], above = std::max(key, least) - least;
      const auto bucket = static_cast<uint16_t>((above >> shift) + (key != 0));
      const bool is_odd = (above & low) != 0 || (key < least && key != 0);
      const uint64_t before = buckets_[bucket];
      bucket_of_[i] = bucket;
      place_of_[i] = count_of(before);
      buckets_[bucket] = (before + 1) | (is_odd ? kMixed : 0);
    }
  });
}

template <typename T>
void LineMask<T>::bound() {
  uint32_t before = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    const uint32_t count = count_of(buckets_[bucket]);
    starts_[bucket] = before;
    if (count == 0) continue;
    const T first = share(before), last = share(before + count - 1);
    bounds_[bucket] = {std::min(first, last), std::max(first, last)};
    before += count;
  }
}

// Returns how many are left open, in open_. No branch hangs on what is drawn.
template <typename T>
size_t LineMask<T>::decide_by_bounds(std::span<const T> drawn, std::span<uint8_t> kept) {
  size_t open = 0;
  by_parts(drawn.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Bounds bounds = bounds_[bucket_of_[i]];
      const bool is_kept = drawn[i] < bounds.least, may_be = drawn[i] < bounds.most;
      kept[i] = is_kept;
      open_[open] = static_cast<uint32_t>(i);
      open += static_cast<size_t>(may_be) - static_cast<size_t>(is_kept);
    }
  });
  return open;
}

// Those of buckets with one key. Returns whether there are no others.
template <typename T>
bool LineMask<T>::decide_by_place(std::span<const T> drawn, std::span<uint8_t> kept, size_t open) {
  bool is_done = true;
  by_parts(open, [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      const uint32_t i = open_[at];
      const uint16_t bucket = bucket_of_[i];
      const bool is_mixed = buckets_[bucket] >= kMixed;
      is_wanted_[bucket] |= static_cast<uint8_t>(is_mixed);
      is_done = is_done && !is_mixed;
      if (!is_mixed) kept[i] = drawn[i] < share(starts_[bucket] + place_of_[i]);
    }
  });
  return is_done;
}

// All elements of the buckets that are wanted.
template <typename T>
void LineMask<T>::sort_mixed(std::span<const Key> keys, std::span<const T> drawn, std::span<uint8_t> kept) {
  size_t members = 0;
  by_parts(keys.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      open_[members] = static_cast<uint32_t>(i);
      members += is_wanted_[bucket_of_[i]];
    }
  });
  mixed_.assign(open_.begin(), open_.begin() + static_cast<ptrdiff_t>(members));
  mixed_keys_.clear();
  for (const uint32_t i : mixed_) mixed_keys_.push_back(keys[i]);
  // Where a bucket begins among all, less where it begins among them.
  uint32_t before = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket)
    if (is_wanted_[bucket] != 0) {
      starts_[bucket] -= before;
      before += count_of(buckets_[bucket]);
    }
  pace_.begin(members);
  const std::span<const uint32_t> ranks = sorter_.ranks(mixed_keys_);
  for (size_t at = 0; at < members; ++at) {
    const uint32_t i = mixed_[at];
    kept[i] = drawn[i] < share(ranks[at] + starts_[bucket_of_[i]]);
  }
  std::ranges::fill(is_wanted_, uint8_t{0});
}

template class LineMask<float>;
template class LineMask<double>;

}  // namespace ckmerge
