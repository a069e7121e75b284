// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/faults.h"
#include "cli/report.h"
#include "cli/report_json.h"
#include "cli/signals.h"
#include "core/tile_sizing.h"

namespace ckmerge::cli {
namespace {

std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints) {
  std::vector<FileIdentity> out;
  for (const Checkpoint& checkpoint : checkpoints)
    for (const InputFile& shard : checkpoint.shards) out.push_back(shard.identity());
  return out;
}

std::vector<Checkpoint> open_all(const std::vector<std::string>& paths, Faults& faults) {
  std::vector<Checkpoint> checkpoints;
  for (const std::string& path : paths) faults.check([&] { checkpoints.push_back(open_checkpoint(path)); });
  return checkpoints;
}

// What headers and the target's folder can say against the merge, all of it together. Checkpoints that could not be
// opened leave nothing to plan, but the recipe and the target can still be wrong.
Plan checked_plan(const MergeRequest& request, std::vector<Checkpoint>& checkpoints) {
  Faults faults;
  checkpoints = open_all(request.inputs, faults);
  Plan plan;
  if (faults.empty())
    faults.check([&] {
      plan = make_plan(request.recipe, checkpoints);
      size_tiles(plan, checkpoints, request.run.memory_budget, 1, request.run.tile_size);
    });
  else
    faults.check([&] { resolve_coefficients(request.recipe, request.inputs.size()); });
  if (!request.output.empty()) {
    faults.check([&] { check_target(request.output, identities(checkpoints), request.run.replace); });
    faults.check([&] { check_space(request.output, plan.file_size); });
  }
  faults.raise();
  return plan;
}

RunReport run_watched(const MergeRequest& request, const Plan& plan, std::span<const Checkpoint> checkpoints) {
  catch_stop_signals();
  install_sigbus_guard();
  ProgressView view(request.progress, plan.file_size);
  RunOptions options = request.run;
  options.stop = &stop_flag();
  options.on_progress = [&view](const Progress& progress) { view.update(progress); };
  const RunReport report = run(plan, checkpoints, request.output, options);
  view.finish(report);
  return report;
}

void print_plan(const MergeFacts& facts) {
  if (facts.request.json)
    write_document(plan_json(facts));
  else if (!facts.request.quiet)
    write_stdout(plan_report(facts));
}

void print_result(const MergeFacts& facts, const RunReport& report) try {
  if (facts.request.json)
    write_document(run_json(facts, report));
  else if (!facts.request.quiet)
    write_stdout(run_report(facts, report));
} catch (const Error& e) {
  // A report that cannot be told must not look like a merge that failed.
  throw Error(e.code(), e.where(), std::string(e.what()) + "; " + facts.request.output + " is complete");
}

}  // namespace

std::vector<Checkpoint> open_checkpoints(const std::vector<std::string>& paths) {
  Faults faults;
  std::vector<Checkpoint> checkpoints = open_all(paths, faults);
  faults.raise();
  return checkpoints;
}

void merge_command(const MergeRequest& request) {
  std::vector<Checkpoint> checkpoints;
  const Plan plan = checked_plan(request, checkpoints);
  const MergeFacts facts{request, plan, checkpoints};
  if (request.only_plan) return print_plan(facts);
  print_result(facts, run_watched(request, plan, checkpoints));
}

}  // namespace ckmerge::cli
