// SPDX-License-Identifier: Apache-2.0
// The formats of 16 and 8 bits as arithmetic on 32-bit integers, one element at a time and without a branch, so that
// every compiler turns a loop over them into vector code of whatever width the ISA has. Subnormals on either side never
// meet a floating-point operation as operands whose value matters, so flush-to-zero modes cannot change a bit.
// Part of blocks.inl, inside the namespace of one ISA.

inline uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }
inline float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

constexpr uint32_t kMagnitude = 0x7fffffff;
constexpr uint32_t kInfBits = 0x7f800000;
constexpr uint32_t kNanBits = 0x7fc00000;

// One format: a sign bit, an exponent, kMantissa bits. kOver is the code of a finite value that is too large.
struct Half {
  using Code = uint16_t;
  static constexpr uint32_t kMantissa = 10, kBias = 15, kSign = 0x8000, kLargest = 0x7bff, kOver = 0x7c00,
                            kNan = 0x7e00;
  static constexpr bool kHasInf = true;
};
struct E5m2 {
  using Code = uint8_t;
  static constexpr uint32_t kMantissa = 2, kBias = 15, kSign = 0x80, kLargest = 0x7b, kOver = 0x7b, kNan = 0x7f;
  static constexpr bool kHasInf = true;
};
struct E4m3 {
  using Code = uint8_t;
  static constexpr uint32_t kMantissa = 3, kBias = 7, kSign = 0x80, kLargest = 0x7e, kOver = 0x7e, kNan = 0x7f;
  static constexpr bool kHasInf = false;
};

template <typename F>
inline constexpr uint32_t kShift = 23 - F::kMantissa;
template <typename F>
inline constexpr uint32_t kSmallestNormal = (128 - F::kBias) << 23;  // as f32 bits

// The largest f32 magnitude that rounds to a finite code: half a step above kLargest, where the tie goes to the even
// one.
template <typename F>
inline constexpr uint32_t kLargestSource = ((F::kLargest + ((127 - F::kBias) << F::kMantissa))
                                            << kShift<F>)+(1u << (kShift<F> - 1)) -
                                           (F::kLargest & 1);

template <typename F>
inline float widen(uint32_t code) {
  const uint32_t magnitude = code & (F::kSign - 1);
  const uint32_t sign = (code & F::kSign) * (0x80000000u / F::kSign);
  const uint32_t normal = (magnitude << kShift<F>)+((127 - F::kBias) << 23);
  // A subnormal m * 2^e is written as (1 + m) * 2^e with the exponent of the smallest normal, minus that normal: exact.
  const uint32_t tiny = bits_of(float_of(normal + (1u << 23)) - float_of(kSmallestNormal<F>));
  uint32_t bits = magnitude >> F::kMantissa == 0 ? tiny : normal;
  if (F::kHasInf)
    bits = magnitude > F::kLargest ? (magnitude << kShift<F>) | kInfBits : bits;
  else
    bits = magnitude > F::kLargest ? kNanBits : bits;
  return float_of(bits | sign);
}

template <typename F>
inline uint32_t narrow(float x) {
  const uint32_t magnitude = bits_of(x) & kMagnitude;
  const uint32_t sign = (bits_of(x) >> 31) * F::kSign;
  const uint32_t tie_to_even = (1u << (kShift<F> - 1)) - 1 + ((magnitude >> kShift<F>)&1);
  const uint32_t normal = ((magnitude + tie_to_even) >> kShift<F>)-((127 - F::kBias) << F::kMantissa);
  // Adding 2^23 smallest subnormals leaves their number, rounded to nearest even, in the low bits.
  constexpr uint32_t kMagic = (151 - F::kBias - F::kMantissa) << 23;
  const uint32_t tiny = bits_of(float_of(magnitude) + float_of(kMagic)) - kMagic;
  uint32_t code = magnitude < kSmallestNormal<F> ? tiny : normal;
  code = (magnitude > kLargestSource<F> ? F::kOver : code) | sign;
  if (F::kHasInf)
    code = magnitude == kInfBits ? ((F::kLargest + 1) | sign) : code;
  else
    code = magnitude == kInfBits ? F::kNan : code;
  return magnitude > kInfBits ? F::kNan : code;
}

inline uint32_t narrow_bf16(float x) {
  const uint32_t bits = bits_of(x);
  const uint32_t code = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return (bits & kMagnitude) > kInfBits ? 0x7fc0 : code;
}
constexpr uint32_t kLargestBf16Source = 0x7f7f7fff;  // the tie above the largest, 7f7f, goes to Inf
