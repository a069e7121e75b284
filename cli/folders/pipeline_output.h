// SPDX-License-Identifier: Apache-2.0
// A folder of diffusers, made of whatever the inputs were: weights for each component, and beside them what A's folder
// has where A is a pipeline, what another folder has that was given, or the configs that names and shapes tell.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/folders/carried_pipeline.h"
#include "cli/folders/folder_output.h"
#include "cli/folders/given_configs.h"
#include "core/folders/model_card.h"
#include "core/folders/pipeline_files.h"

namespace ckmerge::cli {

/// Whether an output of this name is a folder of diffusers, in whose layout the result is.
bool is_pipeline_output(const std::string& output, const Recipe& recipe);

struct PipelineOutputOptions {
  std::optional<std::string> config_from = {};  ///< the folder whose configs are taken
  uint64_t shard_size = kPipelineShardSize;
  bool copy_code = false;
};

class PipelineOutput final : public FolderOutput {
 public:
  /// Lays `plan` out in files. Throws Error(usage | mismatch | io | malformed).
  PipelineOutput(Plan& plan, std::span<const Checkpoint> checkpoints, const PipelineOutputOptions& how);

  std::span<const FolderFile> files() const override { return sharded_.files; }
  std::vector<std::string> warnings() const override;
  std::span<const BesideFile> beside() const override;
  uint64_t size_beside() const override { return carried_ ? carried_->size() : 0; }

 private:
  void write_beside(const PartialFolder& folder, const Written& written) const override;

  void take_configs(std::span<const Checkpoint> checkpoints, const PipelineOutputOptions& how);

  ShardedFiles sharded_;
  std::vector<FolderFile> components_;  // of each its first file, which tells of all
  std::optional<GivenConfigs> given_;
  std::optional<CarriedPipeline> carried_;
  std::optional<std::string> index_;  // the text of a model_index.json that is made
  CardFacts card_;
};

}  // namespace ckmerge::cli
