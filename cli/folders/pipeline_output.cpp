// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/pipeline_output.h"

#include <algorithm>
#include <utility>

#include "cli/folders/config_files.h"
#include "cli/folders/model_output.h"
#include "core/folders/made_index.h"
#include "core/inputs/asked_layout.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

std::string config_of(const FolderFile& file) { return file.component + "/config.json"; }

// What its config has to say of a component is true of all of its files.
std::vector<FolderFile> whole_components(std::span<const FolderFile> files) {
  std::vector<FolderFile> components;
  for (size_t k = 0; k < files.size(); ++k) {
    if (components.empty() || components.back().component != files[k].component) {
      components.push_back(files[k]);
      continue;
    }
    FolderFile& whole = components.back();
    if (whole.dtype != files[k].dtype) whole.dtype.reset();
    whole.is_plain &= files[k].is_plain;
  }
  return components;
}

}  // namespace

bool is_pipeline_output(const std::string& output, const Recipe& recipe) {
  return recipe.roles.empty() && may_be_folder(output) &&
         recipe.layout == asked_layout_names()[static_cast<size_t>(AskedLayout::diffusers)];
}

PipelineOutput::PipelineOutput(Plan& plan, std::span<const Checkpoint> checkpoints, const PipelineOutputOptions& how)
    : sharded_(split_into_components(plan, checkpoints, how.shard_size)),
      components_(whole_components(sharded_.files)) {
  take_configs(checkpoints, how);
  if (carried_) card_ = {.library = "diffusers", .licence = common_licence(given_checkpoints(checkpoints))};
}

void PipelineOutput::take_configs(std::span<const Checkpoint> checkpoints, const PipelineOutputOptions& how) {
  if (how.config_from)
    given_.emplace(*how.config_from, components_);
  else if (is_pipeline(checkpoints[0]))
    carried_.emplace(checkpoints, components_, how.copy_code);
  for (FolderFile& file : components_) {
    if (given_ && given_->has(config_of(file))) file.config_from = *how.config_from;
    if (carried_) file.config_from = carried_->source_of_config(file.component);
    if (!file.config_from.empty()) file.config.reset();
    const auto first = std::ranges::find(sharded_.files, file.component, &FolderFile::component);
    first->config = file.config;
    first->config_from = file.config_from;
  }
  if (!given_ && !carried_) index_ = made_index(components_, checkpoints[0]);
}

std::span<const BesideFile> PipelineOutput::beside() const {
  return carried_ ? carried_->beside() : std::span<const BesideFile>();
}

std::vector<std::string> PipelineOutput::warnings() const {
  std::vector<std::string> warnings;
  std::string lacking;
  for (const FolderFile& file : components_)
    if (!file.config && file.config_from.empty()) lacking += (lacking.empty() ? "" : ", ") + config_of(file);
  if (!lacking.empty())
    warnings.push_back(lacking +
                       (given_     ? " is not in " + given_->folder()
                        : carried_ ? " is not in " + carried_->folder()
                                   : " cannot be told by names and shapes") +
                       ", which programs need; take such files from a folder of the same family (--config-from DIR)");
  if (carried_)
    warnings.insert(warnings.end(), carried_->warnings().begin(), carried_->warnings().end());
  else if (index_)
    warnings.push_back(
        "model_index.json names no tokenizer and no scheduler, which no checkpoint holds: programs must be given them, "
        "or --config-from DIR takes them from a folder of the same family");
  else if (!given_)
    warnings.push_back(
        "the folder has no model_index.json, tokenizer or scheduler, which no checkpoint holds: its components can be "
        "loaded one by one; --config-from DIR takes them from a folder of the same family");
  else
    for (std::string& warning : given_->warnings()) warnings.push_back(std::move(warning));
  return warnings;
}

void PipelineOutput::write_beside(const PartialFolder& folder, const Written& written) const {
  if (given_) given_->write_into(folder, written.sync);
  if (carried_) carried_->write_into(folder, written.sync);
  for (const FolderFile& file : components_)
    if (file.config) write_text(folder.path() + "/" + config_of(file), *file.config, written.sync);
  if (index_) write_text(folder.path() + "/model_index.json", *index_, written.sync);
  if (carried_ && writes_recipe(written.plan.recipe))
    write_text(folder.path() + "/README.md",
               model_card(written.plan, given_checkpoints(written.checkpoints), written.report.input_hashes, card_),
               written.sync);
  write_indexes(folder, written, sharded_);
}

}  // namespace ckmerge::cli
