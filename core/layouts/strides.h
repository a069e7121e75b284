// SPDX-License-Identifier: Apache-2.0
// Strides of views, in elements from one to the next along each dimension.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// Of elements that lie in order.
std::vector<uint64_t> strides_in_order(Shape shape);
bool lie_in_order(Shape shape, Shape strides);

/// The strides with which a view has `other` shape, of as many elements in the same order; none: no strides do it.
std::optional<std::vector<uint64_t>> strides_of_shape(Shape shape, Shape strides, Shape other);

}  // namespace ckmerge
