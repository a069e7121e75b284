// SPDX-License-Identifier: Apache-2.0
// The order of the elements of a tensor by size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/threads/hands.h"

namespace ckmerge {

/// Indices of `elements` from the smallest to the largest, of equal ones the lower index first. REQUIRES: no NaN. Holds
/// as much again while it works.
std::vector<uint64_t> order_of(std::span<const double> elements, const Hands& hands);

}  // namespace ckmerge
