// SPDX-License-Identifier: Apache-2.0
// The k-th largest magnitude of a tensor, found exactly, and where those of equal magnitude are cut: digit by digit of
// the magnitudes' keys, then by index. What walks find are whole numbers, which come to the same in any order.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/reductions.h"

namespace ckmerge {

/// How many keys have which digit, in 32 bits each as long as that is enough.
class DigitCounts {
 public:
  void add(std::span<const uint32_t> counts);
  uint64_t operator[](size_t digit) const;

 private:
  std::vector<uint32_t> low_;           // none until some are added
  std::map<size_t, uint64_t> carried_;  // in units of 2^32
};

class MagnitudeCut {
 public:
  /// What the next walk has to find. `equals`: how many elements of each block have the magnitude; `place`: where the
  /// last of them that stays lies in its block.
  enum class Next : uint8_t { digit, equals, place, nothing };

  /// Of `count` elements, which all lie before the index `end`. `keeps_equal`: of the smallest magnitude that stays
  /// all do.
  MagnitudeCut(Dtype compute, uint64_t count, uint64_t end, bool keeps_equal = false);

  /// So many elements stay: known before the first digit is taken. Of none and of all nothing is to be found.
  void keep(uint64_t kept);

  Next next() const { return next_; }
  Digit digit() const;
  uint64_t key() const { return key_; }
  /// The `nth()` element of the magnitude in `block()`, from 1, is the last that stays.
  uint64_t block() const { return block_; }
  uint64_t nth() const { return kept_ - above_ - passed_; }

  void take_digit(const DigitCounts& counts);
  /// Of the blocks, in their order.
  void take_equals(uint64_t block, uint64_t count);
  /// After those of the last block.
  void finish_equals() { next_ = Next::place; }
  void take_place(uint64_t index);

  /// The smallest magnitude that stays, and the index before which those of that magnitude do.
  double least() const { return least_; }
  double end() const { return end_; }

 private:
  void finish(uint64_t end);

  const Dtype compute_;
  const uint64_t count_, behind_all_;
  const bool keeps_equal_;
  uint64_t kept_ = 0;
  Next next_ = Next::digit;
  unsigned left_;       // bits of the key that are not known yet
  uint64_t key_ = 0;    // the others
  uint64_t above_ = 0;  // elements of larger keys
  uint64_t passed_ = 0, block_ = 0;
  bool has_block_ = false;
  double least_ = 0, end_ = 0;
};

}  // namespace ckmerge
