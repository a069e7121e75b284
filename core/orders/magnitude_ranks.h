// SPDX-License-Identifier: Apache-2.0
// Magnitudes in their order: the ranks of lines of them, by a radix sort of their keys (kernels/magnitudes).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ckmerge {

/// Sorts lines of keys, one after another, in room that it keeps between them.
template <typename Key>
class KeySorter {
 public:
  /// Of each of `keys` how many are smaller, or as large and before it. Valid until the next call. REQUIRES: fewer than
  /// 2^32 keys, of key_bits() each.
  std::span<const uint32_t> ranks(std::span<const Key> keys);

  /// Bytes for lines of so many keys.
  static uint64_t memory(uint64_t count);

 private:
  struct Entry {
    Key key;
    uint32_t index;
  };
  void rank_few(std::span<const Key> keys);
  void rank_very_few(std::span<const Key> keys);
  void count_digits(std::span<const Key> keys);
  size_t differing_digits(std::span<const Key> keys, std::span<unsigned> digits) const;

  static constexpr unsigned kDigitBits = 11, kDigits = sizeof(Key) == 4 ? 3 : 6;
  std::vector<uint32_t> counts_ = std::vector<uint32_t>(size_t{kDigits} << kDigitBits);
  std::vector<Entry> entries_, others_;
  std::vector<uint32_t> ranks_;
};

extern template class KeySorter<uint32_t>;
extern template class KeySorter<uint64_t>;

}  // namespace ckmerge
