// SPDX-License-Identifier: Apache-2.0
// How each form of quantized weights is recognised, and by whom it is written: one row each. A tensor of ordinary
// floats is never a code, whatever it is called, so the dtype is asked first and companions are looked up last.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/dtype.h"

namespace ckmerge {

/// A set of dtypes, a bit each.
using DtypeSet = uint32_t;
constexpr DtypeSet set_of(auto... dtype) { return ((1u << static_cast<unsigned>(dtype)) | ...); }
constexpr bool contains(DtypeSet set, Dtype dtype) { return (set & set_of(dtype)) != 0; }

inline constexpr DtypeSet kIntegers =
    set_of(Dtype::U8, Dtype::I8, Dtype::U16, Dtype::I16, Dtype::U32, Dtype::I32, Dtype::U64, Dtype::I64);
inline constexpr DtypeSet kFp8 = set_of(Dtype::F8_E4M3, Dtype::F8_E5M2, Dtype::F8_E4M3FNUZ, Dtype::F8_E5M2FNUZ);
inline constexpr DtypeSet kBlockTypes = set_of(Dtype::F4, Dtype::F6_E2M3, Dtype::F6_E3M2, Dtype::F8_E8M0);
inline constexpr DtypeSet kAnyDtype = ~0u;
/// All that can be a code.
inline constexpr DtypeSet kCodes = kIntegers | kFp8 | kBlockTypes;

/// A tensor that stands by a code: a scale, a table.
struct Companion {
  enum class Where : uint8_t {
    none,
    beside,  ///< `name` in the code's module
    own,     ///< the code's whole name and then `name`
    twin,    ///< in the code's module, `name` in place of what the row's leaf says behind its star
  };
  Where where = Where::none;
  std::string_view name = {};
  DtypeSet dtypes = kAnyDtype;
  enum class Shape : uint8_t { any, one_element, equal_width } shape = Shape::any;  ///< width: the last dimension
  bool other_dtype = false;  ///< than the code's: a plain cast to fp8 casts scales as well
};

struct CodeRow {
  /// What the name ends with behind a dot, or is; `*X`: what ends in X; `X*`: whose last part begins with X; `*`: any.
  std::string_view leaf;
  DtypeSet dtypes;
  uint64_t least_elements;
  Companion companions[3];  ///< all of them are there
  std::string_view kind;    ///< the form, and the libraries that write it
};

/// Special cases stand before what they are special cases of.
std::span<const CodeRow> code_rows();

}  // namespace ckmerge
