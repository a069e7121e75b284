// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/merge_request.h"

#include "cli/recipes/formula_inputs.h"
#include "cli/commands/open_inputs.h"
#include "cli/recipes/recipe_slices.h"
#include "cli/commands/sweep.h"
#include "cli/commands/work_options.h"
#include "cli/folders/folder_output.h"
#include "cli/options/output_extension.h"
#include "cli/options/output_name.h"
#include "cli/options/presets.h"

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
      !is_pipeline_folder(*settings.output, settings.recipe))
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

void add_preset_warnings(MergeRequest& merge) {
  if (!merge.settings.like) return;
  for (std::string& warning : preset_warnings(*merge.settings.like, merge.settings.recipe))
    merge.warnings.push_back(std::move(warning));
}

void check_folder(const MergeRequest& merge) {
  const Settings& settings = merge.settings;
  if (settings.config_from && !merge.makes_folder() && !settings.only_plan)
    refuse("--config-from", "--config-from is of a folder of diffusers: --layout diffusers, and an OUT such as out/");
  if (!merge.makes_folder()) return;
  if (settings.recipe.form != &output_forms().front())
    refuse("--format", "--format: a folder of diffusers has files of safetensors");
  if (settings.config != ConfigSource::none)
    refuse("--config", "--config is of one file; --config-from gives a folder of diffusers its configs");
}

}  // namespace

bool MergeRequest::makes_folder() const {
  return !settings.filename_prefix && settings.sweeps.empty() && is_pipeline_folder(output, settings.recipe);
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
  if (settings.recipe.formula)
    faults.check([&] {
      name_inputs_of_formula(merge.inputs, *settings.recipe.formula);
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
  merge.announcement = announcement_of(settings, environment);
  return merge;
}

}  // namespace ckmerge::cli
