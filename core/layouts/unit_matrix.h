// SPDX-License-Identifier: Apache-2.0
// A tensor that no file has: ones on the diagonal and zeros beside them, told byte by byte when they are asked for.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/table/checkpoint.h"

namespace ckmerge {

/// Whether `dtype` has a one.
bool has_unit(Dtype dtype);

/// Adds a unit matrix of `width` rows as `name`, in place of a tensor of that name. REQUIRES: has_unit(dtype).
void put_unit_matrix(Checkpoint& checkpoint, std::string_view name, Dtype dtype, uint64_t width);

}  // namespace ckmerge
