// SPDX-License-Identifier: Apache-2.0
// The formats of 16 and 8 bits as arithmetic on 32-bit integers, one element at a time and without a branch, so that
// every compiler turns a loop over them into vector code of whatever width the ISA has. A subnormal is only ever added
// to a number that absorbs it exactly, so flush-to-zero modes cannot change a bit. Included into the namespace of
// whoever compiles it: cpu/blocks.inl, once per ISA, and cuda/elements.inl, for the device. CKMERGE_INLINE says how
// functions are declared there.

CKMERGE_INLINE uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
CKMERGE_INLINE float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

constexpr uint32_t kMagnitude = 0x7fffffff;
constexpr uint32_t kInfBits = 0x7f800000;
constexpr uint32_t kNanBits = 0x7fc00000;

// One format: a sign bit, an exponent, kMantissa bits. kOver is the code of a finite value that is too large.
struct Bfloat {
  using Code = uint16_t;
  static constexpr uint32_t kMantissa = 7, kBias = 127, kSign = 0x8000, kLargest = 0x7f7f, kOver = 0x7f80;
  static constexpr uint32_t kInf = 0x7f80, kNan = 0x7fc0;
};
struct Half {
  using Code = uint16_t;
  static constexpr uint32_t kMantissa = 10, kBias = 15, kSign = 0x8000, kLargest = 0x7bff, kOver = 0x7c00;
  static constexpr uint32_t kInf = 0x7c00, kNan = 0x7e00;
};
struct E5m2 {
  using Code = uint8_t;
  static constexpr uint32_t kMantissa = 2, kBias = 15, kSign = 0x80, kLargest = 0x7b, kOver = 0x7b;
  static constexpr uint32_t kInf = 0x7c, kNan = 0x7f;
};
struct E4m3 {  // has no Inf: what would be its code is a number
  using Code = uint8_t;
  static constexpr uint32_t kMantissa = 3, kBias = 7, kSign = 0x80, kLargest = 0x7e, kOver = 0x7e;
  static constexpr uint32_t kInf = 0x7f, kNan = 0x7f;
};

template <typename F>
constexpr bool kHasInf = F::kInf != F::kNan;
template <typename F>
constexpr uint32_t kShift = 23 - F::kMantissa;
template <typename F>
constexpr uint32_t kRebias = 127 - F::kBias;
template <typename F>
constexpr uint32_t kSmallestNormal = (kRebias<F> + 1) << 23;  // as f32 bits

// The largest f32 magnitude that rounds to a finite code: half a step above kLargest, where the tie goes to the even
// neighbour.
template <typename F>
constexpr uint32_t kLargestSource = ((F::kLargest + (kRebias<F> << F::kMantissa))
                                     << kShift<F>)+(1u << (kShift<F> - 1)) -
                                    (F::kLargest & 1);

// The largest f32 magnitude that rounds to zero: half of the smallest subnormal, a tie that goes to the even neighbour.
template <typename F>
constexpr uint32_t kLargestVanishing = (kRebias<F> - F::kMantissa) << 23;
template <>
constexpr uint32_t kLargestVanishing<Bfloat> = 0x8000;

// The smaller of a magnitude other than zero, less one, and that of x; zero counts as the largest. Two instructions,
// where a comparison and a count for each element take four and a fifth of a store of bf16.
CKMERGE_INLINE uint32_t smaller_beyond_zero(uint32_t least, float x) {
  const uint32_t other = (bits_of(x) & kMagnitude) - 1;
  return other < least ? other : least;
}

// Whether the value of which smaller_beyond_zero() speaks is stored as zero.
template <typename F>
CKMERGE_INLINE bool some_vanish(uint32_t least) {
  return least < kLargestVanishing<F>;
}

// Whether something other than zero is stored as zero: 1 or 0.
template <typename F>
CKMERGE_INLINE uint32_t vanishes(float x) {
  const auto magnitude = static_cast<int32_t>(bits_of(x) & kMagnitude);
  return (magnitude != 0) & (magnitude <= static_cast<int32_t>(kLargestVanishing<F>));
}

template <typename F>
CKMERGE_INLINE float widen(uint32_t code) {
  const uint32_t magnitude = code & (F::kSign - 1);
  const uint32_t sign = (code & F::kSign) * (0x80000000u / F::kSign);
  const uint32_t normal = (magnitude << kShift<F>)+(kRebias<F> << 23);
  // A subnormal m * 2^e is written as (1 + m) * 2^e with the exponent of the smallest normal, minus that normal: exact.
  const uint32_t tiny = bits_of(float_of(normal + (1u << 23)) - float_of(kSmallestNormal<F>));
  const uint32_t finite = magnitude >> F::kMantissa == 0 ? tiny : normal;
  const uint32_t special = kHasInf<F> ? (magnitude << kShift<F>) | kInfBits : kNanBits;
  return float_of((magnitude > F::kLargest ? special : finite) | sign);
}
template <>
CKMERGE_INLINE float widen<Bfloat>(uint32_t code) {
  return float_of(code << 16);
}

// The larger of a magnitude and that of x, as bits; a NaN is larger than all numbers. Signed, because AVX2 and SSE2
// have no unsigned comparison: a flag per element instead costs bf16 a quarter of its store.
CKMERGE_INLINE int32_t larger_magnitude(int32_t magnitude, float x) {
  const auto other = static_cast<int32_t>(bits_of(x) & kMagnitude);
  return other > magnitude ? other : magnitude;
}

// A value is ordinary for a format if it is finite and rounds to a finite code. True if all up to `largest` are.
template <typename F>
CKMERGE_INLINE bool is_ordinary(int32_t largest) {
  return largest <= static_cast<int32_t>(kLargestSource<F>);
}

// Rounds a magnitude as an integer: a carry out of the mantissa is the right next exponent.
template <typename F>
CKMERGE_INLINE uint32_t round_magnitude(uint32_t magnitude) {
  const uint32_t below_half = (1u << (kShift<F> - 1)) - 1, odd = (magnitude >> kShift<F>)&1;
  return (magnitude + below_half + odd) >> kShift<F>;
}

// REQUIRES: x is ordinary for F.
template <typename F>
CKMERGE_INLINE uint32_t narrow_ordinary(float x) {
  const uint32_t magnitude = bits_of(x) & kMagnitude;
  const uint32_t normal = round_magnitude<F>(magnitude) - (kRebias<F> << F::kMantissa);
  // Adding 2^23 smallest subnormals leaves their number, rounded to nearest even, in the low bits.
  constexpr uint32_t kMagic = (kRebias<F> + 24 - F::kMantissa) << 23;
  const uint32_t tiny = bits_of(float_of(magnitude) + float_of(kMagic)) - kMagic;
  return (magnitude < kSmallestNormal<F> ? tiny : normal) | (bits_of(x) >> 31) * F::kSign;
}
template <>
CKMERGE_INLINE uint32_t narrow_ordinary<Bfloat>(float x) {
  return (bits_of(x) + 0x7fff + ((bits_of(x) >> 16) & 1)) >> 16;
}

template <typename F>
CKMERGE_INLINE uint32_t narrow(float x) {
  const uint32_t magnitude = bits_of(x) & kMagnitude, sign = (bits_of(x) >> 31) * F::kSign;
  uint32_t code = magnitude > kLargestSource<F> ? F::kOver | sign : narrow_ordinary<F>(x);
  code = magnitude == kInfBits && kHasInf<F> ? F::kInf | sign : code;
  return magnitude > (kHasInf<F> ? kInfBits : kInfBits - 1) ? F::kNan : code;
}

// Rounded to odd: toward zero, with the last bit set when anything was lost. f32 has at least two bits more than any
// small format wherever both have values, so rounding this to nearest even rounds as if from the double itself.
CKMERGE_INLINE float round_to_odd(double x) {
  const float nearest = static_cast<float>(x);
  const uint32_t toward_zero = bits_of(nearest) - (__builtin_fabs(static_cast<double>(nearest)) > __builtin_fabs(x));
  return float_of(static_cast<double>(nearest) == x ? bits_of(nearest) : toward_zero | 1);
}
