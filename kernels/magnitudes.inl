// SPDX-License-Identifier: Apache-2.0
// Magnitudes as whole numbers that are in their order: their keys. CKMERGE_INLINE says what functions are here.

template <typename T>
struct MagnitudeKey;
template <>
struct MagnitudeKey<float> {
  using Type = uint32_t;
  static constexpr Type kMask = 0x7fffffff, kNan = 0x7f800001;
};
template <>
struct MagnitudeKey<double> {
  using Type = uint64_t;
  static constexpr Type kMask = 0x7fffffffffffffff, kNan = 0x7ff0000000000001;
};

// The bits of x without its sign. Any NaN has one key, the next above that of infinity: which NaN an operation gives
// differs from CPU to CPU.
template <typename T>
CKMERGE_INLINE typename MagnitudeKey<T>::Type magnitude_key(T x) {
  using Key = MagnitudeKey<T>;
  const typename Key::Type bits = __builtin_bit_cast(typename Key::Type, x) & Key::kMask;
  return bits < Key::kNan ? bits : Key::kNan;
}
