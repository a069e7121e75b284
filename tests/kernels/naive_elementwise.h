// SPDX-License-Identifier: Apache-2.0
// The operations of kernels/elementwise.h by the C library, where IEEE defines its functions to the last bit; the
// others by their own scalar code, of which elementary_test.cpp says how right it is.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/block_kernels.h"

namespace ckmerge {

namespace naive {
#define CKMERGE_INLINE inline
#include "kernels/elementwise.inl"
#undef CKMERGE_INLINE
}  // namespace naive

template <typename T>
T naive_minimum(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return std::numeric_limits<T>::quiet_NaN();
  if (x == y) return std::signbit(x) ? x : y;
  return x < y ? x : y;
}

template <typename T>
T naive_elementwise(Op op, T x, T y, T z) {
  switch (op) {
    case Op::multiply: return x * y;
    case Op::divide: return x / y;
    case Op::absolute: return std::fabs(x);
    case Op::minimum: return naive_minimum(x, y);
    case Op::maximum: return -naive_minimum(-x, -y);
    case Op::square_root: return std::sqrt(x);
    case Op::copy_sign: return std::isnan(y) ? y : std::copysign(x, y);
    case Op::select: return x < 0 ? y : z;
    case Op::exponential: return naive::exp_of(x);
    case Op::logarithm: return naive::log_of(x);
    case Op::power: return naive::power_of(x, y);
    default: return 0;
  }
}

}  // namespace ckmerge
