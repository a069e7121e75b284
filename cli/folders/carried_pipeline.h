// SPDX-License-Identifier: Apache-2.0
// What goes beside the weights of a pipeline that stays one: the files of A's sub-folders, schedulers and tokenizers
// among them, and model_index.json as that of the components that the result has.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/folders/carried_files.h"
#include "io/folder/pipeline_index.h"
#include "io/folder/side_files.h"
#include "io/table/checkpoint.h"

namespace ckmerge::cli {

class CarriedPipeline {
 public:
  /// Of the folder of the first of `checkpoints`, a pipeline, for a result of `components`, a file of each; what it
  /// lacks of them is taken from the first pipeline that has it. Throws as CarriedFiles does.
  CarriedPipeline(std::span<const Checkpoint> checkpoints, std::span<const FolderFile> components, bool copy_code);

  const std::string& folder() const { return folder_; }
  std::span<const BesideFile> beside() const { return beside_; }
  /// A sentence for each thing by which programs will miss something.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// The folder that a component's config.json is from; empty where there is none.
  std::string source_of_config(const std::string& component) const;
  /// Bytes that are written.
  uint64_t size() const;
  void write_into(const PartialFolder& target, bool sync) const;

 private:
  struct SubFolder {
    std::string name, from;  // from: the pipeline's folder
    CarriedFiles files;
  };

  bool has(const std::string& component) const;
  void take_own(const std::string& name);
  void take_file(const SideFile& file);
  void take(const std::string& name, const std::string& from);
  void complete(std::span<const Checkpoint> others);
  void change_index();

  std::string folder_;
  bool copy_code_;
  std::span<const FolderFile> components_;
  std::optional<PipelineIndex> index_;
  std::vector<PipelineIndex::Entry> entries_;  // of the index, in place of those that are there
  std::optional<std::string> index_text_;
  std::vector<SubFolder> sub_folders_;
  std::vector<SideFile> copies_;  // of the folder itself
  std::vector<BesideFile> beside_;
  std::vector<std::string> warnings_;
};

}  // namespace ckmerge::cli
