// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include <algorithm>

#include "cli/folders/config_files.h"
#include "cli/options/output_name.h"
#include "core/inputs/asked_layout.h"
#include "io/file/partial_folder.h"

namespace ckmerge::cli {
namespace {

std::string config_of(const PipelineFile& file) { return file.component + "/config.json"; }

}  // namespace

bool is_pipeline_folder(const std::string& output, const Recipe& recipe) {
  if (output.empty() || !recipe.roles.empty()) return false;
  return recipe.layout == asked_layout_names()[static_cast<size_t>(AskedLayout::diffusers)] &&
         (is_folder(output) || (!promised_form(output) && promised_elsewhere(output).empty()));
}

FolderOutput::FolderOutput(Plan& plan, std::span<const Checkpoint> checkpoints,
                           const std::optional<std::string>& config_from)
    : files_(split_into_components(plan, checkpoints)), config_from_(config_from.value_or("")) {
  if (config_from) copied_ = config_files(config_from_);
}

bool FolderOutput::has_config(const PipelineFile& file) const {
  return file.config || std::ranges::find(copied_, config_of(file)) != copied_.end();
}

std::vector<std::string> FolderOutput::warnings() const {
  std::vector<std::string> warnings;
  std::string lacking;
  for (const PipelineFile& file : files_)
    if (!has_config(file)) lacking += (lacking.empty() ? "" : ", ") + config_of(file);
  if (!lacking.empty())
    warnings.push_back(lacking +
                       (config_from_.empty() ? " cannot be told by names and shapes" : " is not in " + config_from_) +
                       ", which programs need; take such files from a folder of the same family (--config-from DIR)");
  if (config_from_.empty())
    warnings.push_back(
        "the folder has no model_index.json, tokenizer or scheduler, which no checkpoint holds: its components can be "
        "loaded one by one; --config-from DIR takes them from a folder of the same family");
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
  for (const std::string& copied : copied_) {
    folder.make_room_for(copied);
    copy_file(config_from_ + "/" + copied, folder.path() + "/" + copied, options.sync);
  }
  for (const PipelineFile& file : files_)
    if (file.config && std::ranges::find(copied_, config_of(file)) == copied_.end())
      write_text(folder.path() + "/" + config_of(file), *file.config, options.sync);
  folder.put_in_place();
  return report;
}

}  // namespace ckmerge::cli
