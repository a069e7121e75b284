// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/model_output.h"

#include <algorithm>
#include <utility>

#include "cli/folders/config_files.h"
#include "core/folders/stored_dtypes.h"
#include "io/folder/model_folder.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kMergekitConfig = "mergekit_config.yml";

// Diffusers looks for other names than transformers. The variant is A's, without which programs look for other files.
ShardedComponent component_of(const ModelFolder* folder) {
  if (!folder) return {};
  const bool of_diffusers = folder->kind == FolderKind::diffusers;
  return {.stem = of_diffusers ? "diffusion_pytorch_model" : "model",
          .variant = folder->variant,
          .counts_parameters = !of_diffusers};
}

std::string library_of(const ModelFolder* folder) {
  if (!folder || folder->kind == FolderKind::plain) return "";
  return folder->kind == FolderKind::transformers ? "transformers" : "diffusers";
}

ConfigFacts config_facts(const Plan& plan, std::span<const FolderFile> files) {
  return {.dtype = main_dtype(plan, 0, plan.files.size()),
          .is_plain = std::ranges::all_of(files, [](const FolderFile& file) { return file.is_plain; })};
}

}  // namespace

ModelOutput::ModelOutput(Plan& plan, std::span<const Checkpoint> checkpoints, ModelChanges changes,
                         const ModelOutputOptions& how)
    : changes_(std::move(changes)) {
  const ModelFolder* const folder = checkpoints[changes_.input].folder.get();
  const ShardedComponent component = component_of(folder);
  sharded_ = shard(plan, checkpoints, {&component, 1}, how.shard_size);
  carried_.emplace(
      Carrying{
          .from = folder ? folder->path : "", .config = config_facts(plan, sharded_.files), .copy_code = how.copy_code},
      changes_);
  card_.library = library_of(folder);
  card_.licence = common_licence(checkpoints);
  if (const auto config = changes_.texts.find(kMergekitConfig); config != changes_.texts.end())
    card_.mergekit_config = config->second;
  is_bare_ = !folder;
}

std::vector<std::string> ModelOutput::warnings() const {
  std::vector<std::string> warnings = carried_->warnings();
  if (is_bare_ && !carried_->has("config.json"))
    warnings.push_back("the folder has weights alone, since A is a file: programs need a config.json beside them");
  return warnings;
}

void ModelOutput::write_beside(const PartialFolder& folder, const Written& written) const {
  carried_->write_into(folder, written.sync);
  std::string card = changes_.card;
  if (card.empty() && writes_recipe(written.plan.recipe))
    card = model_card(written.plan, written.checkpoints, written.report.input_hashes, card_);
  if (changes_.has_card && !card.empty()) write_text(folder.path() + "/README.md", card, written.sync);
  write_indexes(folder, written, sharded_);
}

}  // namespace ckmerge::cli
