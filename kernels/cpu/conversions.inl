// SPDX-License-Identifier: Apache-2.0
// Loads, which are exact, and stores, which round once: between a file's dtypes and the compute dtypes. Part of
// blocks.inl.

// Memory in a file's dtype: any alignment, any effective type.
template <typename T>
struct File {
  typedef T __attribute__((aligned(1), may_alias)) type;
};
template <typename T>
using InFile = typename File<T>::type;

// ---- loads: exact ----

template <typename F>
void load_small(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<typename F::Code>*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = widen<F>(codes[i]);
}

template <typename From, typename To>
void load_wide(const void* src, To* __restrict__ dst, size_t n) {
  const auto* values = static_cast<const InFile<From>*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = values[i];
}

// ---- stores: one rounding ----
// Nearly every block holds ordinary values only. A store writes the block as if it did and notes whether it was wrong;
// then the block is written again with all the rules, and counted. All rules in one loop cost a third of the speed
// for bf16 and half of it for fp8.

template <typename F>
[[gnu::noinline]] uint32_t count_vanishing(const float* src, size_t n) {
  uint32_t vanished = 0;
  for (size_t i = 0; i < n; ++i) vanished += vanishes<F>(src[i]);
  return vanished;
}

template <typename F>
bool store_ordinary(const float* src, void* dst, size_t n, uint32_t& vanished) {
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  int32_t largest = 0;
  uint32_t least = UINT32_MAX;
  for (size_t i = 0; i < n; ++i) {
    largest = larger_magnitude(largest, src[i]);
    least = smaller_beyond_zero(least, src[i]);
    codes[i] = static_cast<typename F::Code>(narrow_ordinary<F>(src[i]));
  }
  if (some_vanish<F>(least)) vanished += count_vanishing<F>(src, n);
  return is_ordinary<F>(largest);
}

template <typename F>
void store_special(const float* src, void* dst, size_t n, StoreCounts* counts) {
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  uint32_t too_large = 0, inf = 0, non_finite = 0, vanished = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t magnitude = bits_of(src[i]) & kMagnitude;
    too_large += magnitude > kLargestSource<F> && magnitude < kInfBits;
    inf += magnitude == kInfBits;
    vanished += vanishes<F>(src[i]);
    const uint32_t code = narrow<F>(src[i]);
    non_finite += (code & (F::kSign - 1)) > F::kLargest;
    codes[i] = static_cast<typename F::Code>(code);
  }
  (F::kOver == F::kLargest ? counts->saturated : counts->overflowed) += too_large;
  if (!kHasInf<F>) counts->lost_inf += inf;
  counts->non_finite += non_finite;
  counts->vanished += vanished;
}

template <typename F, bool (*kOrdinary)(const float*, void*, size_t, uint32_t&) = store_ordinary<F>>
void store_small(const float* src, void* dst, size_t n, StoreCounts* counts) {
  uint32_t vanished = 0;
  if (kOrdinary(src, dst, n, vanished))
    counts->vanished += vanished;
  else
    store_special<F>(src, dst, n, counts);
}

// A wide format: the bits of its exponent, and of the NaN that is stored.
struct Single {
  using Value = float;
  using Bits = uint32_t;
  static constexpr Bits kInf = kInfBits, kNan = kNanBits, kSign = 0x80000000;
};
struct Double {
  using Value = double;
  using Bits = uint64_t;
  static constexpr Bits kInf = 0x7ff0000000000000, kNan = 0x7ff8000000000000, kSign = 0x8000000000000000;
};

// Values of the compute dtype itself: nothing is rounded, but a NaN becomes the positive quiet one. Adding one step of
// the exponent to a magnitude carries into the sign where it was Inf or NaN; SSE2 has no comparison of 64-bit integers.
template <typename F>
bool store_ordinary_wide(const typename F::Value* src, void* dst, size_t n) {
  auto* __restrict__ values = static_cast<InFile<typename F::Value>*>(dst);
  constexpr typename F::Bits kStep = F::kSign - F::kInf;
  typename F::Bits carries = 0;
  for (size_t i = 0; i < n; ++i) {
    carries |= (__builtin_bit_cast(typename F::Bits, src[i]) & ~F::kSign) + kStep;
    values[i] = src[i];
  }
  return !(carries & F::kSign);
}

template <typename F>
void store_wide(const typename F::Value* src, void* dst, size_t n, StoreCounts* counts) {
  if (store_ordinary_wide<F>(src, dst, n)) return;
  auto* __restrict__ values = static_cast<InFile<typename F::Value>*>(dst);
  uint32_t non_finite = 0;
  for (size_t i = 0; i < n; ++i) {
    non_finite += (__builtin_bit_cast(typename F::Bits, src[i]) & ~F::kSign) >= F::kInf;
    // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
    values[i] = src[i] == src[i] ? src[i] : __builtin_bit_cast(typename F::Value, F::kNan);
  }
  counts->non_finite += non_finite;
}

void store_f32_as_f64(const float* src, void* dst, size_t n, StoreCounts* counts) {
  double wide[kBlockElements];
  for (size_t i = 0; i < n; ++i) wide[i] = src[i];
  store_wide<Double>(wide, dst, n, counts);
}

void store_f64_as_f32(const double* src, void* dst, size_t n, StoreCounts* counts) {
  float narrowed[kBlockElements];
  uint32_t overflowed = 0, vanished = 0;
  for (size_t i = 0; i < n; ++i) {
    narrowed[i] = static_cast<float>(src[i]);
    overflowed += __builtin_fabsf(narrowed[i]) > FLT_MAX && __builtin_fabs(src[i]) <= DBL_MAX;
    vanished += narrowed[i] == 0 && src[i] != 0;
  }
  counts->overflowed += overflowed;
  counts->vanished += vanished;
  store_wide<Single>(narrowed, dst, n, counts);
}

// ---- the small formats in f64: through f32, exactly ----

template <void (*kLoad)(const void*, float*, size_t)>
void load_through_f32(const void* src, double* dst, size_t n) {
  float narrow_values[kBlockElements];
  kLoad(src, narrow_values, n);
  for (size_t i = 0; i < n; ++i) dst[i] = narrow_values[i];
}

template <void (*kStore)(const float*, void*, size_t, StoreCounts*)>
void store_through_f32(const double* src, void* dst, size_t n, StoreCounts* counts) {
  float rounded[kBlockElements];
  for (size_t i = 0; i < n; ++i) rounded[i] = round_to_odd(src[i]);
  kStore(rounded, dst, n, counts);
}
