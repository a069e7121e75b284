// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/merge_steps.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "cli/commands/open_inputs.h"
#include "cli/folders/model_output.h"
#include "cli/folders/pipeline_output.h"
#include "core/engine/differing_copies.h"
#include "core/folders/pipeline_files.h"
#include "core/inputs/component_names.h"
#include "core/inputs/component_places.h"
#include "core/inputs/input_names.h"
#include "core/matrices/made_matrices.h"
#include "core/orders/made_orders.h"
#include "core/read/buffer_values.h"
#include "core/read/tile_sizing.h"
#include "core/slices/sliced_inputs.h"
#include "core/threads/late_stop.h"
#include "core/threads/machine.h"
#include "io/file/output_target.h"
#include "io/folder/model_folder.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

void append(std::vector<std::string>& warnings, const std::vector<std::string>& more) {
  warnings.insert(warnings.end(), more.begin(), more.end());
}

// What `call` finds wrong is told with its place in the recipe file.
template <typename Call>
auto with_places(const Places& places, const Call& call) {
  try {
    return call();
  } catch (const Error& error) {
    if (places.empty()) throw;
    throw placed(error, places);
  }
}

// A component that its folder is to have and does not hold.
void warn_of_lacking_weights(std::span<const Checkpoint> checkpoints, std::vector<std::string>& warnings) {
  for (const Checkpoint& checkpoint : checkpoints) {
    if (!checkpoint.folder) continue;
    std::string lacking;
    for (const std::string& component : checkpoint.folder->lacking)
      lacking += (lacking.empty() ? "" : ", ") + component;
    if (!lacking.empty())
      warnings.push_back(checkpoint.path + ": has no weights of " + lacking + ", and the result has none from it");
  }
}

// What is said of the result besides comes first.
void take_changes(VocabularyChanges from, ModelChanges& to) {
  if (!to.vocabulary) to.vocabulary = from.rows;
  to.texts.merge(from.texts);
  to.config.merge(from.config);
  to.without.insert(to.without.end(), from.without.begin(), from.without.end());
  to.copies.insert(to.copies.end(), from.copies.begin(), from.copies.end());
}

Head head_of(const Checkpoint& checkpoint) {
  return head_among([&](std::string_view name) { return checkpoint.tensors.find(name) != TensorTable::npos; }).head;
}

// What another checkpoint is one of, or what denoises, or the first.
std::string main_component(std::span<const Checkpoint> checkpoints) {
  if (checkpoints.size() == 2 && !is_pipeline(checkpoints[1]))
    if (std::string found = counterpart_in(checkpoints[0], checkpoints[1]); !found.empty()) return found;
  const std::vector<std::string> components = components_of(checkpoints[0]);
  const auto denoises = [](const std::string& name) { return name == "unet" || name == "transformer"; };
  const auto found = std::ranges::find_if(components, denoises);
  return found == components.end() ? components.front() : *found;
}

// The tensors that a set merges are told by names that folders of diffusers do not have: all others would stay A's.
void expect_names_of_set(const Settings& settings, std::span<const Checkpoint> checkpoints) {
  const std::string& layout = settings.recipe.layout;
  const bool is_of_folder = layout == "diffusers" || (layout.empty() && is_pipeline(checkpoints[0]));
  if (!settings.like || !is_of_folder || std::ranges::find(settings.preset, "--only") == settings.preset.end()) return;
  throw Error(ErrorCode::usage, "--like",
              "--like " + *settings.like + ": merges by names that single files have, and a pipeline's folder has " +
                  "others; give --layout comfy, too, for one file in such names, or patterns of your own (--only)");
}

// One file has other names for it. What is only planned, and not named yet, may become a folder.
void expect_place_for_pipeline(const MergeRequest& request, std::span<const Checkpoint> checkpoints) {
  const Settings& settings = request.settings;
  const bool is_named = !request.output.empty() || settings.filename_prefix;
  if (!settings.recipe.layout.empty() || !settings.recipe.roles.empty() || (settings.only_plan && !is_named) ||
      checkpoints.empty() || !is_pipeline(checkpoints[0]))
    return;
  throw Error(
      ErrorCode::usage, "--output",
      checkpoints[0].path + ": is a pipeline's folder, and OUT is one file; name a folder as OUT (-o out/), give " +
          "--layout comfy for one file, or name one component (--component " + main_component(checkpoints) + ")");
}

// Of the names and shapes that are merged. What is held while tiles are computed is of the budget.
void make_changes_of(MergeRequest& request, const Recipe& without, std::span<const Checkpoint> checkpoints,
                     std::vector<Checkpoint>& adapters, Faults& faults) {
  const auto first = std::make_shared<const Checkpoint>(checkpoints[0]);
  const auto merged = checkpoints.first(merged_inputs(without, checkpoints.size()));
  RunOptions& run = request.settings.run;
  const unsigned threads = run.threads ? run.threads : allowed_processors();
  for (size_t i = 0; i < adapters.size(); ++i)
    faults.check([&] {
      request.adapters.push_back(make_changes(request.settings.recipe, i, first, merged, adapters[i], threads));
      append(request.warnings, request.adapters.back().warnings);
      run.held_by_inputs += request.adapters.back().memory;
      if (request.adapters.back().rows) request.changes.vocabulary = request.adapters.back().rows;
    });
}

}  // namespace

// The flag is asked for when something is made: plans go on ending by signals as they do. Half of the budget is left to
// tiles and to what was made.
void add_whole(const MergeRequest& request, const Recipe& recipe, std::vector<Checkpoint>& checkpoints,
               Caller& caller) {
  const RunOptions& run = request.settings.run;
  const Hands hands{.threads = run.threads ? run.threads : allowed_processors(),
                    .stop = late_stop([&caller] { return caller.stop(); })};
  add_whole_tensors(recipe, checkpoints, hands, run.memory_budget / 2);
  add_orders(recipe, checkpoints, hands);
}

std::vector<Checkpoint> opened_inputs(MergeRequest& request, Caller& caller, Faults& faults) {
  std::vector<Checkpoint> checkpoints = open_inputs(request, caller, faults), adapters;
  Recipe without = request.settings.recipe;  // adapters speak of A's tensors, whatever those are called
  if (faults.empty()) {
    const auto first = checkpoints.begin() + static_cast<ptrdiff_t>(first_adapter(without, checkpoints.size()));
    adapters.assign(std::move_iterator(first), std::move_iterator(checkpoints.end()));
    checkpoints.erase(first, checkpoints.end());
    without.adapters.clear();
  }
  for (const Checkpoint& adapter : adapters) faults.check([&] { expect_adapter(adapter); });
  if (faults.empty()) faults.check([&] { warn_of_lacking_weights(checkpoints, request.warnings); });
  if (faults.empty())
    faults.check([&] {
      request.changes.head = head_of(checkpoints[request.changes.input]);
      VocabularyChanges vocabulary;
      append(request.warnings,
             with_places(request.places, [&] { return name_inputs(without, checkpoints, vocabulary); }));
      take_changes(std::move(vocabulary), request.changes);
      if (!checkpoints.empty()) expect_names_of_set(request.settings, checkpoints);
      for (SlicedRun& run : slice_inputs(request.settings.recipe, checkpoints))
        request.changes.runs.push_back(
            {.prefix = std::move(run.prefix), .before = run.before, .layers = std::move(run.layers)});
    });
  if (faults.empty() && !adapters.empty()) make_changes_of(request, without, checkpoints, adapters, faults);
  std::ranges::move(adapters, std::back_inserter(checkpoints));
  if (faults.empty() && request.settings.sweeps.empty())
    faults.check([&] {
      with_places(request.places, [&] { add_whole(request, request.settings.recipe, checkpoints, caller); });
    });
  return checkpoints;
}

Plan planned(const MergeRequest& request, const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  const RunOptions& run = request.settings.run;
  Plan plan = with_places(request.places, [&] { return make_plan(recipe, checkpoints); });
  if (!request.makes_folder()) {
    expect_place_for_pipeline(request, checkpoints);
    if (recipe.layout == "diffusers") expect_one_component(plan, checkpoints, request.output);
  }
  for (std::string& warning : plan.warnings) warning = placed(warning, request.places);
  plan.warnings.insert(plan.warnings.begin(), request.warnings.begin(), request.warnings.end());
  append(plan.warnings, position_warnings(plan, checkpoints));
  size_tiles(plan, checkpoints,
             {.budget = run.memory_budget, .held = run.held_by_inputs + plan.held_whole, .tile_size = run.tile_size});
  return plan;
}

// On a disk the output is reserved before there are numbers; in memory it grows while these are given back.
void check_room(const std::string& place, uint64_t size, uint64_t scratch) {
  try {
    check_space(place, target_in_memory(place) ? std::max(size, scratch) : size + scratch);
  } catch (const Error& error) {
    if (scratch == 0 || error.code() != ErrorCode::resources) throw;
    throw Error(error.code(), error.where(),
                sentence(error.what(), "; numbers of rows and columns take ", scratch,
                         " bytes in a scratch file beside it, and less with a larger --memory"));
  }
}

std::unique_ptr<FolderOutput> laid_out_folder(const MergeRequest& request, Plan& plan,
                                              std::span<const Checkpoint> checkpoints) {
  const Settings& settings = request.settings;
  std::unique_ptr<FolderOutput> folder;
  if (!request.makes_folder()) return folder;
  if (request.makes_model)
    folder = std::make_unique<ModelOutput>(plan, checkpoints, request.changes,
                                           ModelOutputOptions{.config_from = settings.config_from,
                                                              .shard_size = request.shard_size(kShardSize),
                                                              .copy_code = settings.copy_code});
  else
    folder =
        std::make_unique<PipelineOutput>(plan, checkpoints,
                                         PipelineOutputOptions{.config_from = settings.config_from,
                                                               .shard_size = request.shard_size(kPipelineShardSize),
                                                               .copy_code = settings.copy_code});
  append(plan.warnings, folder->warnings());
  return folder;
}

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

std::vector<std::string> announce_output(const WrittenOutput& output, std::span<const Checkpoint> checkpoints,
                                         const RunReport& report, Caller& caller) {
  if (!output.folder) return announce(output.announcement, output.path, checkpoints, report, caller);
  std::vector<std::string> troubles;
  const std::span<const FolderFile> files = output.folder->files();
  const auto is_further = [&](size_t k) { return k < files.size() && output.plan.files[k].is_further_shard; };
  Announcement announcement = output.announcement;
  announcement.notify.reset();
  for (size_t k = 0; k < files.size(); ++k) {
    if (is_further(k)) continue;
    RunReport of_file = report;
    of_file.sums.clear();
    if (!report.sums.empty() && !is_further(k + 1)) of_file.sums = {report.sums[k]};
    size_t next = k + 1;
    while (is_further(next)) ++next;
    if (next == files.size()) announcement.notify = output.announcement.notify;
    const std::string path = output.path + (output.path.ends_with('/') ? "" : "/") + files[k].weights;
    for (std::string& trouble : announce(announcement, path, checkpoints, of_file, caller))
      troubles.push_back(std::move(trouble));
  }
  return troubles;
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
