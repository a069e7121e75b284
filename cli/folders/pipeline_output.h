// SPDX-License-Identifier: Apache-2.0
// A folder of diffusers, made of whatever the inputs were: a file for each component, and the configs that names and
// shapes tell or a folder has that was given.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/folders/folder_output.h"
#include "cli/folders/given_configs.h"
#include "core/folders/pipeline_files.h"

namespace ckmerge::cli {

/// Whether an output of this name is a folder of diffusers, in whose layout the result is.
bool is_pipeline_folder(const std::string& output, const Recipe& recipe);

class PipelineOutput final : public FolderOutput {
 public:
  /// Lays `plan` out in files. `config_from`: the folder whose configs are taken. Throws Error(usage | mismatch | io).
  PipelineOutput(Plan& plan, std::span<const Checkpoint> checkpoints, const std::optional<std::string>& config_from);

  std::span<const FolderFile> files() const override { return files_; }
  std::vector<std::string> warnings() const override;

 private:
  void write_beside(const PartialFolder& folder, const Written& written) const override;

  std::vector<FolderFile> files_;
  std::optional<GivenConfigs> given_;
};

}  // namespace ckmerge::cli
