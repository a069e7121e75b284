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
#include "cli/folders/model_output.h"
#include "cli/folders/pipeline_output.h"
#include "cli/options/faults.h"
#include "cli/options/output_name.h"
#include "cli/report/report.h"
#include "cli/report/report_json.h"
#include "core/formula/recipe_graph.h"
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
};

// All that is read: a folder that is written may be a part of one of theirs, or hold it.
std::vector<std::string> read_paths(const Settings& settings, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> paths;
  if (settings.config_from) paths.push_back(*settings.config_from);
  for (const Checkpoint& checkpoint : checkpoints) {
    if (!checkpoint.lies_in_memory()) paths.push_back(checkpoint.path);
    for (const InputFile& shard : checkpoint.shards)
      if (shard.is_file()) paths.push_back(shard.path());
  }
  return paths;
}

// Of a folder the plan may have several files. What programs will miss in it is a warning.
void lay_out_folder(const MergeRequest& request, Prepared& prepared) {
  const Settings& settings = request.settings;
  if (!request.makes_folder()) return;
  if (request.makes_model)
    prepared.folder = std::make_unique<ModelOutput>(
        prepared.plan, prepared.checkpoints, request.changes,
        ModelOutputOptions{.shard_size = settings.shard_size.value_or(request.shard_size_before),
                           .copy_code = settings.copy_code});
  else
    prepared.folder = std::make_unique<PipelineOutput>(
        prepared.plan, prepared.checkpoints,
        PipelineOutputOptions{.config_from = settings.config_from,
                              .shard_size = settings.shard_size.value_or(kPipelineShardSize),
                              .copy_code = settings.copy_code});
  expect_room_for_files(prepared.folder->files().size());
  for (std::string& warning : prepared.folder->warnings()) prepared.plan.warnings.push_back(std::move(warning));
  if (settings.save_recipe && settings.config_from)
    prepared.plan.warnings.push_back(
        "a recipe does not say where configs come from: `run` makes the folder without them, "
        "unless it is given --config-from DIR, too");
}

// REQUIRES: request.output is the name of a file, or of a folder that is the output itself.
void check_output(MergeRequest& request, Prepared& prepared, Faults& faults) {
  const Settings& settings = request.settings;
  if (request.makes_folder()) {
    const std::string folder = request.output.substr(0, request.output.find_last_not_of('/') + 1);
    faults.check(
        [&] { check_folder_target(request.output, read_paths(settings, prepared.checkpoints), settings.run.replace); });
    if (!prepared.folder) return;
    faults.check([&] { check_space(folder, prepared.plan.output_size() + prepared.folder->size_beside()); });
    return;
  }
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
Prepared prepare(MergeRequest& request, Caller& caller) {
  Faults faults;
  faults.check([&] { check_recipe(request.settings.recipe, request.inputs.size()); });
  Prepared prepared{
      .checkpoints = opened_inputs(request, caller, faults), .plan = {}, .names = {}, .config = {}, .recipe = {}};
  if (faults.empty()) faults.check([&] { settle_output(request, prepared.checkpoints); });
  if (faults.empty())
    faults.check([&] {
      prepared.plan = planned(request, request.settings.recipe, prepared.checkpoints);
      lay_out_folder(request, prepared);
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
    faults.check([&] { prepared.recipe = recipe_file_text(request, prepared.plan, identities(prepared.checkpoints)); });
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

// Of a folder each file is registered, of shards the first, which stands for all. Programs are asked once, when all are
// there.
std::vector<std::string> announce_output(const MergeRequest& request, const Prepared& prepared, const RunReport& report,
                                         Caller& caller) {
  if (!prepared.folder) return announce(request.announcement, request.output, prepared.checkpoints, report, caller);
  std::vector<std::string> troubles;
  const std::span<const FolderFile> files = prepared.folder->files();
  const auto is_further = [&](size_t k) { return k < files.size() && prepared.plan.files[k].is_further_shard; };
  Announcement announcement = request.announcement;
  announcement.notify.reset();
  for (size_t k = 0; k < files.size(); ++k) {
    if (is_further(k)) continue;
    RunReport of_file = report;
    of_file.sums.clear();
    if (!report.sums.empty() && !is_further(k + 1)) of_file.sums = {report.sums[k]};
    size_t next = k + 1;
    while (is_further(next)) ++next;
    if (next == files.size()) announcement.notify = request.announcement.notify;
    const std::string path = request.output + (request.output.ends_with('/') ? "" : "/") + files[k].weights;
    for (std::string& trouble : announce(announcement, path, prepared.checkpoints, of_file, caller))
      troubles.push_back(std::move(trouble));
  }
  return troubles;
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
    if (prepared.recipe) save_recipe(request, *prepared.recipe, identities(prepared.checkpoints));
    return tell_plan(request, facts, caller);
  }
  const RunReport report = run_in_place(request, prepared, caller);
  add_run_warnings(prepared.plan, prepared.checkpoints, report, value_warnings(facts, report));
  tell_troubles(request, announce_output(request, prepared, report, caller), prepared.plan, caller);
  if (prepared.recipe) save_recipe(request, *prepared.recipe, identities(prepared.checkpoints));
  if (prepared.config) copy_config(*prepared.config, request.output, request.settings.run);
  tell_result(request, facts, report, caller);
}

}  // namespace ckmerge::cli
