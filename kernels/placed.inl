// SPDX-License-Identifier: Apache-2.0
// Operations whose result hangs on where an element stands in its tensor, as functions of its index. Included into the
// namespace of whoever compiles it, after CKMERGE_INLINE is defined. Philox4x32-10 is J. K. Salmon et al., Parallel
// random numbers: as easy as 1, 2, 3 (2011).
#include "kernels/magnitudes.inl"

struct RandomWords {
  uint32_t a, b, c, d;
};

constexpr uint32_t kFirstFactor = 0xd2511f53, kSecondFactor = 0xcd9e8d57, kLowStep = 0x9e3779b9, kHighStep = 0xbb67ae85;
constexpr int kPhiloxRounds = 10;

// The four words of Philox4x32-10 for this counter, whose upper half is 0.
CKMERGE_INLINE RandomWords random_words(uint64_t counter, uint64_t key) {
  uint32_t a = static_cast<uint32_t>(counter), b = static_cast<uint32_t>(counter >> 32), c = 0, d = 0;
  uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t x = uint64_t{kFirstFactor} * a, y = uint64_t{kSecondFactor} * c;
    a = static_cast<uint32_t>(y >> 32) ^ b ^ low;
    b = static_cast<uint32_t>(y);
    c = static_cast<uint32_t>(x >> 32) ^ d ^ high;
    d = static_cast<uint32_t>(x);
    low += kLowStep, high += kHighStep;
  }
  return {a, b, c, d};
}

// The same 24 bits in f32 and in f64.
template <typename T>
CKMERGE_INLINE T unit_of(uint32_t word) {
  return static_cast<T>(static_cast<int32_t>(word >> 8)) * static_cast<T>(0x1p-24);
}

// A tensor's element takes the word of its index.
template <typename T>
CKMERGE_INLINE T uniform_of(uint64_t index, uint64_t key) {
  const RandomWords words = random_words(index / 4, key);
  const uint32_t lower = index % 2 == 0 ? words.a : words.b, upper = index % 2 == 0 ? words.c : words.d;
  return unit_of<T>(index % 4 < 2 ? lower : upper);
}

template <typename T>
CKMERGE_INLINE T before_of(uint64_t index, uint64_t period, uint64_t bound) {
  return index % period < bound ? static_cast<T>(-1) : static_cast<T>(1);
}

template <typename T>
CKMERGE_INLINE T stays_of(T x, T least, uint64_t index, uint64_t end) {
  const auto key = magnitude_key(x), bound = magnitude_key(least);
  return key > bound || (key == bound && index < end) ? static_cast<T>(-1) : static_cast<T>(1);
}
