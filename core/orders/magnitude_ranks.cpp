// SPDX-License-Identifier: Apache-2.0
#include "core/orders/magnitude_ranks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

namespace ckmerge {
namespace {

// Below it counting digits costs more than comparing, and below the other comparing all with all costs least: it has no
// branches, and runs in vectors.
constexpr size_t kFewKeys = 128, kVeryFewKeys = 48;

}  // namespace

template <typename Key>
uint64_t KeySorter<Key>::memory(uint64_t count) {
  return count * (2 * sizeof(Entry) + sizeof(uint32_t)) + (sizeof(uint32_t) * kDigits << kDigitBits);
}

template <typename Key>
void KeySorter<Key>::rank_very_few(std::span<const Key> keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    uint32_t before = 0;
    for (size_t k = 0; k < i; ++k) before += keys[k] <= keys[i];
    for (size_t k = i + 1; k < keys.size(); ++k) before += keys[k] < keys[i];
    ranks_[i] = before;
  }
}

template <typename Key>
void KeySorter<Key>::rank_few(std::span<const Key> keys) {
  if (keys.size() < kVeryFewKeys) return rank_very_few(keys);
  std::vector<uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) { return keys[a] != keys[b] ? keys[a] < keys[b] : a < b; });
  for (uint32_t rank = 0; rank < order.size(); ++rank) ranks_[order[rank]] = rank;
}

// Of all digits in one walk.
template <typename Key>
void KeySorter<Key>::count_digits(std::span<const Key> keys) {
  constexpr Key kMask = (Key{1} << kDigitBits) - 1;
  std::ranges::fill(counts_, uint32_t{0});
  for (const Key key : keys)
    for (unsigned digit = 0; digit < kDigits; ++digit)
      ++counts_[(size_t{digit} << kDigitBits) + static_cast<size_t>(key >> (digit * kDigitBits) & kMask)];
}

// Those that not all keys have alike, and how many they are.
template <typename Key>
size_t KeySorter<Key>::differing_digits(std::span<const Key> keys, std::span<unsigned> digits) const {
  constexpr Key kMask = (Key{1} << kDigitBits) - 1;
  size_t count = 0;
  for (unsigned digit = 0; digit < kDigits; ++digit) {
    const auto value = static_cast<size_t>(keys[0] >> (digit * kDigitBits) & kMask);
    if (counts_[(size_t{digit} << kDigitBits) + value] != keys.size()) digits[count++] = digit;
  }
  return count;
}

// From the lowest digit up; one that all keys have alike changes nothing and costs nothing. Behind the highest that
// they have not alike, places are ranks, and nothing has to be moved there.
template <typename Key>
std::span<const uint32_t> KeySorter<Key>::ranks(std::span<const Key> keys) {
  constexpr Key kMask = (Key{1} << kDigitBits) - 1;
  ranks_.resize(keys.size());
  if (keys.size() < kFewKeys) {
    rank_few(keys);
    return ranks_;
  }
  count_digits(keys);
  std::array<unsigned, kDigits> digits{};
  const size_t last = differing_digits(keys, digits);
  if (last == 0) {
    std::iota(ranks_.begin(), ranks_.end(), uint32_t{0});
    return ranks_;
  }
  entries_.resize(keys.size());
  others_.resize(keys.size());
  for (size_t pass = 0; pass < last; ++pass) {
    uint32_t* const counts = counts_.data() + (size_t{digits[pass]} << kDigitBits);
    std::exclusive_scan(counts, counts + kMask + 1, counts, uint32_t{0});
    const unsigned shift = digits[pass] * kDigitBits;
    const auto place = [&](Key key) { return counts[static_cast<size_t>(key >> shift & kMask)]++; };
    const auto visit = [&](const auto& act) {
      for (uint32_t i = 0; i < keys.size(); ++i) pass == 0 ? act(keys[i], i) : act(entries_[i].key, entries_[i].index);
    };
    if (pass + 1 == last)
      visit([&](Key key, uint32_t index) { ranks_[index] = place(key); });
    else
      visit([&](Key key, uint32_t index) { others_[place(key)] = {key, index}; });
    std::swap(entries_, others_);
  }
  return ranks_;
}

template class KeySorter<uint32_t>;
template class KeySorter<uint64_t>;

}  // namespace ckmerge
