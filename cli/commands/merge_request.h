// SPDX-License-Identifier: Apache-2.0
// What is asked of a merge: inputs, recipe, options and where the output goes, all of it checked, nothing of it done.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/commands/after_merge.h"
#include "cli/options/request.h"
#include "cli/recipes/recipe_rules.h"
#include "cli/system/system.h"
#include "core/adapters/adapter_inputs.h"
#include "core/ckmerge.h"
#include "core/folders/model_changes.h"
#include "core/folders/sharding.h"

namespace ckmerge::cli {

/// What a recipe file says of a folder as the output, which counts where the output is one and nothing else is asked.
struct FolderSettings {
  std::optional<uint64_t> shard_size = {};
  std::optional<std::string> config_from = {};
  bool copy_code = false;
};

struct MergeRequest {
  std::vector<std::string> inputs;
  Settings settings;
  std::string output;                 ///< empty: a plan without a target, or the name is chosen later
  std::string config_from;            ///< what is copied beside the output; empty: nothing is, or it is not known yet
  std::string key;                    ///< of all PyTorch inputs that recipe.input_keys says nothing of
  std::vector<std::string> warnings;  ///< those of the plan follow
  /// Puts warnings into the words of a command that has options of its own; null: they are as they are.
  void (*words_warnings)(std::vector<std::string>&) = nullptr;
  std::vector<AdapterReport> adapters = {};        ///< what became of each (known when the inputs are open)
  Places places;                                   ///< of a recipe file's weights, rules and options
  Announcement announcement;                       ///< when the output is in place
  ModelChanges changes;                            ///< of a model's folder that is written
  std::optional<uint64_t> shard_size_before = {};  ///< where none is asked for: of what is made again
  FolderSettings recorded = {};                    ///< by the recipe file
  bool asks_for_folder = false;                    ///< the output is a model's folder though A is a file
  bool makes_model = false;                        ///< the output is a model's folder (known when the inputs are open)
  bool keeps_pipeline = false;  ///< or one of diffusers, as A is one, under the names that A has (likewise)

  bool makes_pipeline() const;  ///< `output` is a folder of diffusers, in its layout
  uint64_t shard_size(uint64_t otherwise) const {
    return settings.shard_size.value_or(shard_size_before.value_or(otherwise));
  }
  bool makes_folder() const { return makes_model || makes_pipeline(); }
};

/// Whether the output is a model's folder, now that the inputs are open. Throws Error(usage) for options that are not
/// of such an output.
void settle_output(MergeRequest& merge, std::span<const Checkpoint> checkpoints);

/// For `merge` and `plan`, and for what others ask as a merge. Throws Error(usage) with everything that stands against
/// the request.
MergeRequest merge_request(const Request& request, const Environment& environment);

}  // namespace ckmerge::cli
