// SPDX-License-Identifier: Apache-2.0
// Loops over the operations of kernels/placed.inl. Part of blocks.inl.
#include "kernels/placed.inl"

// The word itself.
template <>
inline uint32_t unit_of<uint32_t>(uint32_t word) {
  return word;
}

#if defined(__AVX2__)
#include "kernels/cpu/placed_x86.inl"
#endif

// The words of whole counters, as many as are worth it. REQUIRES: index is a multiple of 4. Returns how many words.
template <typename T>
size_t uniform_by_counters(T* dst, uint64_t key, uint64_t index, size_t n) {
#if defined(__AVX2__)
  return uniform_by_registers(dst, key, index, n);
#else
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const RandomWords words = random_words((index + i) / 4, key);
    dst[i] = unit_of<T>(words.a), dst[i + 1] = unit_of<T>(words.b);
    dst[i + 2] = unit_of<T>(words.c), dst[i + 3] = unit_of<T>(words.d);
  }
  return i;
#endif
}

template <typename T>
void uniform(T* dst, uint64_t key, uint64_t index, size_t n) {
  size_t i = 0;
  for (; i < n && (index + i) % 4 != 0; ++i) dst[i] = uniform_of<T>(index + i, key);
  i += uniform_by_counters(dst + i, key, index + i, n - i);
  for (; i < n; ++i) dst[i] = uniform_of<T>(index + i, key);
}

template <typename T>
void before(T* dst, uint64_t period, uint64_t bound, uint64_t index, size_t n) {
  uint64_t at = index % period;
  for (size_t i = 0; i < n;) {
    const bool is_before = at < bound;
    const uint64_t left = (is_before ? bound : period) - at;
    const size_t end = left < n - i ? i + static_cast<size_t>(left) : n;
    at = at + (end - i) == period ? 0 : at + (end - i);
    for (const T value = is_before ? static_cast<T>(-1) : static_cast<T>(1); i < end; ++i) dst[i] = value;
  }
}

template <typename T>
void where_at_least(T* dst, const T* x, typename MagnitudeKey<T>::Type least, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = magnitude_key(x[i]) >= least ? static_cast<T>(-1) : static_cast<T>(1);
}

template <typename T>
void stays(T* dst, const T* x, T least, uint64_t end, uint64_t index, size_t n) {
  const uint64_t left = end > index ? end - index : 0;
  const size_t equal = left < n ? static_cast<size_t>(left) : n;
  where_at_least(dst, x, magnitude_key(least), equal);
  where_at_least(dst + equal, x + equal, magnitude_key(least) + 1, n - equal);
}
