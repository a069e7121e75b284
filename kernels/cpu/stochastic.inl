// SPDX-License-Identifier: Apache-2.0
// Stores that draw: a value that a format does not have becomes one of its two neighbours, each with the probability
// that its nearness to the other gives. What the format has no bits for is brought to 31 bits of a fraction and the
// upper 31 bits of the word are added; a carry goes on to the farther neighbour. So there is none where nothing is to
// be rounded, and the probability is that of the distance to within 2^-31. Part of blocks.inl.

// REQUIRES: x is at most F's largest value. Normal values have fewer bits to lose than the word has.
template <typename F>
inline uint32_t drawn_magnitude(float x, uint32_t word) {
  const uint32_t magnitude = bits_of(x) & kMagnitude;
  const uint32_t normal = ((magnitude + (word >> (32 - kShift<F>))) >> kShift<F>)-(kRebias<F> << F::kMantissa);
  if constexpr (kRebias<F> == 0) return normal;  // its subnormal values are those of f32
  const auto small = static_cast<int32_t>(magnitude) - static_cast<int32_t>(kSmallestNormal<F>);
  const auto is_tiny = static_cast<uint32_t>(small >> 31);  // all bits, or none: a choice would be a branch
  constexpr float kSteps =
      static_cast<float>(uint64_t{1} << (F::kBias + F::kMantissa - 1) % 64);  // 1 / the least value
  const float steps = float_of(magnitude & is_tiny) * kSteps;
  const auto whole = static_cast<int32_t>(steps);
  const auto fraction = static_cast<int32_t>((steps - static_cast<float>(whole)) * 0x1p31f);
  const uint32_t tiny = static_cast<uint32_t>(whole) + ((static_cast<uint32_t>(fraction) + (word >> 1)) >> 31);
  return (tiny & is_tiny) | (normal & ~is_tiny);
}

// The same of a value of f64, whose significand is brought to the fraction by one shift.
template <typename F>
inline uint32_t drawn_magnitude(double x, uint32_t word) {
  constexpr uint64_t kOne = uint64_t{1} << 52;
  const uint64_t magnitude = __builtin_bit_cast(uint64_t, x) & (Double::kSign - 1);
  const auto exponent = static_cast<int32_t>(magnitude >> 52) - static_cast<int32_t>(1023 - F::kBias);
  const int32_t below = exponent < 1 ? 1 - exponent : 0;  // F's smallest exponent
  const int32_t lost = static_cast<int32_t>(52 - F::kMantissa) - 31 + below;
  const uint64_t fixed = ((magnitude & (kOne - 1)) | kOne) >> (lost < 63 ? lost : 63);
  const auto steps = static_cast<uint32_t>((fixed + (word >> 1)) >> 31);
  return steps + (static_cast<uint32_t>(exponent > 1 ? exponent - 1 : 0) << F::kMantissa);
}

// The largest value of F, as f32 bits.
template <typename F>
constexpr uint32_t kLargestBits = (F::kLargest + (kRebias<F> << F::kMantissa)) << kShift<F>;

inline float as_single(float x) { return x; }
inline float as_single(double x) { return round_to_odd(x); }

// False where a value is beyond F's largest, which has no second neighbour: then dst holds anything.
template <typename F, typename T>
bool draw_ordinary(const T* src, const uint32_t* words, void* dst, size_t n, uint32_t& vanished) {
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  int32_t largest = 0;
  uint32_t zeros = 0;
  for (size_t i = 0; i < n; ++i) {
    const float single = as_single(src[i]);
    const uint32_t sign = (bits_of(single) >> 31) * F::kSign, code = drawn_magnitude<F>(src[i], words[i]);
    largest = larger_magnitude(largest, single);
    zeros += (code == 0) & ((bits_of(single) & kMagnitude) != 0);
    codes[i] = static_cast<typename F::Code>(code | sign);
  }
  vanished = zeros;
  return largest <= static_cast<int32_t>(kLargestBits<F>);
}

// Values beyond are stored as by the other stores.
template <typename F, typename T>
[[gnu::noinline]] void draw_special(const T* src, const uint32_t* words, void* dst, size_t n, StoreCounts* counts) {
  auto* codes = static_cast<InFile<typename F::Code>*>(dst);
  for (size_t i = 0; i < n; ++i) {
    const float single = as_single(src[i]);
    uint32_t vanished = 0;
    if (draw_ordinary<F>(src + i, words + i, codes + i, 1, vanished))
      counts->vanished += vanished;
    else
      store_special<F>(&single, codes + i, 1, counts);
  }
}

template <typename F, typename T>
void store_drawn(const T* src, const uint32_t* words, void* dst, size_t n, StoreCounts* counts) {
  uint32_t vanished = 0;
  if (draw_ordinary<F>(src, words, dst, n, vanished))
    counts->vanished += vanished;
  else
    draw_special<F>(src, words, dst, n, counts);
}
