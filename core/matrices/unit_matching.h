// SPDX-License-Identifier: Apache-2.0
// Which channels of a second checkpoint take which places of a unit, so that its tensors come nearest to those of the
// first one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/matrices/permuted_units.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// Of each part of a unit: the channel of the second checkpoint that comes to each place. Empty: all stay.
using ChannelPlaces = std::array<std::vector<uint32_t>, kMostParts>;

/// Weight matching (Ainsworth, Hayase and Srinivasa, arXiv:2209.04836) of one unit: what makes the sum of products of
/// the elements largest, over all its tensors. Products are of f32, in one order on every machine; the choice is exact
/// for blocks, and for rotary attention where the values tell their channels apart. All stay where the tensors are the
/// same, or an element is NaN, infinite or beyond 1e15. The same for any number of hands. Throws as read_matrix().
ChannelPlaces matched_places(const Checkpoint& first, const Checkpoint& second, const PermutedUnit& unit,
                             const Hands& hands = {});

/// Bytes that it holds meanwhile on so many threads, the result included.
uint64_t matching_memory(const TensorTable& tensors, const PermutedUnit& unit, unsigned threads);

}  // namespace ckmerge
