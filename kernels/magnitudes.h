// SPDX-License-Identifier: Apache-2.0
// Keys of magnitudes (kernels/magnitudes.inl) of either compute dtype.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/dtype.h"

namespace ckmerge {

#pragma push_macro("CKMERGE_INLINE")
#undef CKMERGE_INLINE
#define CKMERGE_INLINE inline
#include "kernels/magnitudes.inl"
#pragma pop_macro("CKMERGE_INLINE")

/// Bits of a key.
constexpr unsigned key_bits(Dtype compute) { return compute == Dtype::F64 ? 63 : 31; }

/// The magnitude that has the key, widened where it is an f32.
inline double magnitude_of(uint64_t key, Dtype compute) {
  if (compute == Dtype::F64) return std::bit_cast<double>(key);
  return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(key)));
}

}  // namespace ckmerge
