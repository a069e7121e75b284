// SPDX-License-Identifier: Apache-2.0
// Numbers that are legal and seldom meant: 30 for 30 %.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// A sentence for each parameter of the recipe's method that is outside of its usual range (ParameterSpec::usual). Of a
/// parameter of several numbers what counts is the coefficients that they come to: 30,70 with --normalize is 0.3,0.7.
std::vector<std::string> extrapolation_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
