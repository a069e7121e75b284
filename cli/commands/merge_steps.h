// SPDX-License-Identifier: Apache-2.0
// What a merge of one output and one of several have in common, step by step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/commands/after_merge.h"
#include "cli/commands/merge_request.h"
#include "cli/folders/folder_output.h"
#include "cli/options/faults.h"
#include "cli/report/caller.h"
#include "core/ckmerge.h"

namespace ckmerge::cli {

/// add_whole_tensors() by the threads and the memory of the request, until the caller wants to end.
void add_whole(const MergeRequest& request, const Recipe& recipe, std::vector<Checkpoint>& checkpoints, Caller& caller);

/// Opens the inputs and brings their names together; notes of it are added to the request's warnings. What cannot be
/// opened is a fault.
std::vector<Checkpoint> opened_inputs(MergeRequest& request, Caller& caller, Faults& faults);

/// The plan of `recipe`, with the request's warnings and those of values that are read for it. Throws as make_plan()
/// and size_tiles() do.
Plan planned(const MergeRequest& request, const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// The folder that the output is, of which the plan may have several files then: `plan` is laid out in them, and told
/// what programs will miss. Null where the output is one file. Throws as ModelOutput and PipelineOutput do.
std::unique_ptr<FolderOutput> laid_out_folder(const MergeRequest& request, Plan& plan,
                                              std::span<const Checkpoint> checkpoints);

/// check_space() of an output of `size` bytes and of what `scratch`, of LineMemory::least_scratch(), has to lie beside
/// it.
void check_room(const std::string& place, uint64_t size, uint64_t scratch);

/// All that is read: a folder that is written may be a part of one of theirs, or hold it.
std::vector<std::string> read_paths(const Settings& settings, std::span<const Checkpoint> checkpoints);

/// An output that is in place.
struct WrittenOutput {
  Announcement announcement;
  std::string path;
  const Plan& plan;
  const FolderOutput* folder = nullptr;  ///< null: it is a file
};

/// Registers it and tells whoever asked for it. Of a folder each file is registered, of shards the first, which stands
/// for all, and programs are asked once. Returns what went wrong.
std::vector<std::string> announce_output(const WrittenOutput& output, std::span<const Checkpoint> checkpoints,
                                         const RunReport& report, Caller& caller);

/// Those of `request`, for a run that `view` shows and the caller may stop.
RunOptions watched_options(const MergeRequest& request, ProgressView& view, Caller& caller);

/// Adds to `plan` what only the run could know.
void add_run_warnings(Plan& plan, std::span<const Checkpoint> checkpoints, const RunReport& report,
                      std::vector<std::string> of_values);

/// With --json `troubles` are added to `plan`'s warnings, else told at once.
void tell_troubles(const MergeRequest& request, const std::vector<std::string>& troubles, Plan& plan, Caller& caller);

}  // namespace ckmerge::cli
