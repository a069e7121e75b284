// SPDX-License-Identifier: Apache-2.0
// Which elements of a line are kept, where the share of each hangs on its rank: those of few need that be known. Keys
// are counted in buckets, whose first and last rank leave most elements no choice; elements of buckets that hold one
// key are in order as they come, and those of the others alone are sorted.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/orders/magnitude_ranks.h"
#include "core/threads/hands.h"
#include "core/threads/stop_pace.h"
#include "kernels/made_operand.h"
#include "kernels/magnitudes.h"

namespace ckmerge {

/// One thread's room for lines of one length, one after another.
template <typename T>
class LineMask {
 public:
  using Key = typename MagnitudeKey<T>::Type;

  /// REQUIRES: `length` is below 2^32.
  LineMask(const MadeOperand::Mask& mask, uint64_t length, const Hands& hands);

  /// Throws Error(interrupted) where the stop flag is raised. kept[i] = 1 where drawn[i] is less than the share of
  /// keys[i] among `keys`, else 0. All are of the length.
  void decide(std::span<const Key> keys, std::span<const T> drawn, std::span<uint8_t> kept);

  /// Bytes for lines of so many elements.
  static uint64_t memory(uint64_t length);

 private:
  // Of the shares of a bucket's elements.
  struct Bounds {
    T least, most;
  };
  T share(uint64_t rank) const;
  void count(std::span<const Key> keys);
  void bound();
  size_t decide_by_bounds(std::span<const T> drawn, std::span<uint8_t> kept);
  bool decide_by_place(std::span<const T> drawn, std::span<uint8_t> kept, size_t open);
  void sort_mixed(std::span<const Key> keys, std::span<const T> drawn, std::span<uint8_t> kept);

  static size_t buckets_for(uint64_t length);
  static constexpr uint64_t kShares = 64 << 10;  // of longer lines shares are not kept
  // Of a bucket: how many are in it, and above them whether one is not the least that it may hold.
  static constexpr uint64_t kMixed = uint64_t{1} << 32;
  static uint32_t count_of(uint64_t bucket) { return static_cast<uint32_t>(bucket); }

  // Calls part(begin, end) for ranges of elements, and looks at the stop flag in between.
  template <typename Part>
  void by_parts(size_t count, const Part& part);

  const MadeOperand::Mask mask_;
  const uint64_t length_;
  StopPace pace_;
  std::vector<T> shares_;  // by rank
  std::vector<uint64_t> buckets_;
  std::vector<uint32_t> starts_;  // of a bucket: its first rank
  std::vector<Bounds> bounds_;
  std::vector<uint8_t> is_wanted_;  // of a bucket: it has to be sorted
  std::vector<uint16_t> bucket_of_;
  std::vector<uint32_t> place_of_, open_;  // in its bucket; elements
  std::vector<uint32_t> mixed_;
  std::vector<Key> mixed_keys_;
  KeySorter<Key> sorter_;
};

extern template class LineMask<float>;
extern template class LineMask<double>;

}  // namespace ckmerge
