// SPDX-License-Identifier: Apache-2.0
// Opening the inputs of a merge, with what --key says about where in PyTorch files their tensors are.
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/options/faults.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// Opens request.inputs; those that cannot be opened are faults. Puts the keys that were used into the recipe.
std::vector<Checkpoint> open_inputs(MergeRequest& request, Caller& caller, Faults& faults);

/// Takes settings.keys apart: K is for every PyTorch file, B=K for the input B. Throws Error(usage).
void read_keys(MergeRequest& request);

}  // namespace ckmerge::cli
