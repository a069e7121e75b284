// SPDX-License-Identifier: Apache-2.0
// An output that is a folder of diffusers: its weights, a file for each component, and what lies beside them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/folders/given_configs.h"
#include "core/ckmerge.h"
#include "core/folders/pipeline_files.h"

namespace ckmerge::cli {

/// Whether an output of this name is a folder of diffusers: it names a folder, or no form of a file.
bool is_pipeline_folder(const std::string& output, const Recipe& recipe);

class FolderOutput {
 public:
  /// Lays `plan` out in files. `config_from`: the folder whose configs are taken. Throws Error(usage | mismatch | io).
  FolderOutput(Plan& plan, std::span<const Checkpoint> checkpoints, const std::optional<std::string>& config_from);

  const std::vector<PipelineFile>& files() const { return files_; }
  /// A sentence for each thing that programs will miss in the folder.
  std::vector<std::string> warnings() const;

  /// Writes the folder, which is there as a whole when this returns. Throws as ckmerge::run() does.
  RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                const std::vector<std::string>& inputs, const RunOptions& options) const;

 private:
  std::vector<PipelineFile> files_;
  std::optional<GivenConfigs> given_;
  std::optional<std::string> index_;  // the text of a model_index.json that is made
};

}  // namespace ckmerge::cli
