// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include <utility>

#include "cli/folders/config_files.h"
#include "cli/options/output_name.h"
#include "core/inputs/asked_layout.h"
#include "io/folder/component_files.h"
#include "io/folder/partial_folder.h"
#include "io/folder/pipeline_entries.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

bool has_configs(const std::string& folder) {
  try {
    return !config_files(folder).empty();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::usage) throw;
    return false;
  }
}

std::string config_of(const PipelineFile& file) { return file.component + "/config.json"; }

}  // namespace

bool is_pipeline_folder(const std::string& output, const Recipe& recipe, const std::string& first) {
  if (output.empty() || !recipe.roles.empty()) return false;
  if (!is_folder(output) && (promised_form(output) || !promised_elsewhere(output).empty())) return false;
  if (recipe.layout.empty()) return is_folder_path(first) && holds_pipeline(first);
  return recipe.layout == asked_layout_names()[static_cast<size_t>(AskedLayout::diffusers)];
}

FolderOutput::FolderOutput(Plan& plan, std::span<const Checkpoint> checkpoints,
                           const std::optional<std::string>& config_from)
    : files_(split_into_components(plan, checkpoints)) {
  if (config_from)
    given_.emplace(*config_from, files_, true);
  else if (is_pipeline(checkpoints[0]) && has_configs(checkpoints[0].path))
    given_.emplace(checkpoints[0].path, files_, false);
  if (!given_) return;
  for (const Checkpoint& checkpoint : checkpoints)
    if (is_pipeline(checkpoint) && has_configs(checkpoint.path))
      given_->complete_from(checkpoint.path, files_);
  for (PipelineFile& file : files_)
    if (given_->has(config_of(file))) {
      file.config.reset();
      file.config_from = given_->source_of(config_of(file));
    }
}

std::vector<std::string> FolderOutput::warnings() const {
  std::vector<std::string> warnings;
  std::string lacking;
  for (const PipelineFile& file : files_)
    if (!file.config && file.config_from.empty()) lacking += (lacking.empty() ? "" : ", ") + config_of(file);
  if (!lacking.empty())
    warnings.push_back(lacking + (given_ ? " is not in " + given_->folder() : " cannot be told by names and shapes") +
                       ", which programs need; take such files from a folder of the same family (--config-from DIR)");
  if (!given_)
    warnings.push_back(
        "the folder has no model_index.json, tokenizer or scheduler, which no checkpoint holds: its components can be "
        "loaded one by one; --config-from DIR takes them from a folder of the same family");
  else
    for (std::string& warning : given_->warnings()) warnings.push_back(std::move(warning));
  return warnings;
}

RunReport FolderOutput::run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                            const std::vector<std::string>& inputs, const RunOptions& options) const {
  PartialFolder folder(target, inputs, options.replace, options.sync);
  std::vector<std::string> targets;
  for (const PipelineFile& file : files_) {
    folder.make_room_for(file.weights);
    targets.push_back(folder.path() + "/" + file.weights);
  }
  RunReport report = ckmerge::run(plan, checkpoints, targets, options);
  if (given_) given_->write_into(folder, options.sync);
  for (const PipelineFile& file : files_)
    if (file.config) write_text(folder.path() + "/" + config_of(file), *file.config, options.sync);
  folder.put_in_place();
  return report;
}

}  // namespace ckmerge::cli
