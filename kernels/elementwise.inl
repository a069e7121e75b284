// SPDX-License-Identifier: Apache-2.0
// The rows of kernels/elementwise.h as functions of f32 and f64, without a branch, so that loops
// over them become vector code. Included into the namespace of whoever compiles it, after CKMERGE_INLINE is defined.

template <typename T>
struct Layout;
template <>
struct Layout<float> {
  using Bits = uint32_t;
  static constexpr Bits kSign = 0x80000000;
};
template <>
struct Layout<double> {
  using Bits = uint64_t;
  static constexpr Bits kSign = 0x8000000000000000;
};

template <typename T>
CKMERGE_INLINE typename Layout<T>::Bits layout_of(T x) {
  return __builtin_bit_cast(typename Layout<T>::Bits, x);
}
template <typename T>
CKMERGE_INLINE T value_laid_out(typename Layout<T>::Bits bits) {
  return __builtin_bit_cast(T, bits);
}

template <typename T>
CKMERGE_INLINE T absolute_of(T x) {
  return value_laid_out<T>(layout_of(x) & ~Layout<T>::kSign);
}
template <typename T>
CKMERGE_INLINE T with_sign_of(T x, T y) {
  const T with_sign = value_laid_out<T>((layout_of(x) & ~Layout<T>::kSign) | (layout_of(y) & Layout<T>::kSign));
  // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
  return y == y ? with_sign : y;
}

// Equal numbers are the same bits, but for the sign of zeros.
template <typename T>
CKMERGE_INLINE T smaller_of(T x, T y) {
  const T equal = value_laid_out<T>(layout_of(x) | layout_of(y));
  // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
  const T unequal = ((x < y) | (x != x)) ? x : y;
  return x == y ? equal : unequal;
}
template <typename T>
CKMERGE_INLINE T larger_of(T x, T y) {
  const T equal = value_laid_out<T>(layout_of(x) & layout_of(y));
  // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
  const T unequal = ((x > y) | (x != x)) ? x : y;
  return x == y ? equal : unequal;
}

#if defined(__CUDA_ARCH__)
CKMERGE_INLINE float root_of(float x) { return __fsqrt_rn(x); }
CKMERGE_INLINE double root_of(double x) { return __dsqrt_rn(x); }
#else
CKMERGE_INLINE float root_of(float x) { return __builtin_sqrtf(x); }
CKMERGE_INLINE double root_of(double x) { return __builtin_sqrt(x); }
#endif

#include "kernels/elementary.inl"

template <Op kOp>
struct Elementwise;
#define CKMERGE_ROW(name, operands, expression)                                                    \
  template <>                                                                                      \
  struct Elementwise<Op::name> {                                                                   \
    template <typename T>                                                                          \
    static CKMERGE_INLINE T of([[maybe_unused]] T x, [[maybe_unused]] T y, [[maybe_unused]] T z) { \
      return expression;                                                                           \
    }                                                                                              \
  };
CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
