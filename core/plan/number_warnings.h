// SPDX-License-Identifier: Apache-2.0
// Numbers that are legal and seldom meant: 30 for 30 %, weights that change nothing.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// A sentence for each parameter of the recipe's method that is outside of its usual range (ParameterSpec::usual). Of a
/// parameter of several numbers what counts is the coefficients that they come to: 30,70 with --normalize is 0.3,0.7.
std::vector<std::string> extrapolation_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// A sentence for each number that is given for some of the tensors and is beyond its parameter's usual range, and for
/// each entry of Recipe::weights of which nothing is left because of those behind it.
std::vector<std::string> weight_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
