// SPDX-License-Identifier: Apache-2.0
// Reductions over the results of programs: what a walk over a tensor's blocks is made of.
#pragma once

#include <cstdint>

#include "kernels/program.h"

namespace ckmerge {

/// Elements whose products are summed by themselves: a reduction over a tensor is cut at multiples of this, whatever
/// the tiles are, so that its bits do not depend on them.
inline constexpr uint64_t kReductionBlock = 64 * 1024;

/// Sums of products over one reduction block or a part of one. Starts at zero; parts are added in order.
struct LaneSums {
  double lanes[kLanes] = {};
  double total() const;  ///< lane 0 to 15, added in that order
};

/// Adds x[i] * y[i] for elements [first, first + count) of two operands, computed in `compute`; `index` is where the
/// first of them stands in the reduction (its lane is index mod kLanes).
void add_products(const BlockKernels& kernels, Dtype compute, const Operand& x, const Operand& y, uint64_t first,
                  uint64_t count, uint64_t index, LaneSums& sums) noexcept;

/// The same for the results of two programs over `operands`, which compute in the same dtype; without `y` the results
/// of `x` are added up as they are.
void add_products(const BlockKernels& kernels, const Program& x, const Program* y, const Operand* operands,
                  uint64_t first, uint64_t count, uint64_t index, LaneSums& sums, const Places& places = {}) noexcept;

/// What a program makes of elements [first, first + count) of its operands.
struct ReducedValues {
  const Program& program;
  const Operand* operands;
  uint64_t first, count;
  Places places = {};
};

/// How many magnitudes have keys (kernels/magnitudes.h) from `low` to `high`.
uint64_t count_within(const BlockKernels& kernels, const ReducedValues& values, uint64_t low, uint64_t high) noexcept;

/// The largest key of a magnitude; 0 where there are no values.
uint64_t largest_key(const BlockKernels& kernels, const ReducedValues& values) noexcept;

/// The index among the values of that which is the `left`-th, from 1, of those whose magnitude has this key. Where
/// there are fewer, they are taken off `left`; else it becomes 0. REQUIRES: left is not 0.
uint64_t find_key(const BlockKernels& kernels, const ReducedValues& values, uint64_t key, uint64_t& left) noexcept;

/// A digit of keys: `bits` bits of them from bit `shift` on, of keys whose bits above these are `above`.
struct Digit {
  unsigned shift = 0, bits = 0;
  uint64_t above = 0;

  friend bool operator==(const Digit&, const Digit&) = default;
};

/// Adds to kDigitTables tables of counts. REQUIRES: fewer than 2^32 values have been counted in them.
void count_digits(const BlockKernels& kernels, const ReducedValues& values, const Digit& digit, uint32_t* tables,
                  size_t apart) noexcept;

}  // namespace ckmerge
