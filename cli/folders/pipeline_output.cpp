// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/pipeline_output.h"

#include <utility>

#include "cli/folders/config_files.h"
#include "core/inputs/asked_layout.h"

namespace ckmerge::cli {
namespace {

std::string config_of(const FolderFile& file) { return file.component + "/config.json"; }

}  // namespace

bool is_pipeline_folder(const std::string& output, const Recipe& recipe) {
  return recipe.roles.empty() && may_be_folder(output) &&
         recipe.layout == asked_layout_names()[static_cast<size_t>(AskedLayout::diffusers)];
}

PipelineOutput::PipelineOutput(Plan& plan, std::span<const Checkpoint> checkpoints,
                               const std::optional<std::string>& config_from)
    : files_(split_into_components(plan, checkpoints)) {
  if (!config_from) return;
  given_.emplace(*config_from, files_);
  for (FolderFile& file : files_)
    if (given_->has(config_of(file))) {
      file.config.reset();
      file.config_from = *config_from;
    }
}

std::vector<std::string> PipelineOutput::warnings() const {
  std::vector<std::string> warnings;
  std::string lacking;
  for (const FolderFile& file : files_)
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

void PipelineOutput::write_beside(const PartialFolder& folder, const Written& written) const {
  if (given_) given_->write_into(folder, written.sync);
  for (const FolderFile& file : files_)
    if (file.config) write_text(folder.path() + "/" + config_of(file), *file.config, written.sync);
}

}  // namespace ckmerge::cli
