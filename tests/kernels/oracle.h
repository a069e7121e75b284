// SPDX-License-Identifier: Apache-2.0
// What the kernels must do, written again from the definitions of the formats and as slowly as is clear: values are
// doubles, encoding searches a table of every value of the format. Shares no code with kernels/cpu.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/block_kernels.h"
#include "kernels/dtype.h"

namespace ckmerge {

inline bool operator==(const StoreCounts& x, const StoreCounts& y) {
  return x.saturated == y.saturated && x.overflowed == y.overflowed && x.lost_inf == y.lost_inf &&
         x.non_finite == y.non_finite && x.created == y.created && x.vanished == y.vanished && x.negative == y.negative;
}

}  // namespace ckmerge

namespace ckmerge::oracle {

inline constexpr Dtype kReal[] = {Dtype::F8_E5M2, Dtype::F8_E4M3, Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64};
inline constexpr Dtype kSmall[] = {Dtype::F8_E5M2, Dtype::F8_E4M3, Dtype::F16, Dtype::BF16};

/// The value of a code of a small format; every one is exact in a double.
double decode(Dtype dtype, uint32_t code);

/// The code that `value` is stored as in a small format, and what happened to it (`created` is not known here).
uint32_t encode(Dtype dtype, double value, StoreCounts& counts);

/// Reads and writes one element of any real dtype at any alignment.
double read(Dtype dtype, const void* at);
void write(Dtype dtype, double value, void* at, StoreCounts& counts);

/// Positive finite values of a small format, ascending; index = code.
const std::vector<double>& finite_values(Dtype dtype);

template <typename To, typename From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

}  // namespace ckmerge::oracle
