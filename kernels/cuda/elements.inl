// SPDX-License-Identifier: Apache-2.0
// Loading and storing single elements and vectors of elements with the dtype as a run-time switch, by the same bit
// arithmetic as on the CPU. Compiled by nvcc for devices, and by the host's compiler for the tests that compare the two
// backends where no device is. Part of tile_threads.inl.

#include "kernels/small_floats.inl"

CKMERGE_INLINE uint64_t bits_of_double(double x) { return __builtin_bit_cast(uint64_t, x); }
CKMERGE_INLINE double double_of(uint64_t bits) { return __builtin_bit_cast(double, bits); }

constexpr uint64_t kDoubleInfBits = 0x7ff0000000000000, kDoubleNanBits = 0x7ff8000000000000;
constexpr uint64_t kDoubleMagnitude = 0x7fffffffffffffff;

CKMERGE_INLINE bool is_finite(float x) { return (bits_of(x) & kMagnitude) < kInfBits; }
CKMERGE_INLINE bool is_finite(double x) { return (bits_of_double(x) & kDoubleMagnitude) < kDoubleInfBits; }

// The device converts f16 itself, with the same rounding; only NaN may come out with another payload, which no store
// keeps.
template <typename F>
CKMERGE_INLINE float widen_here(uint32_t code) {
  return widen<F>(code);
}
template <typename F>
CKMERGE_INLINE uint32_t narrow_ordinary_here(float x) {
  return narrow_ordinary<F>(x);
}
#if defined(__CUDA_ARCH__)
template <>
CKMERGE_INLINE float widen_here<Half>(uint32_t code) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<unsigned short>(code)));
  return value;
}
template <>
CKMERGE_INLINE uint32_t narrow_ordinary_here<Half>(float x) {
  unsigned short code;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(code) : "f"(x));
  return code;
}
#endif

// ---- memory: any alignment for one element, that of the vector for a vector ----

template <typename T>
CKMERGE_INLINE T read_bytes(const unsigned char* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof(T));
  return value;
}
template <typename T>
CKMERGE_INLINE void write_bytes(unsigned char* at, T value) {
  __builtin_memcpy(at, &value, sizeof(T));
}

struct alignas(8) TwoWords {
  uint32_t words[2];
};
struct alignas(16) FourWords {
  uint32_t words[4];
};

constexpr uint32_t vector_alignment(uint32_t bytes) { return bytes < 16 ? bytes : 16; }

// REQUIRES: kBytes is 4, 8 or a multiple of 16, and `at` a multiple of vector_alignment(kBytes).
template <uint32_t kBytes>
CKMERGE_INLINE void read_words(const unsigned char* at, uint32_t* words) {
  if constexpr (kBytes == 4) {
    words[0] = *reinterpret_cast<const uint32_t*>(at);
  } else if constexpr (kBytes == 8) {
    const TwoWords two = *reinterpret_cast<const TwoWords*>(at);
    words[0] = two.words[0], words[1] = two.words[1];
  } else {
    for (uint32_t k = 0; k < kBytes / 16; ++k) {
      const FourWords four = reinterpret_cast<const FourWords*>(at)[k];
      for (uint32_t w = 0; w < 4; ++w) words[4 * k + w] = four.words[w];
    }
  }
}
template <uint32_t kBytes>
CKMERGE_INLINE void write_words(unsigned char* at, const uint32_t* words) {
  if constexpr (kBytes == 4) {
    *reinterpret_cast<uint32_t*>(at) = words[0];
  } else if constexpr (kBytes == 8) {
    *reinterpret_cast<TwoWords*>(at) = TwoWords{{words[0], words[1]}};
  } else {
    for (uint32_t k = 0; k < kBytes / 16; ++k)
      reinterpret_cast<FourWords*>(at)[k] =
          FourWords{{words[4 * k], words[4 * k + 1], words[4 * k + 2], words[4 * k + 3]}};
  }
}

// ---- loads: exact, save that of F64 to f32, which rounds once ----

// The wide formats beside those of small_floats.inl.
struct Single {
  using Code = uint32_t;
};
struct Double {
  using Code = uint64_t;
};

template <typename F>
constexpr Dtype kDtypeOf = Dtype::F32;
template <>
constexpr Dtype kDtypeOf<Half> = Dtype::F16;
template <>
constexpr Dtype kDtypeOf<Bfloat> = Dtype::BF16;

template <typename F>
CKMERGE_INLINE auto value_of(typename F::Code code) {
  if constexpr (sizeof code == 8)
    return double_of(code);
  else if constexpr (sizeof code == 4)
    return float_of(code);
  else
    return widen_here<F>(code);
}

template <typename F, typename T>
CKMERGE_INLINE T load_element_of(const unsigned char* at) {
  return static_cast<T>(value_of<F>(read_bytes<typename F::Code>(at)));
}

template <typename T>
CKMERGE_INLINE T load_element(const unsigned char* at, Dtype dtype) {
  switch (dtype) {
    case Dtype::F8_E5M2: return load_element_of<E5m2, T>(at);
    case Dtype::F8_E4M3: return load_element_of<E4m3, T>(at);
    case Dtype::F16: return load_element_of<Half, T>(at);
    case Dtype::BF16: return load_element_of<Bfloat, T>(at);
    case Dtype::F64: return load_element_of<Double, T>(at);
    default: return load_element_of<Single, T>(at);
  }
}

// Element i of a vector that was read as words.
template <typename F>
CKMERGE_INLINE typename F::Code code_in(const uint32_t* words, uint32_t i) {
  constexpr uint32_t kSize = sizeof(typename F::Code), kPerWord = kSize < 4 ? 4 / kSize : 1;
  if constexpr (kSize == 8)
    return words[2 * i] | static_cast<uint64_t>(words[2 * i + 1]) << 32;
  else
    return static_cast<typename F::Code>(words[i / kPerWord] >> (8 * kSize * (i % kPerWord)));
}

template <typename F, uint32_t kVector>
constexpr uint32_t kWordsOf = kVector * sizeof(typename F::Code) / 4;

template <typename F, uint32_t kVector, typename T>
CKMERGE_INLINE void load_vector_of(const unsigned char* at, T* values) {
  uint32_t words[kWordsOf<F, kVector>];
  read_words<kVector * sizeof(typename F::Code)>(at, words);
  for (uint32_t i = 0; i < kVector; ++i) values[i] = static_cast<T>(value_of<F>(code_in<F>(words, i)));
}

// REQUIRES: `at` is a multiple of vector_alignment() of the vector's bytes.
template <uint32_t kVector, typename T>
CKMERGE_INLINE void load_vector(const unsigned char* at, Dtype dtype, T* values) {
  switch (dtype) {
    case Dtype::F8_E5M2: load_vector_of<E5m2, kVector>(at, values); break;
    case Dtype::F8_E4M3: load_vector_of<E4m3, kVector>(at, values); break;
    case Dtype::F16: load_vector_of<Half, kVector>(at, values); break;
    case Dtype::BF16: load_vector_of<Bfloat, kVector>(at, values); break;
    case Dtype::F64: load_vector_of<Double, kVector>(at, values); break;
    default: load_vector_of<Single, kVector>(at, values);
  }
}

// ---- stores: one rounding, and counts, by the rules of cpu/blocks.inl ----

CKMERGE_INLINE float to_small_source(float x) { return x; }
CKMERGE_INLINE float to_small_source(double x) { return round_to_odd(x); }

template <typename F>
CKMERGE_INLINE void store_small_element(unsigned char* at, float x, StoreCounts& counts) {
  const uint32_t magnitude = bits_of(x) & kMagnitude, code = narrow<F>(x);
  (F::kOver == F::kLargest ? counts.saturated : counts.overflowed) +=
      magnitude > kLargestSource<F> && magnitude < kInfBits;
  if (!kHasInf<F>) counts.lost_inf += magnitude == kInfBits;
  counts.vanished += vanishes<F>(x);
  counts.non_finite += (code & (F::kSign - 1)) > F::kLargest;
  write_bytes(at, static_cast<typename F::Code>(code));
}

template <typename T>
CKMERGE_INLINE void store_single_element(unsigned char* at, T x, StoreCounts& counts) {
  const auto narrowed = static_cast<float>(x);
  counts.overflowed += !is_finite(narrowed) && is_finite(x);
  counts.non_finite += !is_finite(narrowed);
  counts.vanished += narrowed == 0 && x != 0;
  write_bytes(at, narrowed == narrowed ? bits_of(narrowed) : kNanBits);
}

CKMERGE_INLINE void store_double_element(unsigned char* at, double x, StoreCounts& counts) {
  counts.non_finite += !is_finite(x);
  write_bytes(at, x == x ? bits_of_double(x) : kDoubleNanBits);
}

template <typename T>
CKMERGE_INLINE void store_element(unsigned char* at, Dtype dtype, T x, StoreCounts& counts) {
  switch (dtype) {
    case Dtype::F8_E5M2: store_small_element<E5m2>(at, to_small_source(x), counts); break;
    case Dtype::F8_E4M3: store_small_element<E4m3>(at, to_small_source(x), counts); break;
    case Dtype::F16: store_small_element<Half>(at, to_small_source(x), counts); break;
    case Dtype::BF16: store_small_element<Bfloat>(at, to_small_source(x), counts); break;
    case Dtype::F64: store_double_element(at, x, counts); break;
    default: store_single_element(at, x, counts);
  }
}

// Writes a vector of ordinary values, and adds those that become zero to `vanished`; false, and nothing done, where one
// needs the rules above.
template <typename F, uint32_t kVector, typename T>
CKMERGE_INLINE bool store_small_vector(unsigned char* at, const T* values, uint32_t& vanished) {
  constexpr uint32_t kSize = sizeof(typename F::Code), kPerWord = 4 / kSize;
  uint32_t words[kVector / kPerWord] = {};
  int32_t largest = 0;
  uint32_t gone = 0;
  for (uint32_t i = 0; i < kVector; ++i) {
    const float x = to_small_source(values[i]);
    largest = larger_magnitude(largest, x);
    gone += vanishes<F>(x);
    words[i / kPerWord] |= narrow_ordinary_here<F>(x) << (8 * kSize * (i % kPerWord));
  }
  if (!is_ordinary<F>(largest)) return false;
  vanished += gone;
  write_words<kVector * kSize>(at, words);
  return true;
}

template <uint32_t kVector, typename T>
CKMERGE_INLINE bool store_wide_vector(unsigned char* at, Dtype dtype, const T* values, uint32_t& vanished) {
  uint32_t words[2 * kVector], gone = 0;
  bool finite = true;
  if (dtype == Dtype::F64) {
    for (uint32_t i = 0; i < kVector; ++i) {
      const uint64_t bits = bits_of_double(values[i]);
      finite &= is_finite(values[i]);
      words[2 * i] = static_cast<uint32_t>(bits), words[2 * i + 1] = static_cast<uint32_t>(bits >> 32);
    }
    if (finite) write_words<8 * kVector>(at, words);
  } else {
    for (uint32_t i = 0; i < kVector; ++i) {
      const auto narrowed = static_cast<float>(values[i]);
      finite &= is_finite(narrowed);
      if constexpr (sizeof(T) > sizeof(float)) gone += narrowed == 0 && values[i] != 0;
      words[i] = bits_of(narrowed);
    }
    if (finite) write_words<4 * kVector>(at, words);
    if (finite) vanished += gone;
  }
  return finite;
}

// REQUIRES: as load_vector().
template <uint32_t kVector, typename T>
CKMERGE_INLINE bool store_vector(unsigned char* at, Dtype dtype, const T* values, uint32_t& vanished) {
  switch (dtype) {
    case Dtype::F8_E5M2: return store_small_vector<E5m2, kVector>(at, values, vanished);
    case Dtype::F8_E4M3: return store_small_vector<E4m3, kVector>(at, values, vanished);
    case Dtype::F16: return store_small_vector<Half, kVector>(at, values, vanished);
    case Dtype::BF16: return store_small_vector<Bfloat, kVector>(at, values, vanished);
    default: return store_wide_vector<kVector>(at, dtype, values, vanished);
  }
}
