// SPDX-License-Identifier: Apache-2.0
#include "core/engine/magnitude_cut.h"

#include <algorithm>
#include <cmath>

#include "kernels/magnitudes.h"

namespace ckmerge {

// A sum that is less than what was added has passed 2^32.
void DigitCounts::add(std::span<const uint32_t> counts) {
  low_.resize(kDigitBuckets);
  uint32_t any = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    low_[i] += counts[i];
    any |= low_[i] < counts[i];
  }
  for (size_t i = 0; any && i < counts.size(); ++i)
    if (low_[i] < counts[i]) ++carried_[i];
}

uint64_t DigitCounts::operator[](size_t digit) const {
  const auto carried = carried_.find(digit);
  return low_[digit] + (carried == carried_.end() ? 0 : carried->second << 32);
}

MagnitudeCut::MagnitudeCut(Dtype compute, uint64_t count, uint64_t end, bool keeps_equal)
    : compute_(compute), count_(count), behind_all_(end), keeps_equal_(keeps_equal), left_(key_bits(compute)) {}

void MagnitudeCut::keep(uint64_t kept) {
  kept_ = kept;
  if (kept > 0 && kept < count_) return;
  least_ = kept == 0 ? NAN : 0;  // no magnitude is larger
  finish(kept == 0 ? 0 : behind_all_);
}

// Whole ones from the top; the last has what is left.
Digit MagnitudeCut::digit() const {
  const unsigned bits = std::min(left_, kDigitBits);
  return {.shift = left_ - bits, .bits = bits, .above = key_};
}

void MagnitudeCut::take_digit(const DigitCounts& counts) {
  const Digit here = digit();
  size_t at = (size_t{1} << here.bits) - 1;
  for (; above_ + counts[at] < kept_; --at) above_ += counts[at];
  key_ = key_ << here.bits | at;
  left_ = here.shift;
  if (left_ > 0) return;
  least_ = magnitude_of(key_, compute_);
  next_ = count_ <= kReductionBlock ? Next::place : Next::equals;
  if (above_ + counts[at] == kept_ || keeps_equal_) finish(behind_all_);
}

void MagnitudeCut::take_equals(uint64_t block, uint64_t count) {
  if (has_block_) return;
  block_ = block;
  has_block_ = count >= nth();
  if (!has_block_) passed_ += count;
}

void MagnitudeCut::take_place(uint64_t index) { finish(index + 1); }

void MagnitudeCut::finish(uint64_t end) {
  end_ = static_cast<double>(end);
  next_ = Next::nothing;
}

}  // namespace ckmerge
