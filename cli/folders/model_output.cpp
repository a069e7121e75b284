// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/model_output.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/folders/config_files.h"
#include "cli/system/text.h"
#include "core/folders/model_sizes.h"
#include "core/folders/stored_dtypes.h"
#include "core/plan/tied_steps.h"
#include "io/folder/model_folder.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kMergekitConfig = "mergekit_config.yml";

constexpr const char* kNativeStem = "consolidated";

// Diffusers looks for other names than transformers, and programs of Mistral's own for others again, in which tensors
// have other names. The variant is A's, without which programs look for other files.
ShardedComponent component_of(const ModelFolder* folder) {
  if (!folder) return {};
  const bool of_diffusers = folder->kind == FolderKind::diffusers;
  return {.stem = of_diffusers                  ? "diffusion_pytorch_model"
                  : folder->stem == kNativeStem ? kNativeStem
                                                : "model",
          .variant = folder->variant,
          .counts_parameters = !of_diffusers};
}

std::string library_of(const ModelFolder* folder) {
  if (!folder || folder->kind == FolderKind::plain) return "";
  return folder->kind == FolderKind::transformers ? "transformers" : "diffusers";
}

// Unknown of a head that torch's files hold as the embedding under another name: so it is in the result, too.
Head head_of(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const auto step_called = [&](std::string_view name) {
    return std::ranges::find_if(plan.steps, [&](const Step& step) {
      return checkpoints[step.named.checkpoint].tensors.name(step.named.tensor) == name;
    });
  };
  const HeadNames found = head_among([&](std::string_view name) { return step_called(name) != plan.steps.end(); });
  if (found.head != Head::own) return found.head;
  const Step pair[] = {*step_called(found.name), *step_called(found.embedding)};
  constexpr uint32_t kBoth[] = {0, 1};
  return tied_steps(plan, checkpoints, pair, kBoth).empty() ? Head::own : Head::unknown;
}

// What lies beside the weights of another model of the same sizes.
void expect_config_of_same_sizes(const std::string& folder, const TensorTable& tensors, const ModelChanges& changes) {
  const std::string config = folder + "/config.json";
  std::error_code error;
  if (!std::filesystem::exists(config, error))
    throw Error(ErrorCode::usage, "--config-from",
                "--config-from: " + folder + " has no config.json; name the folder of a model of the same family");
  const std::vector<std::string> unlike = unlike_sizes(config_text(config), tensors, changes);
  if (!unlike.empty())
    throw Error(ErrorCode::mismatch, "--config-from",
                "--config-from: " + config + " is of another model: " + joined(unlike, "; "));
}

ConfigFacts config_facts(const Plan& plan, std::span<const FolderFile> files, Head head) {
  return {.dtype = main_dtype(plan, 0, plan.files.size()),
          .is_plain = std::ranges::all_of(files, [](const FolderFile& file) { return file.is_plain; }),
          .head = head};
}

}  // namespace

ModelOutput::ModelOutput(Plan& plan, std::span<const Checkpoint> checkpoints, ModelChanges changes,
                         const ModelOutputOptions& how)
    : changes_(std::move(changes)) {
  const ModelFolder* const folder = checkpoints[changes_.input].folder.get();
  const ShardedComponent component = component_of(folder);
  const Head head = head_of(plan, checkpoints);
  sharded_ = shard(plan, checkpoints, {&component, 1}, how.shard_size);
  if (how.config_from) expect_config_of_same_sizes(*how.config_from, checkpoints[changes_.input].tensors, changes_);
  const std::string from = how.config_from ? *how.config_from : folder ? folder->path : "";
  carried_.emplace(Carrying{.from = from,
                            .config = config_facts(plan, sharded_.files, head),
                            .is_native = component.stem == kNativeStem,
                            .copy_code = how.copy_code},
                   changes_);
  card_.library = how.config_from ? "transformers" : library_of(folder);
  card_.licence = common_licence(given_checkpoints(checkpoints));
  if (const auto config = changes_.texts.find(kMergekitConfig); config != changes_.texts.end())
    card_.mergekit_config = config->second;
  is_bare_ = !folder;
}

std::vector<std::string> ModelOutput::warnings() const {
  std::vector<std::string> warnings = carried_->warnings();
  if (is_bare_ && !carried_->has("config.json"))
    warnings.push_back(
        "the folder has weights alone, since A is a file: programs need a config.json beside them; --config-from DIR "
        "takes it from a folder of the same family");
  return warnings;
}

void ModelOutput::write_beside(const PartialFolder& folder, const Written& written) const {
  carried_->write_into(folder, written.sync);
  std::string card = changes_.card;
  if (card.empty() && writes_recipe(written.plan.recipe))
    card = model_card(written.plan, given_checkpoints(written.checkpoints), written.report.input_hashes, card_);
  if (changes_.has_card && !card.empty()) write_text(folder.path() + "/README.md", card, written.sync);
  write_indexes(folder, written, sharded_);
}

}  // namespace ckmerge::cli
