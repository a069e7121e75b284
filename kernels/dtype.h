// SPDX-License-Identifier: Apache-2.0
// The element types of safetensors as one table: name, size, and what arithmetic may be done on them.
// Plain C types only: kernel files compiled per ISA include this header (ARCHITECTURE.md, "ISA files").
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ckmerge {

/// Every dtype of the format, in the reference writer's sort rank, low to high (docs/format.md). Files list tensors
/// from the highest rank to the lowest, so the order of this enum is part of the output's bytes.
enum class Dtype : uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};
inline constexpr size_t kDtypeCount = 22;

/// What a merge may do with a dtype.
enum class DtypeKind : uint8_t {
  real,     ///< widened, computed and rounded back
  integer,  ///< (and BOOL) never averaged: copied from the first checkpoint
  opaque,   ///< no arithmetic defined here: can be copied, merging it is an error
};

struct DtypeInfo {
  Dtype dtype;
  const char* name;  ///< as spelled in a header
  uint16_t bits;     ///< per element; 4 and 6 are legal, a tensor's total is a multiple of 8
  DtypeKind kind;
  const char* reason;  ///< opaque only: why there is no arithmetic
};

inline constexpr DtypeInfo kDtypes[kDtypeCount] = {
    {Dtype::BOOL, "BOOL", 8, DtypeKind::integer, nullptr},
    {Dtype::F4, "F4", 4, DtypeKind::opaque, "its codes mean nothing without their block scales"},
    {Dtype::F6_E2M3, "F6_E2M3", 6, DtypeKind::opaque, "its codes mean nothing without their block scales"},
    {Dtype::F6_E3M2, "F6_E3M2", 6, DtypeKind::opaque, "its codes mean nothing without their block scales"},
    {Dtype::U8, "U8", 8, DtypeKind::integer, nullptr},
    {Dtype::I8, "I8", 8, DtypeKind::integer, nullptr},
    {Dtype::F8_E5M2, "F8_E5M2", 8, DtypeKind::real, nullptr},
    {Dtype::F8_E4M3, "F8_E4M3", 8, DtypeKind::real, nullptr},
    {Dtype::F8_E8M0, "F8_E8M0", 8, DtypeKind::opaque, "it holds scales of another tensor, not weights"},
    {Dtype::F8_E4M3FNUZ, "F8_E4M3FNUZ", 8, DtypeKind::opaque, "the FNUZ encodings are copied only"},
    {Dtype::F8_E5M2FNUZ, "F8_E5M2FNUZ", 8, DtypeKind::opaque, "the FNUZ encodings are copied only"},
    {Dtype::I16, "I16", 16, DtypeKind::integer, nullptr},
    {Dtype::U16, "U16", 16, DtypeKind::integer, nullptr},
    {Dtype::F16, "F16", 16, DtypeKind::real, nullptr},
    {Dtype::BF16, "BF16", 16, DtypeKind::real, nullptr},
    {Dtype::I32, "I32", 32, DtypeKind::integer, nullptr},
    {Dtype::U32, "U32", 32, DtypeKind::integer, nullptr},
    {Dtype::F32, "F32", 32, DtypeKind::real, nullptr},
    {Dtype::C64, "C64", 64, DtypeKind::opaque, "complex numbers are copied only"},
    {Dtype::F64, "F64", 64, DtypeKind::real, nullptr},
    {Dtype::I64, "I64", 64, DtypeKind::integer, nullptr},
    {Dtype::U64, "U64", 64, DtypeKind::integer, nullptr},
};

constexpr bool dtype_table_is_in_enum_order() {
  for (size_t i = 0; i < kDtypeCount; ++i)
    if (kDtypes[i].dtype != static_cast<Dtype>(i)) return false;
  return true;
}
static_assert(dtype_table_is_in_enum_order());

constexpr const DtypeInfo& info(Dtype dtype) { return kDtypes[static_cast<size_t>(dtype)]; }

/// Bytes per element. REQUIRES: a whole number of bytes (every `real` and `integer` dtype).
constexpr uint64_t element_size(Dtype dtype) { return info(dtype).bits / 8; }

constexpr bool is_real(Dtype dtype) { return info(dtype).kind == DtypeKind::real; }

}  // namespace ckmerge
