// SPDX-License-Identifier: Apache-2.0
// A merge of several outputs (--sweep): one plan for each choice of values, run together.
#pragma once

#include "cli/commands/merge_request.h"
#include "cli/options/faults.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// What speaks against the sweep of `request` in its options, and the folder of its outputs with a slash behind. Keeps
/// what is wrong in `faults`.
void check_sweep(MergeRequest& request, Faults& faults);

/// REQUIRES: the request's settings have sweeps, and check_sweep() has nothing against them.
void sweep_command(MergeRequest request, Caller& caller);

}  // namespace ckmerge::cli
