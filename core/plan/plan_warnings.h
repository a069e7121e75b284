// SPDX-License-Identifier: Apache-2.0
// What is odd about a merge and no fault, put into its plan.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// Adds those of `warnings` that `plan` does not have yet: two components may come from one file.
void add_warnings(Plan& plan, std::span<const std::string> warnings);

/// Adds what there is to say of a plan whose steps and files are made, and what judging the inputs had to say,
/// `of_inputs`. `strangers`: the checkpoints have no name in common, and should have.
void warn_about(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> of_inputs,
                bool strangers);

}  // namespace ckmerge
