// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/merge_steps.h"

#include "cli/commands/open_inputs.h"
#include "core/engine/differing_copies.h"
#include "core/inputs/component_names.h"
#include "core/inputs/input_names.h"
#include "core/read/buffer_values.h"
#include "core/read/tile_sizing.h"

namespace ckmerge::cli {
namespace {

void append(std::vector<std::string>& warnings, const std::vector<std::string>& more) {
  warnings.insert(warnings.end(), more.begin(), more.end());
}

Plan placed_plan(const Recipe& recipe, std::span<const Checkpoint> checkpoints, const Places& places) {
  try {
    return make_plan(recipe, checkpoints);
  } catch (const Error& error) {
    throw placed(error, places);
  }
}

}  // namespace

std::vector<Checkpoint> opened_inputs(MergeRequest& request, Caller& caller, Faults& faults) {
  std::vector<Checkpoint> checkpoints = open_inputs(request, caller, faults);
  if (faults.empty())
    faults.check([&] { append(request.warnings, name_inputs(request.settings.recipe, checkpoints)); });
  return checkpoints;
}

Plan planned(const MergeRequest& request, const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  const RunOptions& run = request.settings.run;
  Plan plan = placed_plan(recipe, checkpoints, request.places);
  plan.warnings.insert(plan.warnings.begin(), request.warnings.begin(), request.warnings.end());
  append(plan.warnings, position_warnings(plan, checkpoints));
  size_tiles(plan, checkpoints, {.budget = run.memory_budget, .tile_size = run.tile_size});
  return plan;
}

RunOptions watched_options(const MergeRequest& request, ProgressView& view, Caller& caller) {
  RunOptions options = request.settings.run;
  options.stop = caller.stop();
  options.on_progress = [&view](const Progress& progress) { view.update(progress); };
  options.on_commit = [&view] { view.commit(); };
  return options;
}

void add_run_warnings(Plan& plan, std::span<const Checkpoint> checkpoints, const RunReport& report,
                      std::vector<std::string> of_values) {
  append(plan.warnings, difference_warnings(plan, checkpoints, report.differing));
  append(plan.warnings, of_values);
  append(plan.warnings, integer_warnings(plan, checkpoints, report.differing));
}

void tell_troubles(const MergeRequest& request, const std::vector<std::string>& troubles, Plan& plan, Caller& caller) {
  if (request.settings.json)
    append(plan.warnings, troubles);
  else if (!request.settings.quiet)
    for (const std::string& trouble : troubles) caller.warn(trouble);
}

}  // namespace ckmerge::cli
