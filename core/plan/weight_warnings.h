// SPDX-License-Identifier: Apache-2.0
// What is odd about numbers that are given for some of the tensors.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// A sentence for each number beyond a parameter's usual range, and for each entry of Recipe::weights of which nothing
/// is left because of those behind it.
std::vector<std::string> weight_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
