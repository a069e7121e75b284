// SPDX-License-Identifier: Apache-2.0
// What a merge of one output and one of several have in common, step by step.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/commands/merge_request.h"
#include "cli/options/faults.h"
#include "cli/report/caller.h"
#include "core/ckmerge.h"

namespace ckmerge::cli {

/// Opens the inputs and brings their names together; notes of it are added to the request's warnings. What cannot be
/// opened is a fault.
std::vector<Checkpoint> opened_inputs(MergeRequest& request, Caller& caller, Faults& faults);

/// The plan of `recipe`, with the request's warnings and those of values that are read for it. Throws as make_plan()
/// and size_tiles() do.
Plan planned(const MergeRequest& request, const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// Those of `request`, for a run that `view` shows and the caller may stop.
RunOptions watched_options(const MergeRequest& request, ProgressView& view, Caller& caller);

/// Adds to `plan` what only the run could know.
void add_run_warnings(Plan& plan, std::span<const Checkpoint> checkpoints, const RunReport& report,
                      std::vector<std::string> of_values);

/// With --json `troubles` are added to `plan`'s warnings, else told at once.
void tell_troubles(const MergeRequest& request, const std::vector<std::string>& troubles, Plan& plan, Caller& caller);

}  // namespace ckmerge::cli
