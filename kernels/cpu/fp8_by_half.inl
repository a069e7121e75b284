// SPDX-License-Identifier: Apache-2.0
// fp8 where the CPU converts f16 itself: every fp8 value is an f16 value whose low bits are 0 (an e4m3 value once it is
// scaled by 2^-8, which is the difference of the biases), so both directions are one f16 conversion and a shift.
// Rounding to fp8 precision happens before, in f32; the conversion is then exact. Measured on AVX2, ps per element:
// load 119 and store 197, against 325 and 497 for the integer arithmetic of small_floats.inl. Part of blocks.inl.

template <typename F>
constexpr uint32_t kHalfShift = Half::kMantissa - F::kMantissa;
template <typename F>
constexpr float kHalfScale = F::kBias == Half::kBias ? 1 : 256;
static_assert(Half::kBias - E4m3::kBias == 8 && E5m2::kBias == Half::kBias);

template <typename F>
inline uint16_t half_of(uint16_t code) {
  const uint16_t magnitude = code & 0x7f, sign = static_cast<uint16_t>((code & 0x80) << 8);
  const uint16_t bits = static_cast<uint16_t>(magnitude << kHalfShift<F>);
  return (!kHasInf<F> && magnitude == F::kNan ? Half::kNan : bits) | sign;
}

template <typename F>
void load_fp8(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<uint8_t>*>(src);
  uint16_t halves[kBlockElements];
  for (size_t i = 0; i < n; ++i) halves[i] = half_of<F>(codes[i]);
  load_halves(halves, dst, n);
  if (kHalfScale<F> != 1)
    for (size_t i = 0; i < n; ++i) dst[i] *= kHalfScale<F>;
}

// Rounds an ordinary value to the precision of F: adding 2^23 steps of F at this exponent leaves no bits below a step.
template <typename F>
inline float round_ordinary(float x) {
  const uint32_t exponent = bits_of(x) & kInfBits;
  const float steps = float_of((exponent < kSmallestNormal<F> ? kSmallestNormal<F> : exponent) + (kShift<F> << 23));
  const float rounded = (float_of(bits_of(x) & kMagnitude) + steps) - steps;
  return float_of(bits_of(rounded * (1 / kHalfScale<F>)) | (bits_of(x) & ~kMagnitude));
}

template <typename F>
bool store_ordinary_fp8(const float* src, void* dst, size_t n, uint32_t& vanished) {
  float rounded[kBlockElements];
  int32_t largest = 0;
  uint32_t least = UINT32_MAX, ignored = 0;
  for (size_t i = 0; i < n; ++i) {
    largest = larger_magnitude(largest, src[i]);
    least = smaller_beyond_zero(least, src[i]);
    rounded[i] = round_ordinary<F>(src[i]);
  }
  uint16_t halves[kBlockElements];
  store_ordinary_halves(rounded, halves, n, ignored);
  auto* __restrict__ codes = static_cast<InFile<uint8_t>*>(dst);
  for (size_t i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(((halves[i] >> 8) & 0x80) | ((halves[i] >> kHalfShift<F>)&0x7f));
  if (some_vanish<F>(least)) vanished += count_vanishing<F>(src, n);
  return is_ordinary<F>(largest);
}
