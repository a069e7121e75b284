// SPDX-License-Identifier: Apache-2.0
// Which row goes with which column, so that the sum over all pairs is largest.
#pragma once

#include <cstdint>
#include <vector>

#include "core/threads/hands.h"

namespace ckmerge {

/// A square of gains within a larger matrix of f32: element (i, j) is first[i * stride + j].
struct Gains {
  const float* first;
  uint64_t count;   ///< of rows, and of columns
  uint64_t stride;  ///< elements from row to row
};

/// The column of each row, of the pairing with the largest sum: shortest augmenting paths (Jonker and Volgenant, 1987),
/// exact but for the rounding of prices in f64. Rows whose own column is as good as any keep it where nothing else
/// wants that column. Some n^2 operations where rows know their columns, n^3 at most; the same pairs on every machine.
/// One thread's work, which ends as Hands::check() does. REQUIRES: finite gains.
std::vector<uint32_t> best_assignment(const Gains& gains, const Hands& hands = {});

/// Sum over the rows, in their order.
double gain_of(const Gains& gains, const std::vector<uint32_t>& columns);

/// Bytes that it holds meanwhile, the result included.
uint64_t best_assignment_memory(uint64_t count);

}  // namespace ckmerge
