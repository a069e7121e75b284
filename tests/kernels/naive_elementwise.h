// SPDX-License-Identifier: Apache-2.0
// The operations of kernels/elementwise.h by the C library, whose functions used here IEEE defines to the last bit.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/block_kernels.h"

namespace ckmerge {

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
    default: return 0;
  }
}

}  // namespace ckmerge
