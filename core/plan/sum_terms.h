// SPDX-License-Identifier: Apache-2.0
// Programs that are sums, c0 * x0 + c1 * x1 + ..., added up from the left. Such a program can be run one operand at a
// time, with the sum so far kept between: then neither registers nor windows grow with the number of checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/plan/plan.h"
#include "kernels/program.h"

namespace ckmerge {

/// One product of a sum. A coefficient of one multiplies nothing.
struct SumTerm {
  uint16_t operand = 0;
  double coefficient = 1;

  friend bool operator==(const SumTerm&, const SumTerm&) = default;
};

/// The terms of `program` in the order in which they are added; empty when it is no sum. The first two may be swapped:
/// an addition commutes. Whether equal elements are kept beside is not told (Program::keeps_equal).
std::optional<std::vector<SumTerm>> sum_terms(const Program& program);

/// The terms of `step`'s program in the order of the checkpoints, or nothing where they are not added in that order.
std::optional<std::vector<SumTerm>> sum_in_order(const Plan& plan, const Step& step);

/// Whether the checkpoints of `plan` are accumulated, one after another: there are many, and all it computes are sums.
bool can_accumulate(const Plan& plan);

/// What a tile keeps where its checkpoints are accumulated.
struct Accumulation {
  static constexpr size_t kMostParts = 1024;  ///< parts of steps; lists of them and of what they read take 160 KiB
  static constexpr uint64_t kAlignment = 8;   ///< of the sums of a part, whatever lies before them

  /// Values of the compute dtype for each element: the sum so far and, where equal elements are kept, the value that
  /// all checkpoints so far agree on.
  static uint64_t arrays_of(const Program& program) { return program.keeps_equal() ? 2 : 1; }

  /// Bytes of sums for `tile_size` bytes of output.
  static uint64_t sums_size(const Plan& plan, uint64_t tile_size);
};

}  // namespace ckmerge
