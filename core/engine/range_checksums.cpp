// SPDX-License-Identifier: Apache-2.0
#include "core/engine/range_checksums.h"

#include <algorithm>
#include <cstring>

namespace ckmerge {
namespace {

constexpr uint64_t kMostSlots = 32 * 1024;

uint64_t rounded_up_quotient(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

// Odd, with their bits well mixed: the first hex digits of the fractions of pi, e, sqrt 2 and sqrt 3.
constexpr uint64_t kFactors[4] = {0x243f6a8885a308d3, 0xb7e151628aed2a6b, 0x6a09e667f3bcc909, 0xbb67ae8584caa73b};

// One-to-one in `lane` for every word and in `word` for every lane, so that one changed word always shows. The shift
// brings the top bits down: a multiplication alone would leave them few, and a second flipped bit could cancel them.
uint64_t mix(uint64_t lane, uint64_t word, uint64_t factor) {
  const uint64_t both = lane ^ word;
  return (both ^ both >> 32) * factor;
}

}  // namespace

uint64_t checksum(uint64_t offset, std::span<const std::byte> bytes) {
  uint64_t lanes[4] = {mix(0, offset, kFactors[2]), mix(0, bytes.size(), kFactors[3])};
  uint64_t words[4];
  size_t at = 0;
  const auto add_words = [&] {  // four chains, so that multiplications overlap
    for (size_t k = 0; k < 4; ++k) lanes[k] = mix(lanes[k], words[k], kFactors[k]);
  };
  for (; at + sizeof words <= bytes.size(); at += sizeof words) {
    std::memcpy(words, bytes.data() + at, sizeof words);
    add_words();
  }
  std::memset(words, 0, sizeof words);
  if (at < bytes.size()) std::memcpy(words, bytes.data() + at, bytes.size() - at);
  add_words();
  uint64_t sum = 0;
  for (const uint64_t lane : lanes) sum = mix(sum, lane, kFactors[0]);
  return sum;
}

RangeChecksums::RangeChecksums(uint64_t file_size, uint64_t tile_size)
    : file_size_(file_size),
      slot_size_(tile_size * rounded_up_quotient(rounded_up_quotient(file_size, tile_size), kMostSlots)),
      slots_(rounded_up_quotient(file_size, slot_size_)) {}

std::optional<ByteRange> RangeChecksums::difference() const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i] != 0) return ByteRange{i * slot_size_, std::min((i + 1) * slot_size_, file_size_)};
  return std::nullopt;
}

}  // namespace ckmerge
