// SPDX-License-Identifier: Apache-2.0
// Loops over the operations of kernels/elementwise.h. Part of blocks.inl.
#include "kernels/elementwise.inl"

template <typename T>
void constant(T* dst, const T*, const T*, const T*, T k0, T, size_t n) {
  for (size_t i = 0; i < n; ++i) dst[i] = k0;
}

template <Op kOp, typename T>
void elementwise(T* dst, const T* x, [[maybe_unused]] const T* y, [[maybe_unused]] const T* z, T, T, size_t n) {
  constexpr int kOperands = elementwise_operands(kOp);
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) {
    if constexpr (kOperands == 1)
      dst[i] = Elementwise<kOp>::template of<T>(x[i], 0, 0);
    else if constexpr (kOperands == 2)
      dst[i] = Elementwise<kOp>::template of<T>(x[i], y[i], 0);
    else
      dst[i] = Elementwise<kOp>::template of<T>(x[i], y[i], z[i]);
  }
}

// As long as their operations are, a register of twice the width is worth it, where there is one (avx512.cpp).
template <Op kOp, typename T>
CKMERGE_WIDE void elementary(T* dst, const T* x, const T*, const T*, T, T, size_t n) {
  CKMERGE_INDEPENDENT
  for (size_t i = 0; i < n; ++i) dst[i] = Elementwise<kOp>::template of<T>(x[i], 0, 0);
}

// In two loops: the constants of both do not fit the registers of one.
template <typename T>
CKMERGE_WIDE void power(T* dst, const T* x, const T* y, const T*, T, T, size_t n) {
  constexpr size_t kPart = 64;
  double exponents[kPart];
  for (size_t begin = 0, part = 0; begin < n; begin += part, dst += part, x += part, y += part) {
    part = n - begin < kPart ? n - begin : kPart;
    CKMERGE_INDEPENDENT
    for (size_t i = 0; i < part; ++i) exponents[i] = static_cast<double>(y[i]) * log_for(x[i]);
    CKMERGE_INDEPENDENT
    for (size_t i = 0; i < part; ++i) dst[i] = power_by(x[i], y[i], exponents[i]);
  }
}

template <typename T>
using OpFunction = void (*)(T*, const T*, const T*, const T*, T, T, size_t);

template <typename T>
constexpr void add_elementwise(OpFunction<T> (&table)[kOpCount]) {
#define CKMERGE_ROW(name, operands, expression) table[static_cast<size_t>(Op::name)] = elementwise<Op::name, T>;
  CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
  table[static_cast<size_t>(Op::exponential)] = elementary<Op::exponential, T>;
  table[static_cast<size_t>(Op::logarithm)] = elementary<Op::logarithm, T>;
  table[static_cast<size_t>(Op::power)] = power<T>;
}
