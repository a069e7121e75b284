// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands/commands.h"
#include "cli/commands/config_file.h"
#include "cli/commands/merge_steps.h"
#include "cli/commands/save_recipe.h"
#include "cli/commands/sweep.h"
#include "cli/folders/folder_output.h"
#include "cli/options/faults.h"
#include "cli/options/output_name.h"
#include "cli/report/report.h"
#include "cli/report/report_json.h"
#include "core/formula/recipe_graph.h"
#include "core/lines/line_memory.h"
#include "io/folder/partial_folder.h"

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
  if (!request.output.empty() && is_folder(request.output) && !request.makes_folder())
    request.output += (request.output.ends_with('/') ? "" : "/") + a1111_name(plan.recipe, request.inputs, plan.kind);
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

struct Prepared {
  std::vector<Checkpoint> checkpoints;
  Plan plan;
  std::optional<NumberedNames> names;
  std::optional<ConfigCopy> config;
  std::optional<std::string> recipe;  // the text of --save-recipe
  std::unique_ptr<FolderOutput> folder = {};

  uint64_t size() const { return plan.output_size() + (folder ? folder->size_beside() : 0); }
};

// REQUIRES: request.output is the name of a file, or of a folder that is the output itself.
void check_output(MergeRequest& request, Prepared& prepared, Faults& faults) {
  const Settings& settings = request.settings;
  const uint64_t scratch = line_memory(prepared.plan, prepared.checkpoints).least_scratch(settings.run.memory_budget);
  if (request.makes_folder()) {
    const std::string folder = request.output.substr(0, request.output.find_last_not_of('/') + 1);
    faults.check(
        [&] { check_folder_target(request.output, read_paths(settings, prepared.checkpoints), settings.run.replace); });
    if (prepared.folder) faults.check([&] { check_room(folder, prepared.size(), scratch); });
    return;
  }
  const std::string place = place_to_check(request);
  // That a numbered name is taken is no fault: the run asks for the next.
  const bool may_exist = settings.run.replace || prepared.names;
  faults.check([&] { check_target(place, identities(prepared.checkpoints), may_exist); });
  faults.check([&] { check_room(place, prepared.plan.output_size(), scratch); });
  faults.check([&] {
    prepared.config =
        config_copy(settings.config, request.inputs, request.output, settings.run.replace, prepared.plan.warnings);
    if (prepared.config) request.config_from = prepared.config->from;
  });
}

// What headers and the target's folder can say against the merge, all of it together. Checkpoints that could not be
// opened leave nothing to plan, but the recipe and the target can still be wrong.
Prepared prepare(MergeRequest& request, Caller& caller) {
  Faults faults;
  faults.check([&] { check_recipe(request.settings.recipe, request.inputs.size()); });
  Prepared prepared{
      .checkpoints = opened_inputs(request, caller, faults), .plan = {}, .names = {}, .config = {}, .recipe = {}};
  if (faults.empty()) faults.check([&] { settle_output(request, prepared.checkpoints); });
  if (faults.empty())
    faults.check([&] {
      prepared.plan = planned(request, request.settings.recipe, prepared.checkpoints);
      prepared.folder = laid_out_folder(request, prepared.plan, prepared.checkpoints);
    });
  // Of an output that is named by a plan there is nothing to check without one.
  bool named = !request.settings.filename_prefix && (!is_folder(request.output) || request.makes_folder());
  if (faults.empty())
    faults.check([&] {
      prepared.names = choose_output(request, prepared.plan);
      named = true;
    });
  if (named && !request.output.empty()) check_output(request, prepared, faults);
  if (request.settings.save_recipe && faults.empty())
    faults.check([&] {
      prepared.recipe = recipe_file_text(request, prepared.plan, identities(prepared.checkpoints), caller.environment);
    });
  faults.raise();
  return prepared;
}

RunReport run_watched(MergeRequest& request, Prepared& prepared, Caller& caller) {
  const uint64_t size = prepared.plan.output_size();
  const std::unique_ptr<ProgressView> view = caller.watch(request.settings, size);
  RunOptions options = watched_options(request, *view, caller);
  if (prepared.names) options.replace = false;  // a free name is never somebody's file, -f or not
  for (;;) try {
      RunReport report = prepared.folder
                             ? prepared.folder->run(prepared.plan, prepared.checkpoints, request.output,
                                                    read_paths(request.settings, prepared.checkpoints), options)
                             : run(prepared.plan, prepared.checkpoints, request.output, options);
      view->finish(size, report.seconds);
      return report;
    } catch (const TargetTaken&) {
      // Each name is higher than the one before, and each that is taken was taken by somebody: this ends.
      if (!prepared.names) throw;
      request.output = prepared.names->next();
    }
}

RunReport run_in_place(MergeRequest& request, Prepared& prepared, Caller& caller) {
  if (!prepared.names) return run_watched(request, prepared, caller);
  try {
    prepared.names->make_folders();
    return run_watched(request, prepared, caller);
  } catch (...) {
    prepared.names->remove_made_folders();
    throw;
  }
}

void tell_plan(const MergeRequest& request, const MergeFacts& facts, Caller& caller) {
  if (request.settings.json)
    caller.tell(plan_json(facts));
  else if (!request.settings.quiet)
    caller.tell(plan_report(facts));
}

void tell_result(const MergeRequest& request, const MergeFacts& facts, const RunReport& report, Caller& caller) try {
  if (request.settings.json)
    caller.tell(run_json(facts, report));
  else if (!request.settings.quiet)
    caller.tell(run_report(facts, report));
} catch (const Error& e) {
  // A report that cannot be told must not look like a merge that failed.
  throw Error(e.code(), e.where(), std::string(e.what()) + "; " + request.output + " is complete");
}

}  // namespace

void merge_command(MergeRequest request, Caller& caller) {
  if (!request.settings.sweeps.empty()) return sweep_command(std::move(request), caller);
  Prepared prepared = prepare(request, caller);
  const MergeFacts facts{
      .plan = prepared.plan,
      .checkpoints = prepared.checkpoints,
      .run = request.settings.run,
      .output = request.output,
      .config_from = request.config_from,
      .preset = request.settings.preset,
      .verbose = request.settings.verbose,
      .recipe_file = request.settings.save_recipe ? std::string_view(*request.settings.save_recipe) : "",
      .files = prepared.folder ? prepared.folder->files() : std::span<const FolderFile>(),
      .beside = prepared.folder ? prepared.folder->beside() : std::span<const BesideFile>(),
      .adapters = request.adapters};
  if (request.settings.only_plan) {
    if (request.words_warnings) request.words_warnings(prepared.plan.warnings);
    if (prepared.recipe) save_recipe(request, *prepared.recipe, identities(prepared.checkpoints));
    return tell_plan(request, facts, caller);
  }
  const RunReport report = run_in_place(request, prepared, caller);
  add_run_warnings(prepared.plan, prepared.checkpoints, report, value_warnings(facts, report));
  tell_troubles(request,
                announce_output({.announcement = request.announcement,
                                 .path = request.output,
                                 .plan = prepared.plan,
                                 .folder = prepared.folder.get()},
                                prepared.checkpoints, report, caller),
                prepared.plan, caller);
  if (prepared.recipe) save_recipe(request, *prepared.recipe, identities(prepared.checkpoints));
  if (prepared.config) copy_config(*prepared.config, request.output, request.settings.run);
  if (request.words_warnings) request.words_warnings(prepared.plan.warnings);
  tell_result(request, facts, report, caller);
}

}  // namespace ckmerge::cli
