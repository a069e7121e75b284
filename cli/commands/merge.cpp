// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/commands/config_file.h"
#include "cli/commands/open_inputs.h"
#include "cli/options/faults.h"
#include "cli/options/output_name.h"
#include "cli/report/progress.h"
#include "cli/report/report.h"
#include "cli/report/report_json.h"
#include "cli/system/signals.h"
#include "core/engine/differing_copies.h"
#include "core/formula/recipe_graph.h"
#include "core/inputs/component_names.h"
#include "core/inputs/input_names.h"
#include "core/read/buffer_values.h"
#include "core/read/tile_sizing.h"

namespace ckmerge::cli {
namespace {

// Chooses the name of an output that was named by its folder or a prefix only. The numbered names give the next one
// when another run takes the first.
std::optional<NumberedNames> choose_output(MergeRequest& request, const Plan& plan) {
  if (request.settings.filename_prefix) {
    NumberedNames names(request.output.empty() ? "." : request.output, *request.settings.filename_prefix, local_time(),
                        *request.settings.recipe.form);
    request.output = names.next();
    return names;
  }
  if (!request.output.empty() && is_folder(request.output))
    request.output +=
        (request.output.ends_with('/') ? "" : "/") + a1111_name(plan.recipe, request.inputs, plan.kind);
  return std::nullopt;
}

// Where what can be said of the output's folder is asked: a prefix may name folders that are made only when nothing
// stands against the merge, so it is the nearest that is there.
std::string place_to_check(const MergeRequest& request) {
  const std::filesystem::path path = request.output;
  std::filesystem::path folder = path.parent_path();
  std::error_code error;
  while (request.settings.filename_prefix && !folder.empty() && !std::filesystem::exists(folder, error))
    folder = folder.parent_path();
  return (folder / path.filename()).string();
}

void append(std::vector<std::string>& warnings, const std::vector<std::string>& more) {
  warnings.insert(warnings.end(), more.begin(), more.end());
}

struct Prepared {
  std::vector<Checkpoint> checkpoints;
  Plan plan;
  std::optional<NumberedNames> names;
  std::optional<ConfigCopy> config;
};

void plan_merge(MergeRequest& request, Prepared& prepared) {
  const Settings& settings = request.settings;
  Plan& plan = prepared.plan;
  const std::vector<std::string> notes = name_inputs(request.settings.recipe, prepared.checkpoints);
  request.warnings.insert(request.warnings.end(), notes.begin(), notes.end());
  plan = make_plan(settings.recipe, prepared.checkpoints);
  plan.warnings.insert(plan.warnings.begin(), request.warnings.begin(), request.warnings.end());
  append(plan.warnings, position_warnings(plan, prepared.checkpoints));
  size_tiles(plan, prepared.checkpoints, {.budget = settings.run.memory_budget, .tile_size = settings.run.tile_size});
}

// REQUIRES: request.output is the name of a file.
void check_output(MergeRequest& request, Prepared& prepared, Faults& faults) {
  const Settings& settings = request.settings;
  const std::string place = place_to_check(request);
  // That a numbered name is taken is no fault: the run asks for the next.
  const bool may_exist = settings.run.replace || prepared.names;
  faults.check([&] { check_target(place, identities(prepared.checkpoints), may_exist); });
  faults.check([&] { check_space(place, prepared.plan.output_size()); });
  faults.check([&] {
    prepared.config =
        config_copy(settings.config, request.inputs, request.output, settings.run.replace, prepared.plan.warnings);
    if (prepared.config) request.config_from = prepared.config->from;
  });
}

// What headers and the target's folder can say against the merge, all of it together. Checkpoints that could not be
// opened leave nothing to plan, but the recipe and the target can still be wrong.
Prepared prepare(MergeRequest& request) {
  Faults faults;
  Prepared prepared{.checkpoints = open_inputs(request, faults), .plan = {}, .names = {}, .config = {}};
  if (faults.empty())
    faults.check([&] { plan_merge(request, prepared); });
  else
    faults.check([&] { check_recipe(request.settings.recipe, request.inputs.size()); });
  // Of an output that is named by a plan there is nothing to check without one.
  bool named = !request.settings.filename_prefix && !is_folder(request.output);
  if (faults.empty())
    faults.check([&] {
      prepared.names = choose_output(request, prepared.plan);
      named = true;
    });
  if (named && !request.output.empty()) check_output(request, prepared, faults);
  faults.raise();
  return prepared;
}

// What is told when a signal comes too late.
const char* waiting_line(ProgressKind progress) {
  if (progress == ProgressKind::json)
    return "{\"event\":\"waiting\",\"message\":\"the output is complete; waiting for the disk to have all of it\"}\n";
  return "the output is complete; waiting for the disk to have all of it, then it is put in place; a second signal "
         "ends "
         "ckmerge at once and leaves the target as it was\n";
}

RunReport run_watched(MergeRequest& request, Prepared& prepared) {
  catch_stop_signals();
  install_sigbus_guard();
  ProgressView view(request.progress, prepared.plan.output_size());
  RunOptions options = request.settings.run;
  if (prepared.names) options.replace = false;  // a free name is never somebody's file, -f or not
  options.stop = &stop_flag();
  options.on_progress = [&view](const Progress& progress) { view.update(progress); };
  options.on_commit = [&] { answer_stop_with(waiting_line(request.progress)); };
  for (;;) try {
      RunReport report = run(prepared.plan, prepared.checkpoints, request.output, options);
      answer_stop_with(nullptr);
      view.finish(report);
      return report;
    } catch (const TargetTaken&) {
      // Each name is higher than the one before, and each that is taken was taken by somebody: this ends.
      if (!prepared.names) throw;
      request.output = prepared.names->next();
    }
}

RunReport run_in_place(MergeRequest& request, Prepared& prepared) {
  if (!prepared.names) return run_watched(request, prepared);
  try {
    prepared.names->make_folders();
    return run_watched(request, prepared);
  } catch (...) {
    prepared.names->remove_made_folders();
    throw;
  }
}

void print_plan(const MergeRequest& request, const MergeFacts& facts) {
  if (request.settings.json)
    write_document(plan_json(facts));
  else if (!request.settings.quiet)
    write_stdout(plan_report(facts));
}

void print_result(const MergeRequest& request, const MergeFacts& facts, const RunReport& report) try {
  if (request.settings.json)
    write_document(run_json(facts, report));
  else if (!request.settings.quiet)
    write_stdout(run_report(facts, report));
} catch (const Error& e) {
  // A report that cannot be told must not look like a merge that failed.
  throw Error(e.code(), e.where(), std::string(e.what()) + "; " + request.output + " is complete");
}

}  // namespace

void merge_command(MergeRequest request) {
  Prepared prepared = prepare(request);
  const MergeFacts facts{.plan = prepared.plan,
                         .checkpoints = prepared.checkpoints,
                         .run = request.settings.run,
                         .output = request.output,
                         .config_from = request.config_from,
                         .preset = request.settings.preset,
                         .verbose = request.settings.verbose};
  if (request.settings.only_plan) return print_plan(request, facts);
  const RunReport report = run_in_place(request, prepared);
  append(prepared.plan.warnings, difference_warnings(prepared.plan, prepared.checkpoints, report.differing));
  for (std::string& warning : value_warnings(facts, report)) prepared.plan.warnings.push_back(std::move(warning));
  append(prepared.plan.warnings, integer_warnings(prepared.plan, prepared.checkpoints, report.differing));
  const auto troubles = announce(request.announcement, request.output, prepared.checkpoints, report);
  if (request.settings.json)
    prepared.plan.warnings.insert(prepared.plan.warnings.end(), troubles.begin(), troubles.end());
  else if (!request.settings.quiet)
    for (const std::string& trouble : troubles) write_stderr("warning: " + shortened(trouble, kSentenceWidth) + "\n");
  if (prepared.config) copy_config(*prepared.config, request.output, request.settings.run);
  print_result(request, facts, report);
}

}  // namespace ckmerge::cli
