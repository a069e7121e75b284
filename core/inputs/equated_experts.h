// SPDX-License-Identifier: Apache-2.0
// Experts of another checkpoint are brought to the form in which the first one has them: stacked in one tensor or
// single (core/families/expert_kinds), and stacked ones to its orientation.
#pragma once

#include <string>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

struct EquatedExperts {
  std::vector<std::string> done;      ///< what was done, a clause each
  std::vector<std::string> doubtful;  ///< names of stacked ones that were unstacked as if they lay (experts, out, in)
};

/// Stacks or unstacks the experts of `other`, layer by layer, where `first` has those of the layer in the other form.
/// Names around them may be in another spelling, and stay in it, but of stacked ones that lie turned. Throws
/// Error(mismatch) as rewrite() does. REQUIRES: tables are sorted.
EquatedExperts equate_experts(const Checkpoint& first, Checkpoint& other);

/// Stacked experts of both, under one name, which are square and have none beside them that is not: nothing tells
/// whether they lie alike. Linear in the names.
std::vector<std::string> undecided_experts(const Checkpoint& first, const Checkpoint& other);

/// Turns stacked experts of `other` whose shape is that of the first one's under the same name with the two last
/// dimensions exchanged, (experts, in, out) for (experts, out, in); square ones go by the other tensor of their layer.
std::vector<std::string> turn_experts(const Checkpoint& first, Checkpoint& other);

}  // namespace ckmerge
