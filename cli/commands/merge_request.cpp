// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/merge_request.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/commands/open_inputs.h"
#include "cli/commands/sweep.h"
#include "cli/commands/work_options.h"
#include "cli/folders/pipeline_output.h"
#include "cli/options/output_name.h"
#include "cli/options/presets.h"
#include "cli/recipes/formula_inputs.h"
#include "cli/recipes/recipe_slices.h"
#include "io/folder/model_folder.h"
#include "io/folder/pipeline_entries.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

void check_files(const MergeRequest& merge, Command command, Faults& faults) {
  const Settings& settings = merge.settings;
  if (merge.inputs.empty())
    faults.check([&] {
      refuse("", command == Command::average ? "no checkpoint is given; `ckmerge average A B C -o OUT` averages three"
                                             : "no checkpoint is given; `ckmerge merge A B -o OUT` merges two");
    });
  if (!settings.output && !settings.filename_prefix && !settings.only_plan)
    faults.check([] { refuse("--output", "no output is given; name the file to write with -o OUT"); });
  if (settings.output && settings.sweeps.empty() && !is_folder(*settings.output) &&
      !is_pipeline_output(*settings.output, settings.recipe))
    faults.check([&] { expect_checkpoint_name(*settings.output); });
}

// By the name of the file, unless it is said.
void choose_form(MergeRequest& merge) {
  const OutputForm* const promised = merge.output.empty() ? nullptr : promised_form(merge.output);
  const OutputForm*& form = merge.settings.recipe.form;
  if (promised) form = promised;
  if (merge.settings.form) form = merge.settings.form;
  if (promised && form != promised)
    merge.warnings.push_back(merge.output + " is called as another form than --format " + form->name +
                             ", by which programs may refuse it");
  if (merge.settings.filename_prefix || is_folder(merge.output) || merge.makes_folder()) return;
  if (std::string warning = extension_warning(merge.output, *form); !warning.empty())
    merge.warnings.push_back(std::move(warning));
}

// --vae of merge and bake: the last input, and the recipe's word for it.
void add_vae(MergeRequest& merge) {
  for (const Component& vae : merge.settings.components) {
    merge.inputs.push_back(vae.path);
    merge.settings.recipe.bake_vae = true;
  }
}

// --lora of merge, plan and bake: behind all others, those that the formula has names for first.
void add_adapters(MergeRequest& merge, std::vector<std::string> of_formula) {
  std::ranges::move(of_formula, std::back_inserter(merge.inputs));
  for (const AdapterWord& adapter : merge.settings.adapters) {
    merge.inputs.push_back(adapter.path);
    merge.settings.recipe.adapters.push_back(adapter.use);
  }
}

void check_adapter_options(const Recipe& recipe) {
  if (!recipe.adapters.empty()) return;
  const std::pair<bool, const char*> options[] = {{recipe.allow_unmatched, "--allow-unmatched"},
                                                  {recipe.tied != TiedPolicy::error, "--tied"},
                                                  {recipe.dora != DoraPolicy::trained, "--dora"}};
  for (const auto& [is_given, option] : options)
    if (is_given) refuse(option, std::string(option) + " is of adapters, and none is given (--lora)");
}

void check_seed(const Recipe& recipe) {
  if (!recipe.seed || recipe.rounding == RoundingPolicy::stochastic) return;
  refuse("--seed",
         recipe.formula
             ? "--seed is of --rounding stochastic, which is not asked for; in a formula dropout has its own: seed=1"
             : "--seed is of --rounding stochastic and of the method dropout, and neither is asked for");
}

void add_preset_warnings(MergeRequest& merge) {
  if (!merge.settings.like) return;
  for (std::string& warning : preset_warnings(*merge.settings.like, merge.settings.recipe))
    merge.warnings.push_back(std::move(warning));
}

void check_folder_options(const MergeRequest& merge, const std::string& kind) {
  const Settings& settings = merge.settings;
  if (settings.recipe.form != &output_forms().front())
    refuse("--format", sentence("--format: ", kind, " has files of safetensors"));
  if (settings.config != ConfigSource::none)
    refuse("--config", sentence("--config is of one file; ",
                                merge.makes_model ? "what lies beside A's weights is carried anyway"
                                                  : "--config-from gives a folder of diffusers its configs"));
}

void check_folder(const MergeRequest& merge) {
  if (merge.makes_pipeline()) check_folder_options(merge, "a folder of diffusers");
}

// What was asked for comes first.
void take_recorded(MergeRequest& merge) {
  Settings& settings = merge.settings;
  FolderSettings& recorded = merge.recorded;
  if (!settings.shard_size) settings.shard_size = recorded.shard_size;
  if (!settings.config_from) settings.config_from = std::move(recorded.config_from);
  settings.copy_code |= recorded.copy_code;
}

}  // namespace

bool MergeRequest::makes_pipeline() const {
  return keeps_pipeline || (!settings.filename_prefix && is_pipeline_output(output, settings.recipe));
}

void settle_output(MergeRequest& merge, std::span<const Checkpoint> checkpoints) {
  Settings& settings = merge.settings;
  const auto asked = [&](const char* option) {
    refuse(option, sentence(option, " is of a model's folder: A is one, and OUT a folder, such as out/"));
  };
  const ModelFolder* const folder = checkpoints[merge.changes.input].folder.get();
  const bool of_pipeline = folder && folder->kind == FolderKind::pipeline, is_model = folder && !of_pipeline;
  const bool may_be = !settings.filename_prefix && settings.recipe.layout.empty() && settings.recipe.roles.empty() &&
                      may_be_folder(merge.output);
  merge.keeps_pipeline = may_be && of_pipeline;
  merge.makes_model = may_be && !of_pipeline &&
                      (is_model || settings.shard_size || merge.recorded.shard_size || merge.asks_for_folder ||
                       (settings.config_from && !holds_pipeline(*settings.config_from)));
  if (merge.makes_folder()) take_recorded(merge);
  const bool is_open = settings.only_plan && merge.output.empty();  // where it would go is not said yet
  if (settings.config_from && !merge.makes_folder() && !settings.only_plan)
    refuse("--config-from",
           "--config-from is of a folder as OUT, such as out/: a model's, or a folder of diffusers, for an A that is a "
           "pipeline, or with --layout diffusers");
  if (settings.shard_size && !merge.makes_folder() && !is_open) asked("--shard-size");
  if (settings.copy_code && !merge.makes_folder() && !is_open) asked("--copy-code");
  if (merge.makes_folder()) merge.output = with_own_name(merge.output);
  if (!merge.makes_model && !merge.keeps_pipeline) return;
  // It was taken for the name of a file.
  std::erase(merge.warnings, extension_warning(merge.output, *settings.recipe.form));
  check_folder_options(merge, merge.keeps_pipeline ? "a folder of diffusers" : "a model's folder");
}

MergeRequest merge_request(const Request& request, const Environment& environment) {
  MergeRequest merge;
  merge.inputs = request.operands;
  merge.settings = request.settings;
  Settings& settings = merge.settings;
  if (request.command == Command::plan) settings.only_plan = true;
  settings.recipe.hash |= settings.run.hash;  // --hash is --hash-inputs and the sums of the output
  Faults faults;
  check_files(merge, request.command, faults);
  if (!settings.sweeps.empty()) check_sweep(merge, faults);
  faults.add(request.refused);
  std::vector<std::string> adapters_of_formula;
  if (settings.recipe.formula)
    faults.check([&] {
      name_inputs_of_formula(merge.inputs, *settings.recipe.formula);
      adapters_of_formula = take_adapters_of_formula(merge.inputs, settings.recipe);
      leave_operands_named(settings.recipe);
    });
  faults.check([&] { read_keys(merge); });
  complete_run_options(settings, environment, faults);
  faults.raise();
  merge.output = settings.output.value_or("");
  choose_form(merge);
  check_folder(merge);
  if (!settings.recipe.wrap.empty() && !settings.recipe.form->has_levels)
    refuse("--wrap", std::string("--wrap is of a .ckpt; a ") + settings.recipe.form->name +
                         " has no levels (--format ckpt, or an OUT that ends so)");
  add_preset_warnings(merge);
  add_vae(merge);
  add_adapters(merge, std::move(adapters_of_formula));
  if (request.command != Command::run) check_adapter_options(settings.recipe);
  check_seed(settings.recipe);
  merge.announcement = announcement_of(settings, environment);
  return merge;
}

}  // namespace ckmerge::cli
