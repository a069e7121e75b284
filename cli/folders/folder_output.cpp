// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include <utility>

#include "cli/folders/config_files.h"
#include "cli/options/output_name.h"
#include "core/folders/made_index.h"
#include "core/inputs/asked_layout.h"
#include "io/folder/partial_folder.h"

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
    : files_(split_into_components(plan, checkpoints)) {
  if (!config_from) {
    index_ = made_index(files_, checkpoints[0]);
    return;
  }
  given_.emplace(*config_from, files_);
  for (PipelineFile& file : files_)
    if (given_->has(config_of(file))) {
      file.config.reset();
      file.config_from = *config_from;
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
  if (index_)
    warnings.push_back(
        "model_index.json names no tokenizer and no scheduler, which no checkpoint holds: programs must be given them, "
        "or "
        "--config-from DIR takes them from a folder of the same family");
  else if (!given_)
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
  if (index_) write_text(folder.path() + "/model_index.json", *index_, options.sync);
  folder.put_in_place();
  return report;
}

}  // namespace ckmerge::cli
