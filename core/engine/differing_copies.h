// SPDX-License-Identifier: Apache-2.0
// Tensors that are copied from the first checkpoint because nothing can be computed of them, where others hold
// something else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/step_report.h"

namespace ckmerge {

/// Throws Error(mismatch) with a line per tensor whose dtype has no arithmetic and whose bytes are not the same in all
/// checkpoints that count (Action::copy_opaque).
void check_equal_copies(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report);

/// A sentence each of codes that are copied while other inputs hold others, and of integers: integers of more than
/// 1,000 elements that differ between inputs are hardly counters; codes and routing tables decide what the weights
/// beside them mean. `differing` are steps (RunReport::differing).
std::vector<std::string> integer_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                          std::span<const uint32_t> differing);

}  // namespace ckmerge
