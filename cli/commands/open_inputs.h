// SPDX-License-Identifier: Apache-2.0
// Opening the inputs of a merge, with what --key says about where in PyTorch files their tensors are.
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/options/faults.h"

namespace ckmerge::cli {

/// Opens request.inputs; those that cannot be opened are faults. Puts the keys that were used into
/// request.recipe.input_keys.
std::vector<Checkpoint> open_inputs(MergeRequest& request, Faults& faults);

/// What --key was given as: K for every PyTorch file, B=K for one input. Throws Error(usage).
void read_keys(const std::vector<std::string>& words, MergeRequest& request);

}  // namespace ckmerge::cli
