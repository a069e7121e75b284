// SPDX-License-Identifier: Apache-2.0
#include "core/orders/mersenne_twister.h"

#include <algorithm>

namespace ckmerge {
namespace {

constexpr size_t kApart = 397;

uint32_t twisted(uint32_t upper, uint32_t lower, uint32_t far) {
  const uint32_t mixed = (upper & 0x80000000) | (lower & 0x7fffffff);
  return far ^ mixed >> 1 ^ ((lower & 1) ? 0x9908b0df : 0);
}

uint32_t tempered(uint32_t x) {
  x ^= x >> 11;
  x ^= x << 7 & 0x9d2c5680;
  x ^= x << 15 & 0xefc60000;
  return x ^ x >> 18;
}

}  // namespace

MersenneTwister::MersenneTwister(uint32_t seed) {
  words_[0] = seed;
  for (uint32_t i = 1; i < kWords; ++i) words_[i] = 1812433253 * (words_[i - 1] ^ words_[i - 1] >> 30) + i;
}

void MersenneTwister::twist() {
  for (size_t i = 0; i < kWords - kApart; ++i) words_[i] = twisted(words_[i], words_[i + 1], words_[i + kApart]);
  for (size_t i = kWords - kApart; i < kWords - 1; ++i)
    words_[i] = twisted(words_[i], words_[i + 1], words_[i + kApart - kWords]);
  words_[kWords - 1] = twisted(words_[kWords - 1], words_[0], words_[kApart - 1]);
  next_ = 0;
}

void MersenneTwister::fill(std::span<uint32_t> out) {
  while (!out.empty()) {
    if (next_ == kWords) twist();
    const size_t here = std::min(out.size(), kWords - next_);
    for (size_t i = 0; i < here; ++i) out[i] = tempered(words_[next_ + i]);
    next_ += here;
    out = out.subspan(here);
  }
}

void MersenneTwister::skip(uint64_t count) {
  while (count > 0) {
    if (next_ == kWords) twist();
    const uint64_t here = std::min<uint64_t>(count, kWords - next_);
    next_ += here;
    count -= here;
  }
}

}  // namespace ckmerge
