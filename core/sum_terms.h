// SPDX-License-Identifier: Apache-2.0
// Programs that are sums, c0 * x0 + c1 * x1 + ..., added up from the left. Such a program can be run one operand at a
// time, with the sum so far kept between: then neither registers nor windows grow with the number of checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/plan.h"
#include "kernels/program.h"

namespace ckmerge {

/// One product of a sum. A coefficient of one multiplies nothing.
struct SumTerm {
  uint16_t operand = 0;
  double coefficient = 1;

  friend bool operator==(const SumTerm&, const SumTerm&) = default;
};

/// The terms of `program` in the order in which they are added; empty when it is no sum. The first two may be swapped:
/// an addition commutes.
std::optional<std::vector<SumTerm>> sum_terms(const Program& program);

/// The terms of `step`'s program in the order of the checkpoints, or nothing where they are not added in that order.
std::optional<std::vector<SumTerm>> sum_in_order(const Plan& plan, const Step& step);

/// Whether `plan` reads its checkpoints in turn: there are many of them, and all that it computes are sums.
bool reads_in_turn(const Plan& plan);

}  // namespace ckmerge
